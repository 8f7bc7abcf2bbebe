import { intervalType, spanType, type IntervalType, type IntervalUnit } from './data-type.ts'

const months: readonly IntervalUnit[] = ['year', 'month']
const times: readonly IntervalUnit[] = ['day', 'hour', 'minute', 'second']

export const intervalUnits: readonly IntervalUnit[] = [...months, ...times]

export const monthsType = spanType('year', 'month')
export const timesType = spanType('day', 'second')

/** From the largest to the smallest of these units; the old type where there are none, or of both kinds. */
export function spanOf(units: readonly IntervalUnit[]): IntervalType {
  const kind = [months, times].find((kind) => units.every((unit) => kind.includes(unit)))
  const own = kind?.filter((unit) => units.includes(unit)) ?? []
  const [from, to] = [own.at(0), own.at(-1)]
  return from && to ? spanType(from, to) : intervalType
}

export const isOfMonths = ([first]: readonly IntervalUnit[]): boolean =>
  first !== undefined && months.includes(first)

/** What has the units of both. */
export function widerInterval(left: IntervalType, right: IntervalType): IntervalType {
  return left.span && right.span ? spanOf([...left.span, ...right.span]) : intervalType
}

/** With all units of its kind, which a part of it may take. */
export function wholeInterval({ span }: IntervalType): IntervalType {
  if (!span) return intervalType
  return isOfMonths(span) ? monthsType : timesType
}

/** The units of an interval, the largest first; none of the old type. */
export function unitsOf({ span }: IntervalType): readonly IntervalUnit[] {
  if (!span) return []
  const kind = isOfMonths(span) ? months : times
  return kind.slice(kind.indexOf(span[0]), kind.indexOf(span[1]) + 1)
}

/** Whether it moves a day by whole days. */
export function isOfWholeDays({ span }: IntervalType): boolean {
  return !span || isOfMonths(span) || span[1] === 'day'
}
