import { isNumberText } from '#base/number-text.ts'
import { sameType, type DataType } from '#types/data-type.ts'
import { isIntegral, isTemporal } from '#types/implicit-cast.ts'
import type { Literal } from '../compile.ts'
import { dateText, parseDateText, parseTimestampText, timestampText } from './time-text.ts'

const bits: Readonly<Record<string, bigint>> = { byte: 8n, short: 16n, integer: 32n, long: 64n }

/**
 * A constant converted as Spark's CAST does without ANSI: what does not fit becomes NULL, whole numbers wrap.
 * Undefined: left to the engine.
 */
export function foldCast(literal: Literal, type: DataType): Literal | undefined {
  const { value } = literal
  if (value === null || sameType(literal.type, type)) return { type, value }
  if (literal.type.kind === 'string') return foldString(String(value), type)
  if (isIntegral(literal.type) && (typeof value === 'number' || typeof value === 'bigint')) {
    return foldWhole(BigInt(value), type)
  }
  if (literal.type.kind === 'date' && type.kind === 'timestamp') {
    return { type, value: `${String(value)}T00:00:00.000000Z` }
  }
  if (literal.type.kind === 'timestamp' && type.kind === 'date') {
    return { type, value: String(value).replace(/T.*$/, '') }
  }
  return undefined
}

function foldString(text: string, type: DataType): Literal | undefined {
  const trimmed = withoutBlanks(text)
  // Words that mean an ingest time where they are compared with one: they must still be there to be seen.
  if (/^(?:head|tail)$/i.test(trimmed)) return undefined
  // What day it is the engine knows.
  if (isTemporal(type) && /^(?:epoch|now|today|tomorrow|yesterday)\b/i.test(trimmed)) return undefined
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long': {
      const digits = /^([+-]?\d+)(?:\.\d*)?$/.exec(trimmed)?.[1]
      if (digits === undefined) return /[\d.]/.test(trimmed) ? undefined : { type, value: null }
      const whole = BigInt(digits)
      return { type, value: wrapped(whole, type.kind) === whole ? narrow(whole, type) : null }
    }
    case 'double': {
      if (!isNumberText(trimmed)) {
        return /^[+-]?(?:inf|nan)|\d/i.test(trimmed) ? undefined : { type, value: null }
      }
      return { type, value: Number(trimmed) }
    }
    case 'boolean': {
      const lower = trimmed.toLowerCase()
      if (['t', 'true', 'y', 'yes', '1'].includes(lower)) return { type, value: true }
      return { type, value: ['f', 'false', 'n', 'no', '0'].includes(lower) ? false : null }
    }
    case 'date':
      return { type, value: parseDateText(trimmed) ?? null }
    case 'timestamp': {
      const parsed = parseTimestampText(trimmed)
      return parsed === 'other' ? undefined : { type, value: parsed ?? null }
    }
    default:
      return undefined
  }
}

/** Java trims what lies before the first sign, and wider blanks never. */
function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && text.charCodeAt(from) <= 0x20) from += 1
  while (to > from && text.charCodeAt(to - 1) <= 0x20) to -= 1
  return text.slice(from, to)
}

function foldWhole(value: bigint, type: DataType): Literal | undefined {
  switch (type.kind) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return { type, value: narrow(wrapped(value, type.kind), type) }
    case 'double':
      return { type, value: Number(value) }
    case 'string':
      return { type, value: String(value) }
    case 'boolean':
      return { type, value: value !== 0n }
    case 'decimal': {
      const fits = String(value).replace('-', '').length <= type.precision - type.scale
      return fits ? { type, value: String(value) } : undefined
    }
    default:
      return undefined
  }
}

/** Whole-number arithmetic on constants, wrapping as Spark's does. */
export function foldArithmetic(
  operator: '+' | '-' | '*',
  left: Literal,
  right: Literal,
  type: DataType,
): Literal | undefined {
  if (left.value === null || right.value === null) return { type, value: null }
  if (!isIntegral(left.type) || !isIntegral(right.type) || !isIntegral(type)) return undefined
  const [one, other] = [BigInt(left.value), BigInt(right.value)]
  const exact = operator === '+' ? one + other : operator === '-' ? one - other : one * other
  return { type, value: narrow(wrapped(exact, type.kind), type) }
}

/** A date moved by whole days. */
export function foldDays(date: Literal, days: Literal, sign: 1 | -1): Literal | undefined {
  if (date.value === null || days.value === null) return { type: date.type, value: null }
  const start = Date.parse(`${String(date.value)}T00:00:00Z`)
  if (Number.isNaN(start)) return undefined
  const moved = new Date(start + sign * Number(days.value) * 86_400_000)
  // Years that have no four digits the engine computes.
  return isOfFourDigits(moved) ? { type: date.type, value: dateText(moved) } : undefined
}

/** A timestamp moved by a span without months. */
export function foldMicros(timestamp: Literal, micros: bigint): Literal | undefined {
  const fraction = /\.(\d{6})Z$/.exec(String(timestamp.value))?.[1]
  const millis = Date.parse(String(timestamp.value))
  if (fraction === undefined || Number.isNaN(millis)) return undefined
  const exact = BigInt(Math.floor(millis / 1000)) * 1_000_000n + BigInt(fraction) + micros
  return isOfFourDigits(new Date(Number(exact / 1000n)))
    ? { type: timestamp.type, value: timestampText(exact) }
    : undefined
}

function isOfFourDigits(time: Date): boolean {
  const year = time.getUTCFullYear()
  return year >= 1 && year <= 9999
}

function wrapped(value: bigint, kind: string): bigint {
  return BigInt.asIntN(Number(bits[kind] ?? 64n), value)
}

function narrow(value: bigint, type: DataType): bigint | number {
  return type.kind === 'long' ? value : Number(value)
}
