import type { IntervalUnit } from '#types/data-type.ts'

/** In months, or in microseconds. */
export const unitSizes: Readonly<Record<IntervalUnit, number>> = {
  year: 12,
  month: 1,
  day: 86_400_000_000,
  hour: 3_600_000_000,
  minute: 60_000_000,
  second: 1_000_000,
}

export const isOfMonths = ([first]: readonly IntervalUnit[]): boolean => first === 'year' || first === 'month'

/** Engine text of all months of an interval of these units, or of all microseconds of its days and times. */
export function amountOf(value: string, units: readonly IntervalUnit[]): string {
  const part = (unit: string): string => `date_part('${unit}', ${value})`
  if (isOfMonths(units)) return `(${part('year')} * 12 + ${part('month')})`
  const times = (['day', 'hour', 'minute'] as const).map((unit) => `${part(unit)} * ${unitSizes[unit]}`)
  return `(${times.join(' + ')} + ${part('microsecond')})`
}
