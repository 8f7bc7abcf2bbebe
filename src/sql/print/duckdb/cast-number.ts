import { longType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isFractional, isIntegral } from '#types/implicit-cast.ts'
import { countOf } from './intervals.ts'
import { withValue } from './with-value.ts'

const bytesOf: Readonly<Record<string, number>> = { byte: 1, short: 2, integer: 4, long: 8 }

const isInteger = (type: DataType): boolean => type.kind in bytesOf

/** Between numbers and booleans, and from texts to them. Undefined: not such a pair. */
export function castToNumber(text: string, from: DataType, to: DataType): string | undefined {
  if (from.kind === 'interval') {
    return castToNumber(countOf(text, from), longType, to) ?? countOf(text, from)
  }
  if (isInteger(to)) return castToInteger(text, from, to)
  const target = duckdbType(to)
  switch (to.kind) {
    case 'double':
      return from.kind === 'string' ? doubleOfText(text) : numberOf(text, from, target)
    case 'float':
      if (from.kind === 'string') return floatOfDouble(doubleOfText(text))
      return from.kind === 'double' ? floatOfDouble(text) : numberOf(text, from, target)
    case 'decimal':
      return castToDecimal(text, from, target)
    case 'boolean':
      return castToBoolean(text, from)
    default:
      return undefined
  }
}

function numberOf(text: string, from: DataType, target: string): string | undefined {
  if (isIntegral(from) || isFractional(from) || from.kind === 'decimal' || from.kind === 'boolean') {
    return `CAST(${text} AS ${target})`
  }
  if (from.kind === 'timestamp' || from.kind === 'timestamp_ntz') {
    return `CAST(epoch_us(${text}) / 1e6 AS ${target})`
  }
  return undefined
}

/** Java reads a number with a type's letter behind it, and knows no underscores. */
function doubleOfText(text: string): string {
  return `TRY_CAST(regexp_extract(${text}, '^\\s*([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?|(?i:[+-]?(?:inf|infinity)|nan))(?:[dDfF])?\\s*$', 1) AS DOUBLE)`
}

/** What is too large for a float is infinite. */
function floatOfDouble(text: string): string {
  return withValue(
    text,
    (value) =>
      `(CASE WHEN abs(${value}) > 3.4028235677973366e38 AND NOT isnan(${value}) THEN CAST(sign(${value}) * CAST('Infinity' AS DOUBLE) AS FLOAT) ELSE CAST(${value} AS FLOAT) END)`,
  )
}

/** Whole numbers wrap, fractions are cut, doubles saturate, texts that are no number become NULL. */
function castToInteger(text: string, from: DataType, to: DataType): string | undefined {
  const target = duckdbType(to)
  const width = bytesOf[to.kind] ?? 8
  if (isIntegral(from)) return wrapped(text, bytesOf[from.kind] ?? 8, to)
  switch (from.kind) {
    case 'boolean':
      return `CAST(${text} AS ${target})`
    case 'string': {
      // A point without a digit before it is read as one with a zero.
      const full = `regexp_replace(${text}, '^(\\s*[+-]?)\\.', '\\10.')`
      const digits = `regexp_extract(${full}, '^\\s*([+-]?\\d+)(?:\\.\\d*)?\\s*$', 1)`
      return `TRY_CAST(${digits} AS ${target})`
    }
    case 'float':
    case 'double': {
      // A narrower integer is the low bits of an int, as Java has it.
      const whole = width === 8 ? longOfDouble(text) : intOfDouble(text)
      return width < 4 ? wrapped(whole, 4, to) : whole
    }
    case 'decimal':
      return wrapped(longOfDecimal(text, from.precision - from.scale), 8, to)
    case 'timestamp':
    case 'timestamp_ntz':
      return `TRY_CAST(epoch_us(date_trunc('second', ${text})) // 1000000 AS ${target})`
    default:
      return undefined
  }
}

/** More than 64 bits wrap around. */
function longOfDecimal(text: string, wholeDigits: number): string {
  if (wholeDigits <= 18) return `CAST(trunc(${text}) AS BIGINT)`
  return `CAST((((CAST(trunc(${text}) AS HUGEINT)) + 9223372036854775808) & 18446744073709551615) - 9223372036854775808 AS BIGINT)`
}

