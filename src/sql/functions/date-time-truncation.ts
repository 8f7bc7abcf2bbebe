import { quoteLiteral } from '#base/sql-text.ts'
import { dateType, stringType, timestampNtzType, timestampType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo, nullOf } from '../bind/build.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, rewritten, scalar } from './define.ts'
import { truncatedNumbers } from './math-rounding.ts'
import type { FunctionEntry } from './entry.ts'
import { onceEach } from './once-each.ts'

type Units = Readonly<Record<string, readonly string[]>>

/** The engine's units, and what the dialect calls them. */
const dateUnits: Units = {
  week: ['week'],
  month: ['month', 'mon', 'mm'],
  quarter: ['quarter'],
  year: ['year', 'yyyy', 'yy'],
}

const timeUnits: Units = {
  ...dateUnits,
  day: ['day', 'dd'],
  hour: ['hour'],
  minute: ['minute'],
  second: ['second'],
  milliseconds: ['millisecond'],
  microseconds: ['microsecond'],
}

export const dateTimeTruncationFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'trunc',
      on(['date', 'string'], dateType, ({ values: [date = '', unit = ''], arguments: [, wanted] }) =>
        truncated({ time: date, unit, wanted, units: dateUnits }, (text) => `CAST(${text} AS DATE)`),
      ),
      ...truncatedNumbers,
    ),
    remarks:
      'To week, month, quarter or year; NULL for another unit. Of numbers what stands behind the point is cut off, or behind so many places.',
  },
  {
    ...scalar(
      'date_trunc',
      // Spark has no wall-clock times here; of PostgreSQL's, clients make instants again.
      rewritten(
        ['string', 'any'],
        ([unit = nullOf(stringType), time = nullOf(timestampNtzType)], context) =>
          castTo(context.call('date_trunc', [unit, castTo(time, timestampType)]), timestampNtzType),
        { fits: ([, type]) => type?.kind === 'timestamp_ntz' },
      ),
      on(['string', 'timestamp'], timestampType, ({ values: [unit = '', time = ''], arguments: [wanted] }) =>
        truncated({ time: toWallClock(time), unit, wanted, units: timeUnits }, toInstant),
      ),
    ),
    remarks: 'To microsecond … year; NULL for another unit.',
  },
]

interface Truncation {
  readonly time: string
  readonly unit: string
  readonly wanted: BoundExpression | undefined
  readonly units: Units
}

function truncated({ time, unit, wanted, units }: Truncation, as: (text: string) => string): string {
  const to = (name: string, time: string): string => as(`date_trunc('${name}', ${time})`)
  if (wanted?.kind === 'literal') {
    const name = Object.keys(units).find((name) => units[name]?.includes(String(wanted.value).toLowerCase()))
    return to(name ?? 'day', name === undefined ? 'CAST(NULL AS TIMESTAMP)' : time)
  }
  return onceEach([time, unit], (time = '', unit = '') => {
    const branches = Object.entries(units).map(
      ([name, names]) =>
        `WHEN lower(${unit}) IN (${names.map(quoteLiteral).join(', ')}) THEN ${to(name, time)}`,
    )
    return `CASE ${branches.join(' ')} END`
  })
}
