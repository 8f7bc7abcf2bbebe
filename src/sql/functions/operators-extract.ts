import { AppError } from '#base/errors.ts'
import { byteType, decimalType, integerType, timestampType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isTemporal } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { toWallClock } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { amountOf, unitSizes } from './interval-parts.ts'

/** `EXTRACT(part FROM value)`, of dates, timestamps and intervals. */
export const extractFunctions: readonly FunctionEntry[] = [
  scalar(
    'extract',
    on(['string', 'any'], ([, type], [part]) => typeOfPart(partOf(part), type), extracted, {
      fits: ([, type]) =>
        type !== undefined && (isTemporal(type) || ['interval', 'string', 'void'].includes(type.kind)),
      converts: ([, type]) => [
        undefined,
        type?.kind === 'string' || type?.kind === 'void' ? timestampType : undefined,
      ],
    }),
  ),
]

const secondsType = decimalType(8, 6)
const epochType = decimalType(20, 6)

function typeOfPart(part: string, type: DataType | undefined): DataType {
  if (part === 'second') return secondsType
  if (part === 'epoch') return epochType
  return type?.kind === 'interval' && ['month', 'hour', 'minute'].includes(part) ? byteType : integerType
}

/** The engine's names of the parts, with what Spark calls them too. */
const parts: Readonly<Record<string, readonly string[]>> = {
  year: ['y', 'years', 'yr', 'yrs'],
  isoyear: ['yearofweek'],
  quarter: ['qtr'],
  month: ['mon', 'mons', 'months'],
  week: ['w', 'weeks'],
  day: ['d', 'days'],
  dow: ['dayofweek'],
  isodow: ['dayofweek_iso', 'dow_iso'],
  doy: [],
  hour: ['h', 'hours', 'hr', 'hrs'],
  minute: ['m', 'min', 'mins', 'minutes'],
  second: ['s', 'sec', 'seconds', 'secs'],
  // Seconds since 1970, which PostgreSQL has and Spark has not.
  epoch: [],
}

/** @throws AppError 'query.unsupported' naming the parts there are */
function partOf(part: BoundExpression | undefined): string {
  const name = part?.kind === 'literal' ? String(part.value).toLowerCase() : ''
  const known = Object.entries(parts).find(([own, others]) => own === name || others.includes(name))
  if (known) return known[0]
  throw new AppError('query.unsupported', `A time has no part ${name}.`, {
    hint: `Parts are ${Object.keys(parts).join(', ')}.`,
  })
}

function extracted({
  values: [, value = ''],
  types: [, type],
  arguments: [given],
  type: wanted,
}: PrintedCall): string {
  const part = partOf(given)
  if (part === 'epoch') return epochOf(value, type)
  if (type?.kind === 'interval' && part in within) return partOfSpan(value, part, wanted)
  const time = type?.kind === 'timestamp' ? toWallClock(value) : value
  if (part === 'second') {
    return secondsOf(
      type?.kind === 'date' ? `datediff('day', ${value}, ${value})` : `date_part('microsecond', ${time})`,
    )
  }
  return `CAST(date_part('${part}', ${time})${part === 'dow' ? ' + 1' : ''} AS ${duckdbType(wanted)})`
}

/** What each part of days and times is counted within; days within nothing. */
const within: Readonly<Record<string, 'day' | 'hour' | 'minute' | undefined>> = {
  day: undefined,
  hour: 'day',
  minute: 'hour',
  second: 'minute',
}

/** The engine keeps days and times apart, with more than 24 hours beside no day. */
function partOfSpan(value: string, part: string, type: DataType): string {
  const whole = within[part]
  const amount = amountOf(value, ['day', 'second'])
  const rest = whole ? `${amount} % ${unitSizes[whole]}` : amount
  if (part === 'second') return secondsOf(rest)
  return `CAST(${rest} // ${unitSizes[part as 'day']} AS ${duckdbType(type)})`
}

function secondsOf(micros: string): string {
  return `CAST(CAST(${micros} AS DECIMAL(18, 0)) * CAST(1e-6 AS DECIMAL(6, 6)) AS DECIMAL(8, 6))`
}

function epochOf(value: string, type: DataType | undefined): string {
  if (type?.kind === 'interval') return `CAST(epoch(${value}) AS ${duckdbType(epochType)})`
  const micros = `CAST(epoch_us(${type?.kind === 'date' ? `CAST(${value} AS TIMESTAMP)` : value}) AS DECIMAL(20, 0))`
  return `CAST(${micros} * CAST(1e-6 AS DECIMAL(6, 6)) AS ${duckdbType(epochType)})`
}
