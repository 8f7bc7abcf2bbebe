import { unreachable } from '#base/assert.ts'
import { javaDoubleText } from '#base/java-double.ts'
import type { DataType } from '#types/data-type.ts'
import type { Interval, MapEntries, Value } from './value.ts'

const dayMs = 86_400_000

const pad = (value: number | bigint, length: number): string => String(value).padStart(length, '0')

/** `2018-01-18`; years beyond four digits and before Christ as PostgreSQL prints them. */
export function dateText(days: number): string {
  const date = new Date(days * dayMs)
  const year = date.getUTCFullYear()
  const text = `${pad(year > 0 ? year : 1 - year, 4)}-${pad(date.getUTCMonth() + 1, 2)}-${pad(date.getUTCDate(), 2)}`
  return year > 0 ? text : `${text} BC`
}

interface Moment {
  readonly date: string
  readonly time: string
  /** 0 to 999 999 */
  readonly micros: number
}

function moment(micros: bigint): Moment {
  const perDay = 86_400_000_000n
  let days = micros / perDay
  let rest = micros % perDay
  if (rest < 0n) {
    days -= 1n
    rest += perDay
  }
  const ofDay = Number(rest)
  const seconds = Math.floor(ofDay / 1_000_000)
  return {
    date: dateText(Number(days)),
    time: `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`,
    micros: ofDay % 1_000_000,
  }
}

/** `2018-01-18 06:55:53.123`, without a fraction when there is none: PostgreSQL's text. */
export function timestampText(micros: bigint): string {
  const { date, time, micros: fraction } = moment(micros)
  return fraction === 0 ? `${date} ${time}` : `${date} ${time}.${pad(fraction, 6).replace(/0+$/, '')}`
}

/** `2018-01-18 06:55:53.0`: at least one digit of fraction, as the dialect prints timestamps inside complex values. */
export function dialectTimestampText(micros: bigint): string {
  const { date, time, micros: fraction } = moment(micros)
  return `${date} ${time}.${pad(fraction, 6).replace(/0+$/, '') || '0'}`
}

/** `2018-01-18T06:55:53.123Z`; microseconds only when there are some. */
export function isoTimestampText(micros: bigint, zone: 'Z' | ''): string {
  const { date, time, micros: fraction } = moment(micros)
  const digits = fraction % 1000 === 0 ? pad(fraction / 1000, 3) : pad(fraction, 6)
  return `${date}T${time}.${digits}${zone}`
}

/** All digits, never through a floating-point number. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return String(unscaled)
  const sign = unscaled < 0n ? '-' : ''
  const digits = pad(unscaled < 0n ? -unscaled : unscaled, scale + 1)
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/**
 * As PostgreSQL prints float8 and float4: shortest that reads back the same. Where that is half way to the next double, as
 * 1e+23, PostgreSQL has a longer one.
 */
export function doubleText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return 'Infinity'
  if (value === -Infinity) return '-Infinity'
  if (Object.is(value, -0)) return '-0'
  const size = Math.abs(value)
  // JavaScript has exponents below 1e-6 and from 1e+21 on.
  if (size === 0 || (size >= 1e-4 && size < 1e15)) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** `1 year 2 mons -3 days +04:05:06.5`, as PostgreSQL prints intervals: what follows something negative has its sign. */
export function intervalText({ months, days, micros }: Interval): string {
  const parts: string[] = []
  let isBefore = false
  const signOf = (isNegative: boolean): string => {
    const sign = isNegative ? '-' : isBefore ? '+' : ''
    isBefore = isNegative
    return sign
  }
  const add = (count: number, unit: string): void => {
    if (count === 0) return
    parts.push(`${signOf(count < 0)}${Math.abs(count)} ${unit}${count === 1 ? '' : 's'}`)
  }
  add(Math.trunc(months / 12), 'year')
  add(months % 12, 'mon')
  add(days, 'day')
  if (micros !== 0n || parts.length === 0) {
    const size = micros < 0n ? -micros : micros
    const seconds = size / 1_000_000n
    const fraction = size % 1_000_000n
    const clock = `${pad(seconds / 3600n, 2)}:${pad((seconds / 60n) % 60n, 2)}:${pad(seconds % 60n, 2)}`
    const tail = fraction === 0n ? '' : `.${pad(fraction, 6).replace(/0+$/, '')}`
    parts.push(`${signOf(micros < 0n)}${clock}${tail}`)
  }
  return parts.join(' ')
}

