import { AppError } from '#base/errors.ts'
import { longType, timestampType, type DataType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { onceEach } from './once-each.ts'

interface Unit {
  /** The engine's function that makes a span of so many. */
  readonly span: string
  readonly factor?: number
  /** How many of another unit, in whole numbers. */
  readonly of: readonly ['month' | 'microsecond', number]
}

const minuteMicros = 60_000_000
const dayMicros = 1_440 * minuteMicros

const units: Readonly<Record<string, Unit>> = {
  year: { span: 'to_years', of: ['month', 12] },
  quarter: { span: 'to_months', factor: 3, of: ['month', 3] },
  month: { span: 'to_months', of: ['month', 1] },
  week: { span: 'to_weeks', of: ['microsecond', 7 * dayMicros] },
  day: { span: 'to_days', of: ['microsecond', dayMicros] },
  dayofyear: { span: 'to_days', of: ['microsecond', dayMicros] },
  hour: { span: 'to_hours', of: ['microsecond', 60 * minuteMicros] },
  minute: { span: 'to_minutes', of: ['microsecond', minuteMicros] },
  second: { span: 'to_seconds', of: ['microsecond', 1_000_000] },
  millisecond: { span: 'to_milliseconds', of: ['microsecond', 1_000] },
  microsecond: { span: 'to_microseconds', of: ['microsecond', 1] },
}

const timeOf: Pick<Signature, 'converts'> = {
  converts: (types) => types.map((type, index) => (index > 0 && isNoTime(type) ? timestampType : undefined)),
}

/** Times moved by, and counted in, units that stand as words: `timestampadd(DAY, 1, t)`. */
export const dateTimeUnitFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'timestampadd',
      on(['string', 'long', 'any'], ([, , type]) => (isNoTime(type) ? timestampType : type!), moved, {
        converts: (types) => [undefined, undefined, isNoTime(types[2]) ? timestampType : undefined],
      }),
    ),
    remarks: 'Also `dateadd` and `date_add`, when the unit stands before the number.',
  },
  {
    ...scalar('timestampdiff', on(['string', 'any', 'any'], longType, counted, timeOf)),
    remarks: 'Whole units from the first time to the second. Also `datediff` and `date_diff` with a unit.',
  },
]

function isNoTime(type: DataType | undefined): boolean {
  return type?.kind !== 'timestamp' && type?.kind !== 'timestamp_ntz'
}

/** @throws AppError 'query.unsupported' naming the units there are */
function unitOf(given: BoundExpression | undefined): Unit {
  const name = given?.kind === 'literal' ? String(given.value).toLowerCase() : ''
  const unit = units[name]
  if (unit) return unit
  throw new AppError('query.unsupported', `A time has no unit ${name}.`, {
    hint: `Units are ${Object.keys(units).join(', ')}.`,
  })
}

function wallClock(text: string, type: DataType | undefined): string {
  return type?.kind === 'timestamp' ? toWallClock(text) : text
}

function moved({ values: [, count = '', time = ''], types, arguments: [given], type }: PrintedCall): string {
  const { span, factor = 1, of } = unitOf(given)
  // Months and days are counted by 32 bits, parts of a day by 64.
  const isLarge = of[0] === 'month' || of[1] >= dayMicros
  const number = factor === 1 ? count : `(${count} * ${factor})`
  const text = `${wallClock(time, types[2])} + ${span}(${isLarge ? `CAST(${number} AS INTEGER)` : number})`
  return type.kind === 'timestamp' ? toInstant(text) : `(${text})`
}

function counted({ values: [, from = '', to = ''], types, arguments: [given] }: PrintedCall): string {
  const [base, size] = unitOf(given).of
  return onceEach([wallClock(from, types[1]), wallClock(to, types[2])], (from, to) =>
    base === 'month'
      ? `CAST(trunc(${monthsBetween(from, to)} / ${size}.0) AS BIGINT)`
      : `((epoch_us(${to}) - epoch_us(${from})) // ${size})`,
  )
}

/** Whole months: one has passed when the day of the month and the time of day have come again. */
function monthsBetween(from: string, to: string): string {
  const place = (time: string, day: string): string => `((year(${time}) * 12 + month(${time})) * 32 + ${day})`
  const isShort = `CAST(${to} AS DATE) > CAST(${from} AS DATE) AND CAST(${to} AS TIME) < CAST(${from} AS TIME)`
  const isLong = `CAST(${to} AS DATE) < CAST(${from} AS DATE) AND CAST(${to} AS TIME) > CAST(${from} AS TIME)`
  const last = `(CAST(${to} AS DATE) + CASE WHEN ${isShort} THEN -1 WHEN ${isLong} THEN 1 ELSE 0 END)`
  return `trunc((${place(last, `day(${last})`)} - ${place(from, `day(${from})`)}) / 32.0)`
}
