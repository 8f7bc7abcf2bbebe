import { AppError } from '#base/errors.ts'
import { structType, timestampType } from '#types/data-type.ts'
import { toInstant, toWallClock } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'
import { onceEach } from './once-each.ts'

const windowType = structType([
  { name: 'start', type: timestampType },
  { name: 'end', type: timestampType },
])

/** Windows of time that follow each other, as values to group by. */
export const dateTimeWindowFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'window',
      on(['timestamp', 'string'], windowType, ({ values: [time = ''], arguments: [, width] }) => {
        const span = `INTERVAL '${spanOf(width?.kind === 'literal' ? String(width.value) : '')}'`
        return onceEach(
          [`time_bucket(${span}, ${toWallClock(time)}, TIMESTAMP '1970-01-01')`],
          (start = '') => {
            const bounds = `struct_pack("start" := ${toInstant(start)}, "end" := ${toInstant(`${start} + ${span}`)})`
            return `CASE WHEN ${start} IS NOT NULL THEN ${bounds} END`
          },
        )
      }),
    ),
    remarks: 'Windows that follow each other; windows that overlap are not supported.',
  },
  scalar('window_time', on(['struct'], timestampType, `($1."end" - INTERVAL '1' MICROSECOND)`)),
]

/** `5 minutes`, `1 hour 30 minutes`. @throws AppError 'query.value' */
function spanOf(text: string): string {
  const span = text.trim().replace(/^interval\s+/i, '')
  if (/^(?:\d+\s+(?:week|day|hour|minute|second|millisecond|microsecond)s?\s*)+$/i.test(span)) return span
  throw new AppError('query.value', `${JSON.stringify(text)} is no width of a window.`, {
    hint: "Write a constant such as '5 minutes'.",
  })
}
