import { quoteLiteral } from '#base/sql-text.ts'
import { dateType, doubleType, integerType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { toWallClock } from './date-time-text.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, RewriteContext } from './entry.ts'
import { onceEach } from './once-each.ts'

type Rewrite = (values: readonly BoundExpression[], context: RewriteContext) => BoundExpression

const operator =
  (name: '+' | '-'): Rewrite =>
  (values, context) =>
    context.call(name, values)

export const dateTimeShiftFunctions: readonly FunctionEntry[] = [
  scalar('date_add dateadd', rewritten(['date', 'integer'], operator('+'))),
  scalar('date_sub', rewritten(['date', 'integer'], operator('-'))),
  {
    ...scalar('datediff date_diff', on(['date', 'date'], integerType, 'CAST($1 - $2 AS INTEGER)')),
    remarks: 'Days from the second to the first.',
  },
  scalar('add_months', on(['date', 'integer'], dateType, 'CAST($1 + to_months($2) AS DATE)')),
  {
    ...scalar(
      'months_between',
      on(['timestamp', 'timestamp', 'boolean'], doubleType, monthsBetween, { optional: 1 }),
    ),
    remarks: 'Whole when the days of the month are the same or both the last; else months have 31 days.',
  },
  scalar('last_day', on(['date'], dateType, 'last_day($1)')),
  {
    ...scalar('next_day', on(['date', 'string'], dateType, nextDay)),
    remarks: 'NULL for what is no day of the week.',
  },
]

function monthsBetween({ values: [later = '', earlier = '', isRounded = 'true'] }: PrintedCall): string {
  return onceEach([toWallClock(later), toWallClock(earlier), isRounded], (later, earlier, isRounded) => {
    const months = `(year(${later}) - year(${earlier})) * 12 + month(${later}) - month(${earlier})`
    const isEnd = (time: string): string => `CAST(${time} AS DATE) = last_day(${time})`
    const seconds = (time: string): string =>
      `(day(${time}) * 86400 + hour(${time}) * 3600 + minute(${time}) * 60 + second(${time}))`
    const exact = `(${months}) + (${seconds(later)} - ${seconds(earlier)}) / 2678400.0::DOUBLE`
    return (
      `CAST(CASE WHEN day(${later}) = day(${earlier}) OR (${isEnd(later)} AND ${isEnd(earlier)}) THEN ${months} ` +
      `WHEN ${isRounded} THEN round(${exact}, 8) WHEN NOT ${isRounded} THEN ${exact} END AS DOUBLE)`
    )
  })
}

const dayNames = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']

function nextDay({ values }: PrintedCall): string {
  return onceEach(values, (date, name) => {
    const names = dayNames.map(
      (day, index) =>
        `WHEN lower(${name}) IN (${[day, day.slice(0, 3), day.slice(0, 2)].map(quoteLiteral).join(', ')}) THEN ${index + 1}`,
    )
    // `isodow` counts from Monday, 1: a week on when it is that day already.
    return `(${date} + CAST((CASE ${names.join(' ')} END - isodow(${date}) + 6) % 7 + 1 AS INTEGER))`
  })
}
