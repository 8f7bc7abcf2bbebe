import { integerType, stringType } from '#types/data-type.ts'
import { toWallClock } from './date-time-text.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'

const ofDate = (names: string, print: string): FunctionEntry =>
  scalar(names, on(['date'], integerType, `CAST(${print} AS INTEGER)`))

const ofTime = (name: string): FunctionEntry =>
  scalar(name, on(['timestamp'], integerType, `CAST(${name}(${toWallClock('$1')}) AS INTEGER)`))

export const dateTimePartFunctions: readonly FunctionEntry[] = [
  ofDate('year', 'year($1)'),
  ofDate('quarter', 'quarter($1)'),
  ofDate('month', 'month($1)'),
  ofDate('day dayofmonth', 'day($1)'),
  ofDate('dayofyear', 'dayofyear($1)'),
  ofDate('weekofyear', 'weekofyear($1)'),
  { ...ofDate('dayofweek', 'dayofweek($1) + 1'), remarks: 'Sunday is 1.' },
  { ...ofDate('weekday', 'isodow($1) - 1'), remarks: 'Monday is 0.' },
  ofTime('hour'),
  ofTime('minute'),
  ofTime('second'),
  scalar('dayname', on(['date'], stringType, "strftime($1, '%a')")),
  scalar('monthname', on(['date'], stringType, "strftime($1, '%b')")),
  scalar(
    'date_part datepart',
    rewritten(['string', 'any'], (values, context) => context.call('extract', values)),
  ),
]
