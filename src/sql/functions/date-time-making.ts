import {
  dateType,
  decimalType,
  intervalType,
  timestampNtzType,
  timestampType,
  type DataType,
} from '#types/data-type.ts'
import { monthsType, timesType } from '#types/intervals.ts'
import { zonedToInstant } from './date-time-zone.ts'
import { toInstant } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { Accepts, FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { onceEach } from './once-each.ts'
import { tried } from './tried.ts'

const partsTaken: readonly Accepts[] = ['integer', 'integer', 'integer', 'integer', 'integer', 'numeric']
const seconds = decimalType(16, 6)
const withSeconds = (): readonly (DataType | undefined)[] => [
  ...partsTaken.slice(1).map(() => undefined),
  seconds,
]

const local: Signature = on(partsTaken, timestampType, (call) => toInstant(madeTime(call)), {
  converts: withSeconds,
})
const zoned: Signature = on(
  [...partsTaken, 'string'],
  timestampType,
  (call) => zonedToInstant(madeTime(call), call.values[6] ?? '', call.arguments[6]),
  { converts: withSeconds },
)
const ofDate: Signature = on(['date'], timestampType, toInstant('CAST($1 AS TIMESTAMP)'))

const intervalUnits = ['years', 'months', 'weeks', 'days', 'hours', 'minutes', 'seconds']

/** What no calendar has is NULL. */
export const dateTimeMakingFunctions: readonly FunctionEntry[] = [
  scalar('make_date', on(['integer', 'integer', 'integer'], dateType, madeDate)),
  scalar('make_timestamp make_timestamp_ltz', local, zoned, ofDate),
  scalar('try_make_timestamp try_make_timestamp_ltz', local, zoned, ofDate),
  scalar(
    'make_timestamp_ntz try_make_timestamp_ntz',
    on(partsTaken, timestampNtzType, madeTime, { converts: withSeconds }),
  ),
  scalar(
    'make_ym_interval',
    on(['integer', 'integer'], monthsType, madeInterval(['years', 'months']), { optional: 2 }),
  ),
  scalar(
    'make_dt_interval',
    on(
      ['integer', 'integer', 'integer', 'numeric'],
      timesType,
      madeInterval(['days', 'hours', 'minutes', 'seconds']),
      { optional: 4 },
    ),
  ),
  scalar(
    'make_interval try_make_interval',
    on(
      ['integer', 'integer', 'integer', 'integer', 'integer', 'integer', 'numeric'],
      intervalType,
      (call) => tried(call.values, call.arguments, (...values) => madeInterval(intervalUnits)({ values })),
      { optional: 7 },
    ),
  ),
]

function madeInterval(units: readonly string[]): (call: Pick<PrintedCall, 'values'>) => string {
  return ({ values }) =>
    values.length === 0
      ? "INTERVAL '0' DAY"
      : `(${values.map((value, index) => `to_${units[index]}(${value})`).join(' + ')})`
}

function madeDate({ values, arguments: given }: Pick<PrintedCall, 'values' | 'arguments'>): string {
  return tried(
    values.slice(0, 3),
    given.slice(0, 3),
    (...parts) => `make_date(${parts.map((part) => `CAST(${part} AS BIGINT)`).join(', ')})`,
  )
}

/** A wall-clock time. 60 seconds are the next minute, as leap seconds are written. */
function madeTime(call: PrintedCall): string {
  return onceEach([madeDate(call), ...call.values.slice(3, 6)], (date, hour, minute, second) => {
    return (
      `CASE WHEN ${hour} BETWEEN 0 AND 23 AND ${minute} BETWEEN 0 AND 59 AND ${second} BETWEEN 0 AND 60 ` +
      `THEN CAST(${date} AS TIMESTAMP) + to_hours(${hour}) + to_minutes(${minute}) + to_microseconds(CAST(${second} * 1000000 AS BIGINT)) END`
    )
  })
}
