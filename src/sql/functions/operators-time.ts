import {
  dateType,
  intervalType,
  spanType,
  stringType,
  timestampType,
  type DataType,
} from '#types/data-type.ts'
import { isIntegral, isTemporal, wider } from '#types/implicit-cast.ts'
import { isOfWholeDays, timesType } from '#types/intervals.ts'
import { castTo, nullOf } from '../bind/build.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, rewritten } from './define.ts'
import type { PrintedCall, Signature } from './entry.ts'
import { tried } from './tried.ts'

/** A date or timestamp moved by days or an interval. */
export function moves(operator: '+' | '-'): Signature[] {
  const isDate = (type: DataType | undefined): boolean => type?.kind === 'date'
  const isWhole = (type: DataType | undefined): boolean => type !== undefined && isIntegral(type)
  const isSpan = (type: DataType | undefined): boolean => type?.kind === 'interval'
  const isTime = (type: DataType | undefined): boolean =>
    type !== undefined && (type.kind === 'timestamp_ntz' || type.kind === 'timestamp')
  const movedDate =
    (print: (date: string, span: string) => string, place: 0 | 1) =>
    ({ values, type, cast }: PrintedCall): string => {
      const text = print(values[place] ?? '', values[1 - place] ?? '')
      return type.kind === 'date' ? `CAST(${text} AS DATE)` : cast(text, { kind: 'timestamp_ntz' }, type)
    }
  const after = [
    on(['date', 'integer'], dateType, movedByDays(operator, 0), {
      fits: ([date, days]) => isDate(date) && isWhole(days),
    }),
    on(
      ['date', 'interval'],
      ([, span]) => movedDateType(span),
      movedDate((date, span) => `(${date} ${operator} ${span})`, 0),
      {
        fits: ([date, span]) => isDate(date) && isSpan(span),
      },
    ),
    textMoved(operator, 0),
    on(['any', 'interval'], ([type]) => timeType(type), movedTime(operator, 0), {
      fits: ([time, span]) => isTime(time) && isSpan(span),
      converts: ([type]) => [timeType(type), undefined],
    }),
  ]
  if (operator === '-') return after
  return [
    ...after,
    on(['integer', 'date'], dateType, movedByDays('+', 1), {
      fits: ([days, date]) => isWhole(days) && isDate(date),
    }),
    on(
      ['interval', 'date'],
      ([span]) => movedDateType(span),
      movedDate((date, span) => `(${date} + ${span})`, 1),
      {
        fits: ([span, date]) => isDate(date) && isSpan(span),
      },
    ),
    textMoved('+', 1),
    on(['interval', 'any'], ([, type]) => timeType(type), movedTime('+', 1), {
      fits: ([span, time]) => isTime(time) && isSpan(span),
      converts: ([, type]) => [undefined, timeType(type)],
    }),
  ]
}

/** By so many days the calendar does not end. */
const fewDays = 1_000_000

/** Beyond the days that the engine knows there is NULL. @param place where the date stands */
function movedByDays(operator: '+' | '-', place: 0 | 1): (call: PrintedCall) => string {
  return ({ values, arguments: given }) => {
    const moved = (date = '', days = ''): string => `(${date} ${operator} ${days})`
    const [dates, days] = [values[place] ?? '', values[1 - place] ?? '']
    const count = given[1 - place]
    if (count?.kind === 'literal' && Math.abs(Number(count.value)) < fewDays) return moved(dates, days)
    return tried([dates, days], given, moved)
  }
}

/** Months before days and days before the rest: the engine does it so with wall-clock times alone. */
function movedTime(operator: '+' | '-', place: 0 | 1): (call: PrintedCall) => string {
  return ({ values, type }) => {
    const [time, span] = [values[place] ?? '', values[1 - place] ?? '']
    return type.kind === 'timestamp'
      ? toInstant(`(${toWallClock(time)} ${operator} ${span})`)
      : `(${time} ${operator} ${span})`
  }
}

/** A time and a bare NULL: moved by nothing known, or nothing known away from it. */
export function ofNothing(operator: '+' | '-'): Signature {
  return rewritten(
    ['any', 'any'],
    (values) => {
      const time = values.map(({ type }) => type).find(isTemporal)
      return nullOf(operator === '-' ? timesType : timeType(time))
    },
    { fits: (types) => types.some(isTemporal) && types.some((type) => type.kind === 'void') },
  )
}

/** A text that says a time stays a text. @param place where it stands */
function textMoved(operator: '+' | '-', place: 0 | 1): Signature {
  return rewritten(
    place === 0 ? ['string', 'interval'] : ['interval', 'string'],
    (values, context) => {
      const times = values.map((value, index) => (index === place ? castTo(value, timestampType) : value))
      return castTo(context.call(operator, times), stringType)
    },
    { fits: (types) => types[place]?.kind === 'string' && types[1 - place]?.kind === 'interval' },
  )
}

function timeType(type: DataType | undefined): DataType {
  return type?.kind === 'timestamp_ntz' ? type : timestampType
}

/** A date moved by whole days or months stays a date. */
function movedDateType(span: DataType | undefined): DataType {
  return span?.kind === 'interval' && !isOfWholeDays(span) ? timestampType : dateType
}

/** How far one time is from another. */
export function differences(): Signature[] {
  return [
    on(['date', 'date'], spanType('day', 'day'), 'to_days(CAST($1 - $2 AS INTEGER))', {
      fits: (types) => types.every((type) => type.kind === 'date'),
    }),
    on(['timestamp', 'timestamp'], timesType, '($1 - $2)', {
      fits: (types) =>
        types.some(isTemporal) && types.every((type) => isTemporal(type) || type.kind === 'string'),
    }),
  ]
}

export function intervals(operator: '+' | '-'): Signature {
  return on(
    ['interval', 'interval'],
    ([left, right]) => wider(left ?? intervalType, right ?? intervalType) ?? intervalType,
    `($1 ${operator} $2)`,
  )
}
