import type { IntervalType } from '#types/data-type.ts'
import { isOfMonths, unitsOf, wholeInterval } from '#types/intervals.ts'
import { amountOf, unitSizes } from '../../functions/interval-parts.ts'
import { withValue } from './with-value.ts'

/** Of another span: what it has no unit for is cut off. */
export function intervalWithin(text: string, from: IntervalType, to: IntervalType): string {
  const last = to.span?.[1]
  const units = unitsOf(to)
  if (!last || last === wholeInterval(to).span?.[1] || from.span?.[1] === last) return text
  return withValue(text, (value) => {
    const amount = `${amountOf(value, units)} // ${unitSizes[last]} * ${unitSizes[last]}`
    return isOfMonths(units)
      ? `to_months(CAST(${amount} AS INTEGER))`
      : `to_microseconds(CAST(${amount} AS BIGINT))`
  })
}

/** How many of its smallest unit it has. */
export function countOf(text: string, type: IntervalType): string {
  const units = unitsOf(type)
  const size = unitSizes[units.at(-1) ?? 'second']
  return withValue(text, (value) => `CAST(${amountOf(value, units)} // ${size} AS BIGINT)`)
}

/** So many of the smallest unit; NULL where the engine has none so long. */
export function intervalOfCount(text: string, type: IntervalType): string {
  const units = unitsOf(type)
  const amount = `CAST(${text} AS BIGINT) * ${unitSizes[units.at(-1) ?? 'second']}`
  return isOfMonths(units)
    ? `to_months(TRY_CAST(${amount} AS INTEGER))`
    : `to_microseconds(TRY_CAST(CAST(${text} AS HUGEINT) * ${unitSizes[units.at(-1) ?? 'second']} AS BIGINT))`
}

/** As Spark writes it: `INTERVAL '1 02:03' DAY TO MINUTE`, and of its old type `1 days 2 hours`. */
export function intervalText(value: string, type: IntervalType): string {
  const units = unitsOf(type)
  const [first, last] = [units.at(0), units.at(-1)]
  if (!first || !last) return oldText(value)
  const amount = amountOf(value, units)
  const size = `abs(${amount})`
  const parts = units.map((unit, index) => {
    const before = units[index - 1]
    const count = `CAST(${before ? `${size} % ${unitSizes[before]}` : size} // ${unitSizes[unit]} AS BIGINT)`
    const separator = !before ? '' : unit === 'month' ? '-' : unit === 'hour' ? ' ' : ':'
    const isPadded = unit === 'hour' || unit === 'minute' || unit === 'second'
    const digits = isPadded ? `printf('%02d', ${count})` : `CAST(${count} AS VARCHAR)`
    if (unit !== 'second') return `'${separator}' || ${digits}`
    const micros = `printf('%06d', CAST(${size} % ${unitSizes.second} AS BIGINT))`
    return `'${separator}' || ${digits} || rtrim(rtrim('.' || ${micros}, '0'), '.')`
  })
  const sign = `CASE WHEN ${amount} < 0 THEN '-' ELSE '' END`
  const name = (first === last ? first : `${first} to ${last}`).toUpperCase()
  return `('INTERVAL ''' || ${sign} || ${parts.join(' || ')} || ''' ${name}')`
}

function oldText(value: string): string {
  const part = (unit: string): string =>
    `CASE WHEN datepart('${unit}', ${value}) <> 0 THEN datepart('${unit}', ${value}) || ' ${unit}s' END`
  const micros = `datepart('microsecond', ${value})`
  const seconds = `CASE WHEN ${micros} <> 0 THEN regexp_replace(CAST(${micros} * 0.000001 AS VARCHAR), '\\.?0+$', '') || ' seconds' END`
  const parts = ['year', 'month', 'day', 'hour', 'minute'].map(part)
  return `(CASE WHEN ${value} IS NOT NULL THEN coalesce(nullif(concat_ws(' ', ${[...parts, seconds].join(', ')}), ''), '0 seconds') END)`
}
