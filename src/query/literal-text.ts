import { unreachable } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { isNumberText } from '#base/number-text.ts'
import type { Literal } from '#sql/compile.ts'
import { elementsOfArrayText } from '#types/array-text.ts'
import { type DataType, sparkName } from '#types/data-type.ts'

/**
 * Reads a value as PostgreSQL writes it as text, whether a client sent it or our encoder made it. Complex types are
 * kept as their text.
 * @throws AppError 'query.value', 'query.out_of_range', 'query.time_text'
 */
export function literalOfText(type: DataType, text: string): Literal {
  const trimmed = text.trim()
  switch (type.kind) {
    case 'boolean':
      return { type, value: booleanOf(trimmed) ?? refuse(type, text) }
    case 'byte':
    case 'short':
    case 'integer':
      return { type, value: Number(wholeNumber(type, type.kind, trimmed)) }
    case 'long':
      return { type, value: wholeNumber(type, type.kind, trimmed) }
    case 'float':
    case 'double':
      return { type, value: floatingOf(type, trimmed) ?? refuse(type, text) }
    case 'decimal': {
      if (!isNumberText(trimmed) || /e[+-]?\d{4}/i.test(trimmed)) refuse(type, text)
      return { type, value: trimmed }
    }
    case 'date':
      return { type, value: dateOf(trimmed) ?? refuse(type, text) }
    case 'timestamp':
      return { type, value: instantOf(trimmed, true) ?? refuse(type, text) }
    case 'timestamp_ntz':
      return { type, value: instantOf(trimmed, false) ?? refuse(type, text) }
    case 'binary':
      return {
        type,
        value: /^\\x(?:[0-9a-f]{2})*$/i.test(trimmed) ? trimmed.slice(2).toLowerCase() : refuse(type, text),
      }
    case 'interval':
      return { type, value: spanOf(trimmed) ?? refuse(type, text) }
    case 'array': {
      const elements = elementsOfArrayText(trimmed) ?? refuse(type, text)
      return {
        type,
        value: text,
        elements: elements.map((element) =>
          element === null ? { type: type.element, value: null } : literalOfText(type.element, element),
        ),
      }
    }
    case 'string':
    case 'void':
    case 'map':
    case 'struct':
      return { type, value: text }
    default:
      return unreachable(type)
  }
}

const shownCharacters = 80

/** Times have a code of their own, as PostgreSQL's have. */
function refuse(type: DataType, text: string): never {
  const isTime = ['date', 'timestamp', 'timestamp_ntz', 'interval'].includes(type.kind)
  throw new AppError(
    isTime ? 'query.time_text' : 'query.value',
    `A value of type ${sparkName(type)} was expected, ${JSON.stringify(text.slice(0, shownCharacters))} came.`,
  )
}

function booleanOf(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  if (['t', 'true', 'y', 'yes', 'on', '1'].includes(lower)) return true
  if (['f', 'false', 'n', 'no', 'off', '0'].includes(lower)) return false
  return undefined
}

const bits = { byte: 8n, short: 16n, integer: 32n, long: 64n } as const

function wholeNumber(type: DataType, kind: keyof typeof bits, text: string): bigint {
  if (!/^[+-]?\d+$/.test(text)) refuse(type, text)
  const value = /^[+-]?0*\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined
  const half = 1n << (bits[kind] - 1n)
  if (value === undefined || value < -half || value >= half) refuseRange(type, text)
  return value
}

function refuseRange(type: DataType, text: string): never {
  throw new AppError(
    'query.out_of_range',
    `${text.slice(0, shownCharacters)} is out of the range of ${sparkName(type)}.`,
  )
}

/** What no such number can be near is out of range, as for PostgreSQL. */
function floatingOf(type: DataType, text: string): number | undefined {
  const value = doubleOf(text)
  if (value === undefined || !isNumberText(text)) return value
  const near = type.kind === 'float' ? Math.fround(value) : value
  const isLost = !Number.isFinite(near) || (near === 0 && /^[^e]*[1-9]/i.test(text))
  return isLost ? refuseRange(type, text) : value
}

function doubleOf(text: string): number | undefined {
  const lower = text.toLowerCase()
  if (lower === 'nan') return Number.NaN
  if (lower === 'infinity' || lower === 'inf') return Number.POSITIVE_INFINITY
  if (lower === '-infinity' || lower === '-inf') return Number.NEGATIVE_INFINITY
  return isNumberText(lower) ? Number(lower) : undefined
}

function dateOf(text: string): string | undefined {
  // A zone stands behind a date alone where JDBC sends it. What else does, such as BC, would mean another one.
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]\s*\d{2}:\d{2}[\d:.]*)?\s*(?:Z|[+-][\d:]{2,8})?$/i.exec(text)
  if (!match) return undefined
  const date = `${match[1]}-${match[2]}-${match[3]}`
  return isDate(date) ? date : undefined
}

