import { quoteSparkLiteral } from '#base/spark-text.ts'
import type { IntervalType } from '#types/data-type.ts'
import { isOfMonths, unitsOf } from '#types/intervals.ts'
import { sparkType } from '#types/spark-type.ts'
import type { Literal } from '../../compile.ts'

const suffixes: Readonly<Record<string, string>> = { byte: 'Y', short: 'S', integer: '', long: 'L' }

/** A constant as Spark SQL of exactly its type, safe to stand in any place. */
export function printLiteral({ type, value }: Literal): string {
  if (value === null) return type.kind === 'void' ? 'NULL' : `CAST(NULL AS ${sparkType(type)})`
  const text = String(value)
  switch (type.kind) {
    case 'string':
      return quoteSparkLiteral(text)
    case 'boolean':
      return value === true || value === 'true' ? 'true' : 'false'
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return text.startsWith('-') ? `(${text}${suffixes[type.kind]})` : `${text}${suffixes[type.kind]}`
    case 'binary':
      return `X${quoteSparkLiteral(text)}`
    case 'interval':
      return ofSpan(text, type) ?? intervalText(text)
    default:
      return `CAST(${quoteSparkLiteral(Object.is(value, -0) ? '-0.0' : text)} AS ${sparkType(type)})`
  }
}

/** Undefined for the old type. */
function ofSpan(text: string, type: IntervalType): string | undefined {
  const units = unitsOf(type)
  if (units.length === 0) return undefined
  const [months = 0n, days = 0n, micros = 0n] = text.split(' ').map(BigInt)
  const whole = isOfMonths(units) ? `INTERVAL '${months}' MONTH` : dayTimeText(days * microsOfDay + micros)
  return `CAST(${whole} AS ${sparkType(type)})`
}

/**
 * Spark has intervals of months, of days and of times, which can be compared and added to dates; only a mixed one needs
 * its old kind, which can not.
 */
function intervalText(text: string): string {
  const [months = 0n, days = 0n, micros = 0n] = text.split(' ').map(BigInt)
  if (months !== 0n && days === 0n && micros === 0n) return `INTERVAL '${months}' MONTH`
  if (months === 0n && micros === 0n) return `INTERVAL '${days}' DAY`
  if (months !== 0n) return `make_interval(0, ${months}, 0, ${days}, 0, 0, ${secondsText(micros)})`
  return dayTimeText(days * microsOfDay + micros)
}

const microsOfDay = 86_400_000_000n

/** The bound of a frame of times as Spark takes it: both of one type. Undefined for what has months. */
export function timeBoundText({ type, value }: Literal): string | undefined {
  if (type.kind !== 'interval' || value === null) return undefined
  const [months = 0n, days = 0n, micros = 0n] = String(value).split(' ').map(BigInt)
  return months === 0n ? dayTimeText(days * microsOfDay + micros) : undefined
}

function dayTimeText(micros: bigint): string {
  const size = micros < 0n ? -micros : micros
  const part = (of: bigint, most: bigint): string => String((size / of) % most).padStart(2, '0')
  const time = `${part(3_600_000_000n, 24n)}:${part(60_000_000n, 60n)}:${part(1_000_000n, 60n)}`
  const fraction = String(size % 1_000_000n).padStart(6, '0')
  return `INTERVAL '${micros < 0n ? '-' : ''}${size / microsOfDay} ${time}.${fraction}' DAY TO SECOND`
}

function secondsText(micros: bigint): string {
  const size = micros < 0n ? -micros : micros
  const fraction = String(size % 1_000_000n).padStart(6, '0')
  return `CAST('${micros < 0n ? '-' : ''}${size / 1_000_000n}.${fraction}' AS DECIMAL(18, 6))`
}