function wrapped(text: string, fromBytes: number, to: DataType): string {
  const toBytes = bytesOf[to.kind] ?? 8
  if (toBytes >= fromBytes) return fromBytes === toBytes ? text : `CAST(${text} AS ${duckdbType(to)})`
  const sign = 2 ** (8 * toBytes - 1)
  const low = `(CAST(${text} AS BIGINT) & ${2 * sign - 1})`
  return `CAST(xor(${low}, ${sign}) - ${sign} AS ${duckdbType(to)})`
}

function intOfDouble(text: string): string {
  return withValue(
    text,
    (value) =>
      `(CASE WHEN isnan(${value}) THEN 0 WHEN ${value} >= 2147483647e0 THEN 2147483647 WHEN ${value} <= -2147483648e0 THEN CAST('-2147483648' AS INTEGER) ELSE CAST(trunc(${value}) AS INTEGER) END)`,
  )
}

function longOfDouble(text: string): string {
  return withValue(
    text,
    (value) =>
      `(CASE WHEN isnan(${value}) THEN CAST(0 AS BIGINT) WHEN ${value} >= 9.223372036854775e18 THEN 9223372036854775807 WHEN ${value} <= -9.223372036854775e18 THEN CAST('-9223372036854775808' AS BIGINT) ELSE TRY_CAST(trunc(${value}) AS BIGINT) END)`,
  )
}

/** Rounded half up; too large is NULL. Doubles go by their text: 1.005 is not rounded by its binary value. */
function castToDecimal(text: string, from: DataType, target: string): string | undefined {
  switch (from.kind) {
    case 'double':
      return decimalOfDouble(text, target)
    case 'float':
      return decimalOfDouble(`CAST(${text} AS DOUBLE)`, target)
    case 'boolean':
      return `TRY_CAST(CAST(${text} AS INTEGER) AS ${target})`
    case 'string':
      return withValue(text, (value) => {
        const number = `regexp_extract(${value}, '^\\s*([+-]?(?:\\d+\\.?\\d*|\\.\\d+)(?:[eE][+-]?\\d+)?)\\s*$', 1)`
        return `(CASE WHEN regexp_matches(${value}, '[eE]-') THEN TRY_CAST(${withoutExponent(number)} AS ${target}) ELSE TRY_CAST(${number} AS ${target}) END)`
      })
    case 'timestamp':
    case 'timestamp_ntz':
      return `TRY_CAST(epoch_us(${text}) * 0.000001 AS ${target})`
    default:
      return isIntegral(from) || from.kind === 'decimal' ? `TRY_CAST(${text} AS ${target})` : undefined
  }
}

/** The engine writes an exponent below 1e-4. */
function decimalOfDouble(text: string, target: string): string {
  return withValue(text, (value) => {
    const shown = `CAST(${value} AS VARCHAR)`
    return `(CASE WHEN abs(${value}) < 1e-4 AND ${value} <> 0 THEN TRY_CAST(${withoutExponent(shown)} AS ${target}) ELSE TRY_CAST(${shown} AS ${target}) END)`
  })
}

/** A number below one written out: of `5e-10` the engine would make 0.01. */
function withoutExponent(number: string): string {
  return withValue(number, (value) => {
    const part = (pattern: string): string => `regexp_extract(${value}, '${pattern}', 1)`
    const whole = part('^[+-]?(\\d*)')
    // No decimal has so many places.
    const zeros = `repeat('0', least(coalesce(TRY_CAST(${part('[eE]-(\\d+)$')} AS INTEGER), 200), 200))`
    const digits = `(${zeros} || ${whole})`
    const shifted = `${part('^([+-]?)')} || '0' || left(${digits}, length(${whole})) || '.' || substr(${digits}, length(${whole}) + 1) || ${part('\\.(\\d*)')}`
    return `(CASE WHEN ${value} <> '' THEN ${shifted} END)`
  })
}

function castToBoolean(text: string, from: DataType): string | undefined {
  switch (from.kind) {
    case 'string':
      return withValue(
        `lower(trim(${text}, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13)))`,
        (value) =>
          `(CASE WHEN ${value} IN ('t', 'true', 'y', 'yes', '1') THEN true WHEN ${value} IN ('f', 'false', 'n', 'no', '0') THEN false END)`,
      )
    case 'timestamp':
    case 'timestamp_ntz':
      return `(epoch_us(${text}) <> 0)`
    case 'date':
      return undefined
    default:
      return `(${text} <> 0)`
  }
}
