import { dateType, integerType, intervalType, timestampType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo, integerOf, nullOf } from '../bind/build.ts'
import { dateText } from '../bind/time-text.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'

/** What PostgreSQL has functions for and Spark says otherwise, as tools write it. */
export const postgresNames: readonly FunctionEntry[] = [
  scalar(
    'strpos',
    rewritten(['string', 'string'], (values, context) => context.call('instr', values)),
  ),
  scalar(
    'array_to_string',
    rewritten(['array', 'string', 'string'], (values, context) => context.call('array_join', values), {
      optional: 1,
    }),
  ),
  {
    ...scalar(
      'array_length',
      rewritten(
        ['array', 'integer'],
        ([list = nullOf(integerType), dimension = nullOf(integerType)], context) =>
          context.call('if', [
            context.call('=', [dimension, integerOf(1)]),
            context.call('nullif', [context.call('array_size', [list]), integerOf(0)]),
            nullOf(integerType),
          ]),
      ),
    ),
    remarks: 'Of the first dimension; NULL for an empty array.',
  },
  scalar(
    'array_cat',
    rewritten(['array', 'array'], (values, context) => context.call('concat', values)),
  ),
  scalar(
    'clock_timestamp statement_timestamp transaction_timestamp',
    rewritten([], (_values, context) => context.call('current_timestamp', [])),
  ),
  {
    ...scalar(
      'age',
      rewritten(['timestamp'], ([time = nullOf(timestampType)], context) =>
        context.call('age', [castTo(today(context.now), timestampType), time]),
      ),
      on(
        ['timestamp', 'timestamp'],
        intervalType,
        ({ values: [later = '', earlier = ''] }) => `age(${toWallClock(later)}, ${toWallClock(earlier)})`,
      ),
    ),
    remarks:
      'In years, months, days and hours from the second time to the first, or from it to the beginning of today.',
  },
  {
    ...scalar(
      'date_bin',
      on(
        ['any', 'timestamp', 'timestamp'],
        timestampType,
        ({ values: [width = '', time = '', origin = ''] }) =>
          toInstant(`time_bucket(${width}, ${toWallClock(time)}, ${toWallClock(origin)})`),
        {
          fits: ([width]) => width?.kind === 'interval' || width?.kind === 'string',
          converts: () => [intervalType, undefined, undefined],
        },
      ),
    ),
    remarks:
      'The beginning of the stretch of that length, counted from the third argument, in which a time lies.',
  },
]

function today(now: Date): BoundExpression {
  return { kind: 'literal', type: dateType, value: dateText(now) }
}