function isDate(date: string): boolean {
  const time = Date.parse(`${date}T00:00:00Z`)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(date)
}

/** ISO 8601 UTC with microseconds where there are some; a text without zone is UTC. */
function instantOf(text: string, isInstant: boolean): string | undefined {
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?(?::?\d{2})?)?$/i.exec(
      text,
    )
  const [, date, hours = '00', minutes = '00', seconds = '00', fraction = '', zone] = match ?? []
  if (date === undefined || !isDate(date)) return undefined
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return undefined
  const micros = fraction.padEnd(6, '0').slice(0, 6)
  const offsetMs = isInstant && zone !== undefined ? zoneMs(zone) : 0
  const at = new Date(Date.parse(`${date}T${hours}:${minutes}:${seconds}Z`) - offsetMs)
  return `${at.toISOString().slice(0, 19)}.${micros}${isInstant ? 'Z' : ''}`
}

function zoneMs(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const digits = zone.slice(1).replaceAll(':', '')
  const [hours = 0, minutes = 0, seconds = 0] = (digits.match(/\d{2}/g) ?? []).map(Number)
  const span = (hours * 3600 + minutes * 60 + seconds) * 1000
  return zone.startsWith('-') ? -span : span
}

const monthsPer: Readonly<Record<string, number>> = { year: 12, mon: 1, month: 1 }
const daysPer: Readonly<Record<string, number>> = { week: 7, day: 1 }
const microsPer: Readonly<Record<string, number>> = {
  hour: 3_600_000_000,
  min: 60_000_000,
  minute: 60_000_000,
  sec: 1_000_000,
  second: 1_000_000,
  s: 1_000_000,
  millisecond: 1_000,
  ms: 1_000,
  microsecond: 1,
  us: 1,
}

/** Months, days and microseconds of `1 mons 2 days -03:04:05.6`, `2 days 3.5 secs` and the like. */
function spanOf(text: string): string | undefined {
  if (/^P/i.test(text)) return isoSpanOf(text)
  const part =
    /\s*(?:([+-]?)(\d{1,6}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?(?!\S)|([+-]?\d+)(?:\.(\d+))?\s*([a-z]+))/iy
  let [months, days, micros] = [0, 0, 0n]
  while (part.lastIndex < text.length) {
    const found = part.exec(text)
    if (!found) return undefined
    const [, sign, hours = '0', minutes = '0', seconds = '0', fraction = '', count, tail = '', word = ''] =
      found
    if (count === undefined) {
      const clock = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
      const size = BigInt(clock) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
      micros += sign === '-' ? -size : size
      continue
    }
    const unit = word.toLowerCase().replace(/(?<=[a-z]{2})s$/, '')
    const [perMonth, perDay, perMicro] = [monthsPer[unit], daysPer[unit], microsPer[unit]]
    if (perMicro !== undefined) {
      const size = BigInt(count) * BigInt(perMicro)
      const rest = BigInt(Math.round(Number(`0.${tail || '0'}`) * perMicro))
      micros += count.startsWith('-') ? size - rest : size + rest
    } else if (/[1-9]/.test(tail)) return undefined
    else if (perMonth !== undefined) months += Number(count) * perMonth
    else if (perDay !== undefined) days += Number(count) * perDay
    else return undefined
  }
  return part.lastIndex === 0 ? undefined : spanText(months, days, micros)
}

/** Undefined: it is longer than a span can be. */
function spanText(months: number, days: number, micros: bigint): string | undefined {
  const fits = BigInt.asIntN(64, micros) === micros && [months, days].every((count) => (count | 0) === count)
  return fits ? `${months} ${days} ${micros}` : undefined
}

/** `P1Y2M3W4DT5H6M7.8S`. */
function isoSpanOf(text: string): string | undefined {
  const whole = String.raw`([+-]?\d{1,9})`
  const date = `(?:${whole}Y)?(?:${whole}M)?(?:${whole}W)?(?:${whole}D)?`
  const time = `(?:T(?=[\\d+-])(?:${whole}H)?(?:${whole}M)?(?:([+-]?\\d{1,9}(?:\\.\\d{1,6})?)S)?)?`
  const found = new RegExp(`^P(?=[\\dT+-])${date}${time}$`, 'i').exec(text)
  if (!found) return undefined
  const [years, months, weeks, days, hours, minutes] = found.slice(1).map((part) => Number(part ?? 0))
  const [, sign = '', seconds = '0', fraction = ''] = /^([+-]?)(\d*)\.?(\d*)$/.exec(found[7] ?? '0') ?? []
  const size = BigInt(seconds) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  const micros = BigInt(hours! * 60 + minutes!) * 60_000_000n + (sign === '-' ? -size : size)
  return spanText(years! * 12 + months!, weeks! * 7 + days!, micros)
}
