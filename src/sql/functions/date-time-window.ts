import { AppError } from '#base/errors.ts'
import { sameType, structType, timestampType, voidType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { toInstant } from './date-time-text.ts'
import { on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

const windowType = structType([
  { name: 'start', type: timestampType },
  { name: 'end', type: timestampType },
])

/** Windows of time, as values to group by. */
export const dateTimeWindowFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'window',
      on(['timestamp', 'string'], windowType, ({ values: [time = ''], arguments: [, width] }) => {
        const span = microsOf(width)
        return onceEach([lastStart(time, span, 0n)], (start = '') => windowAt(start, span))
      }),
      {
        takes: ['timestamp', 'string', 'string', 'string'],
        optional: 1,
        gives: voidType,
        // A time is in several windows: a row for each.
        lowering: { kind: 'rows', columns: () => [{ name: 'window', type: windowType }], list: overlapping },
      },
    ),
    remarks: 'To group by: width, distance from one window to the next, start of the first after midnight.',
  },
  scalar(
    'window_time',
    on(['struct'], timestampType, `($1."end" - INTERVAL '1' MICROSECOND)`, {
      fits: ([type]) => type !== undefined && sameType(type, windowType),
    }),
  ),
]

function overlapping({ values: [time = ''], arguments: given }: PrintedCall): string {
  const { span, distance, origin } = overlapOf(given)
  const count = (span + distance - 1n) / distance
  return onceEach([`epoch_us(${time})`, lastStart(time, distance, origin)], (time = '', start = '') => {
    const starts = `list_transform(range(0, ${count}), lambda i: ${start} - i * ${distance})`
    const open = `list_filter(${starts}, lambda s: s + ${span} > ${time})`
    return `list_transform(${open}, lambda s: struct_pack("window" := ${windowAt('s', span)}))`
  })
}

/** In microseconds: the width, the way from one window to the next, where the first begins. @throws AppError 'query.value' */
export function overlapOf([, width, slide, first]: readonly BoundExpression[]): {
  readonly span: bigint
  readonly distance: bigint
  readonly origin: bigint
} {
  const [span, distance] = [microsOf(width), microsOf(slide)]
  if (distance > span) {
    throw new AppError('query.value', 'The next window cannot begin further away than a window is wide.')
  }
  return { span, distance, origin: first ? microsOf(first) : 0n }
}

/** Where the last window that holds the time begins, in microseconds since 1970. */
function lastStart(time: string, distance: bigint, origin: bigint): string {
  const micros = `epoch_us(${time})`
  const since = `(((${micros} - ${origin}) % ${distance} + ${distance}) % ${distance})`
  return `${micros} - ${since}`
}

function windowAt(start: string, span: bigint): string {
  const bound = (micros: string): string => toInstant(`make_timestamp(${micros})`)
  return `CASE WHEN ${start} IS NOT NULL THEN struct_pack("start" := ${bound(start)}, "end" := ${bound(`${start} + ${span}`)}) END`
}

const unitMicros: Readonly<Record<string, bigint>> = {
  week: 604_800_000_000n,
  day: 86_400_000_000n,
  hour: 3_600_000_000n,
  minute: 60_000_000n,
  second: 1_000_000n,
  millisecond: 1000n,
  microsecond: 1n,
}

/** `5 minutes`, `1 hour 30 minutes`. @throws AppError 'query.value' */
function microsOf(value: BoundExpression | undefined): bigint {
  const text = value?.kind === 'literal' ? String(value.value) : ''
  const amounts = text.trim().replace(/^interval\b\s*/i, '')
  const next = /(\d+)\s+([a-z]+?)s?(?:\s+|$)/iy
  const micros: bigint[] = []
  while (next.lastIndex < amounts.length) {
    const [, count = '0', unit = ''] = next.exec(amounts) ?? []
    micros.push(BigInt(count) * (unitMicros[unit.toLowerCase()] ?? 0n))
    if (micros.at(-1) === 0n) break // It is no width of time, and where nothing matches the next search begins anew.
  }
  if (micros.length > 0 && !micros.includes(0n)) return micros.reduce((sum, part) => sum + part)
  throw new AppError('query.value', `${JSON.stringify(text)} is no width of a window.`, {
    hint: "Write a constant such as '5 minutes'.",
  })
}
