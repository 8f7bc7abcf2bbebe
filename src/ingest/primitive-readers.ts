import { unreachable } from '#base/assert.ts'
import { isNumberText } from '#base/number-text.ts'
import type { DataType } from '#types/data-type.ts'

/** Gives a value as a text that the engine certainly converts without loss, or undefined when it is no such value. */
export type TextReader = (text: string) => string | undefined

type Primitive = Exclude<DataType, { readonly kind: 'array' | 'map' | 'struct' }>

/**
 * What texts a type takes. Stricter than the engine's own casts where those lose something in silence: `1.5` is no
 * integer, `1e400` no double, `0.001` no decimal(10,2). Times without a zone are UTC.
 */
export function textReader(type: Primitive): TextReader {
  switch (type.kind) {
    case 'string':
      return (text) => text
    case 'boolean':
      return booleanText
    case 'byte':
      return integerReader(8n)
    case 'short':
      return integerReader(16n)
    case 'integer':
      return integerReader(32n)
    case 'long':
      return integerReader(64n)
    case 'float':
      return floatingReader(Math.fround)
    case 'double':
      return floatingReader((value) => value)
    case 'decimal':
      return decimalReader(type.precision, type.scale)
    case 'binary':
      return binaryText
    case 'date':
      return dateText
    case 'timestamp':
    case 'timestamp_ntz':
      return timestampText
    case 'interval':
    case 'void':
      return () => undefined // No table has such a column.
    default:
      return unreachable(type)
  }
}

function booleanText(text: string): string | undefined {
  switch (text.toLowerCase()) {
    case 'true':
    case '1':
      return 'true'
    case 'false':
    case '0':
      return 'false'
    default:
      return undefined
  }
}

/** What nearly every writer writes; looked at without cutting it up. */
const plainInteger = /^(?:0|-?[1-9]\d*)$/
const integerPattern = /^\s*([+-]?)0*(\d+?)(?:\.0*)?\s*$/

function integerReader(bits: bigint): TextReader {
  const max = 2n ** (bits - 1n) - 1n
  // Up to so many digits nothing needs to be compared.
  const safeDigits = max.toString().length - 1
  return (text) => {
    if (text.length <= safeDigits && plainInteger.test(text)) return text
    const [whole, sign = '', digits = ''] = integerPattern.exec(text) ?? []
    if (whole === undefined) return undefined
    const value = sign === '-' ? `-${digits}` : digits
    if (digits.length <= safeDigits) return value
    if (digits.length > safeDigits + 1) return undefined
    const number = BigInt(value)
    return number >= -max - 1n && number <= max ? value : undefined
  }
}

const specials: ReadonlyMap<string, string> = new Map([
  ['nan', 'NaN'],
  ['infinity', 'Infinity'],
  ['-infinity', '-Infinity'],
])

/** Inside of JSON the engine takes neither a plus nor zeros before a number. */
const plusOrZeros = /^(?:\+|(-))?0*(?=\d)|^\+/

function floatingReader(round: (value: number) => number): TextReader {
  return (text) => {
    const trimmed = text.trim()
    if (!isNumberText(trimmed)) return specials.get(text.toLowerCase())
    return Number.isFinite(round(Number(trimmed))) ? trimmed.replace(plusOrZeros, '$1') : undefined
  }
}

const decimalPattern = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?\s*$/

function decimalReader(precision: number, scale: number): TextReader {
  return (text) => {
    const [match, sign = '', whole = '', part = '', exponentText] = decimalPattern.exec(text) ?? []
    if (match === undefined || whole.length + part.length === 0) return undefined
    const exponent = Number(exponentText ?? 0)
    const digits = exponent < 0 ? '0'.repeat(-exponent) + whole + part : whole + part + '0'.repeat(exponent)
    const point = exponent < 0 ? whole.length : whole.length + exponent
    const integer = digits.slice(0, point).replace(/^0+/, '')
    const fraction = digits.slice(point).replace(/0+$/, '')
    if (integer.length > precision - scale || fraction.length > scale) return undefined
    return `${sign === '-' ? '-' : ''}${integer || '0'}.${fraction || '0'}`
  }
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const hexPattern = /^\\x(?:[0-9A-Fa-f]{2})*$/

/** Base64, or hexadecimal after `\x`, as PostgreSQL writes it. */
function binaryText(text: string): string | undefined {
  const hex = hexPattern.test(text)
    ? text.slice(2)
    : base64Pattern.test(text)
      ? Buffer.from(text, 'base64').toString('hex')
      : undefined
  return hex?.toUpperCase().replaceAll(/../g, String.raw`\x$&`)
}

const datePattern = /^\s*(\d{4})-(\d{2})-(\d{2})\s*$/

function dateText(text: string): string | undefined {
  const [match, year = '', month = '', day = ''] = datePattern.exec(text) ?? []
  return match !== undefined && isDay(Number(year), Number(month), Number(day)) ? text.trim() : undefined
}

const timestampPattern =
  /^\s*(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([Zz]|[+-]\d{2}(?::?\d{2})?)?)?\s*$/

/** Days that are there in every year, from the year 1000 on; the engine reads them, and times of them, as they are. */
export const plainDay = String.raw`[1-9]\d{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`
/** The commonest forms of what stands behind them in timestamps. */
export const plainTime = String.raw`[T ](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-](?:0\d|1[0-7])(?::?[0-5]\d)?)?`
const plainTimestamp = new RegExp(`^${plainDay}${plainTime}$`)

/** Digits after the microsecond are cut off. */
function timestampText(text: string): string | undefined {
  if (plainTimestamp.test(text)) return text
  const match = timestampPattern.exec(text)
  if (!match) return undefined
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', part = '0', zone] =
    match
  if (!isDay(Number(year), Number(month), Number(day))) return undefined
  if (hour > '23' || minute > '59' || second > '59') return undefined
  const offset = zone === undefined || zone === 'Z' || zone === 'z' ? '+00:00' : offsetText(zone)
  if (offset === undefined) return undefined
  return `${year}-${month}-${day} ${hour}:${minute}:${second}.${part.slice(0, 6)}${offset}`
}

function offsetText(zone: string): string | undefined {
  const hours = zone.slice(1, 3)
  const minutes = zone.slice(3).replace(':', '') || '00'
  return hours > '18' || minutes > '59' ? undefined : `${zone[0]}${hours}:${minutes}`
}

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const

function isDay(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1) return false
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return day <= (daysOfMonth[month - 1] ?? 0) + (month === 2 && isLeap ? 1 : 0)
}
