import type { DataType, IntervalUnit } from '#types/data-type.ts'
import { isOfMonths, unitsOf } from '#types/intervals.ts'

/** In months, or in microseconds. */
export const unitSizes: Readonly<Record<IntervalUnit, number>> = {
  year: 12,
  month: 1,
  day: 86_400_000_000,
  hour: 3_600_000_000,
  minute: 60_000_000,
  second: 1_000_000,
}

/** Engine text of all months of an interval of these units, or of all microseconds of its days and times. */
export function amountOf(value: string, units: readonly IntervalUnit[]): string {
  const part = (unit: string): string => `date_part('${unit}', ${value})`
  if (isOfMonths(units)) return `(${part('year')} * 12 + ${part('month')})`
  const times = (['day', 'hour', 'minute'] as const).map((unit) => `${part(unit)} * ${unitSizes[unit]}`)
  return `(${times.join(' + ')} + ${part('microsecond')})`
}

/** All its months, where it has nothing else. */
export function monthsOf(span: string, type: DataType | undefined): string | undefined {
  const units = type?.kind === 'interval' ? unitsOf(type) : []
  return isOfMonths(units) ? amountOf(span, units) : undefined
}

/** Half a month is one, not 15 days. */
export const wholeMonths = (months: string): string => `to_months(CAST(round(${months}) AS INTEGER))`
