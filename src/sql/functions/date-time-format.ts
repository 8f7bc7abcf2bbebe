import {
  dateType,
  longType,
  stringType,
  timestampNtzType,
  timestampType,
  type DataType,
} from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo, longOf, nullOf, stringOf } from '../bind/build.ts'
import { printedTime } from './date-time-print.ts'
import { readTime } from './date-time-read.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { javaPattern } from './date-time-postgres.ts'
import { on, rewritten, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { innerCall } from './higher-order-lambda.ts'

type Values = readonly BoundExpression[]

const usualPattern = 'yyyy-MM-dd HH:mm:ss'
const patternRemark = 'The pattern is one of Java. What does not match it is NULL.'

export const dateTimeFormatFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'date_format',
      on(['timestamp', 'string'], stringType, (call) =>
        byPattern(call, {
          constant: (pattern) => printedTime(toWallClock(call.values[0] ?? ''), pattern),
          column: (pattern) => `native_time_text(epoch_us(${call.values[0]}), ${pattern})`,
        }),
      ),
    ),
    remarks: patternRemark,
  },
  {
    ...scalar(
      'from_unixtime',
      on(
        ['long', 'string'],
        stringType,
        (call) =>
          byPattern(call, {
            constant: (pattern) => printedTime(`make_timestamp(${call.values[0]} * 1000000)`, pattern),
            column: (pattern) => `native_time_text(${call.values[0]} * 1000000, ${pattern})`,
          }),
        { optional: 1 },
      ),
    ),
    remarks: `The pattern is one of Java, by default \`${usualPattern}\`.`,
  },
  { ...scalar('to_date', ...readings(dateType)), remarks: patternRemark },
  { ...scalar('try_to_date', ...readings(dateType)), remarks: patternRemark },
  { ...scalar('to_timestamp to_timestamp_ltz', ...readings(timestampType)), remarks: patternRemark },
  { ...scalar('try_to_timestamp', ...readings(timestampType)), remarks: patternRemark },
  { ...scalar('to_timestamp_ntz', ...readings(timestampNtzType)), remarks: patternRemark },
  {
    ...scalar(
      'unix_timestamp to_unix_timestamp',
      rewritten([], (_values, { now }) => longOf(Math.floor(now.getTime() / 1000))),
      rewritten(['any', 'string'], secondsRead, { optional: 1 }),
    ),
    remarks: `Seconds since 1970. Texts are read by a pattern of Java, by default \`${usualPattern}\`.`,
  },
]

/** Without a pattern as CAST does; with one, texts are read by it. */
function readings(type: DataType): readonly Signature[] {
  return [
    rewritten(['any'], ([value = nullOf(type)]) => castTo(value, type)),
    rewritten(['any', 'string'], ([value = nullOf(type), pattern]) =>
      castTo(
        value.type.kind === 'string'
          ? timeRead(value, pattern && javaPattern(pattern, { isWritten: false }))
          : value,
        type,
      ),
    ),
  ]
}

function secondsRead([
  value = nullOf(timestampType),
  pattern = stringOf(usualPattern),
]: Values): BoundExpression {
  const time = value.type.kind === 'string' ? timeRead(value, pattern) : castTo(value, timestampType)
  // Towards 1970, where unix_seconds goes down.
  return innerCall('unix_timestamp', [time], longType, '(epoch_us($1) // 1000000)')
}

function timeRead(value: BoundExpression, pattern: BoundExpression | undefined): BoundExpression {
  return innerCall('read_time', pattern ? [value, pattern] : [value], timestampType, (call: PrintedCall) =>
    byPattern(call, {
      constant: (pattern) => readTime(call.values[0] ?? '', pattern),
      column: (pattern) => toInstant(`make_timestamp(native_time_read(${call.values[0]}, ${pattern}))`),
    }),
  )
}

interface Prints {
  readonly constant: (pattern: string) => string
  readonly column: (pattern: string) => string
}

/** The pattern is the second argument; a constant one becomes the engine's own, others are looked at row by row. */
function byPattern({ values, arguments: [, given] }: PrintedCall, { constant, column }: Prints): string {
  const pattern = given ?? stringOf(usualPattern)
  if (pattern.kind !== 'literal') return column(values[1] ?? '')
  return pattern.value === null ? 'NULL' : constant(String(pattern.value))
}
