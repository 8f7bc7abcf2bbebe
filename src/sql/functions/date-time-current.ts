import { dateType, timestampNtzType, timestampType } from '#types/data-type.ts'
import { stringOf } from '../bind/build.ts'
import { dateText, timestampText } from '../bind/time-text.ts'
import { rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'

const microsOf = (now: Date): bigint => BigInt(now.getTime()) * 1000n

/** Constants of a statement, so that planning can skip files by them. */
export const dateTimeCurrentFunctions: readonly FunctionEntry[] = [
  scalar(
    'current_date curdate',
    rewritten([], (_values, { now }) => ({ kind: 'literal', type: dateType, value: dateText(now) })),
  ),
  scalar(
    'current_timestamp now',
    rewritten([], (_values, { now }) => ({
      kind: 'literal',
      type: timestampType,
      value: timestampText(microsOf(now)),
    })),
  ),
  scalar(
    'localtimestamp',
    rewritten([], (_values, { now }) => ({
      kind: 'cast',
      value: { kind: 'literal', type: timestampType, value: timestampText(microsOf(now)) },
      type: timestampNtzType,
    })),
  ),
  scalar(
    'current_timezone',
    rewritten([], () => stringOf('UTC')),
  ),
]