/** `P1Y2M3DT4H5M6.5S`, each part with its sign. */
export function isoIntervalText({ months, days, micros }: Interval): string {
  const seconds = micros / 1_000_000n
  const fraction = micros % 1_000_000n
  const [hours, minutes, rest] = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n]
  const sign = micros < 0n && rest === 0n ? '-' : ''
  const tail = pad(fraction < 0n ? -fraction : fraction, 6).replace(/0+$/, '')
  const part = (count: number | bigint, unit: string): string =>
    Number(count) === 0 ? '' : `${count}${unit}`
  const date = part(Math.trunc(months / 12), 'Y') + part(months % 12, 'M') + part(days, 'D')
  const second = tail === '' ? part(rest, 'S') : `${sign}${rest}.${tail}S`
  const time = part(hours, 'H') + part(minutes, 'M') + second
  if (date === '' && time === '') return 'PT0S'
  return `P${date}${time === '' ? '' : `T${time}`}`
}

/** Float32 values print with the digits a float has, not those of the double that carries it. */
export function floatDigits(value: number): number {
  if (!Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits))
    if (Math.fround(candidate) === value) return candidate
  }
  return Number(value.toPrecision(9))
}

/**
 * A complex value as the dialect prints it on the wire: struct `(a,b)`, nested struct in plain double quotes, array `{a,b}`,
 * texts in arrays quoted, map `[key -> value]`, NULL as `NULL` in structs and `null` in arrays.
 */
export function dialectText(type: DataType, value: Exclude<Value, null>): string {
  switch (type.kind) {
    case 'struct':
      return `(${(value as readonly Value[]).map((item, index) => structItem(type.fields[index]!.type, item)).join(',')})`
    case 'array':
      return `{${(value as readonly Value[]).map((item) => arrayItem(type.element, item)).join(',')}}`
    case 'map':
      return `[${(value as MapEntries).entries
        .map(([key, item]) => `${scalarInside(type.key, key)} -> ${mapItem(type.value, item)}`)
        .join(', ')}]`
    default:
      return scalarInside(type, value)
  }
}

function structItem(type: DataType, value: Value): string {
  if (value === null) return 'NULL'
  const text = dialectText(type, value)
  return type.kind === 'struct' ? `"${text}"` : text
}

function arrayItem(type: DataType, value: Value): string {
  if (value === null) return 'null'
  const text = dialectText(type, value)
  return type.kind === 'string' ? `"${text}"` : text
}

function mapItem(type: DataType, value: Value): string {
  if (value === null) return 'null'
  const text = dialectText(type, value)
  return isComplex(type) ? `"${text}"` : text
}

function scalarInside(type: DataType, value: Value): string {
  if (value === null) return 'null'
  switch (type.kind) {
    case 'timestamp':
    case 'timestamp_ntz':
      return dialectTimestampText(value as bigint)
    case 'double':
      return javaDoubleText(value as number)
    case 'float':
      return javaDoubleText(floatDigits(value as number))
    case 'boolean':
      return value ? 'true' : 'false'
    case 'struct':
    case 'array':
    case 'map':
      return dialectText(type, value)
    default:
      return plainText(type, value)
  }
}

/** A top-level scalar as PostgreSQL prints it. */
export function plainText(type: DataType, value: Exclude<Value, null>): string {
  switch (type.kind) {
    case 'boolean':
      return value ? 't' : 'f'
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
    case 'void':
      return (value as number | bigint).toString()
    case 'float':
      return doubleText(floatDigits(value as number))
    case 'double':
      return doubleText(value as number)
    case 'decimal':
      return decimalText(value as bigint, type.scale)
    case 'string':
      return value as string
    case 'binary':
      return `\\x${hexText(value as Uint8Array)}`
    case 'date':
      return dateText(value as number)
    case 'timestamp':
      return `${timestampText(value as bigint)}+00`
    case 'timestamp_ntz':
      return timestampText(value as bigint)
    case 'interval':
      return intervalText(value as Interval)
    case 'array':
    case 'map':
    case 'struct':
      return dialectText(type, value)
    default:
      return unreachable(type)
  }
}

export function isComplex(type: DataType): boolean {
  return type.kind === 'struct' || type.kind === 'array' || type.kind === 'map'
}
