import { must } from '#base/assert.ts'
import { booleanType, integerType, longType, structType, type DataType } from '#types/data-type.ts'
import type { BoundExpression, BoundWindow } from '../../bind/bound.ts'
import { caseOf, integerOf, nullOf, structOf } from '../../bind/build.ts'
import type { Accepts, FunctionEntry } from '../entry.ts'
import {
  ascending,
  backward,
  computed,
  condition,
  countTrue,
  differenceOf,
  framed,
  isKnown,
  isTrue,
  latestOf,
  microsOf,
  ordered,
  rowNumber,
  stepped,
  where,
} from './engine-call.ts'
import { comesByTime } from './frames.ts'

/** A gap of exactly the timeout begins a session: the seconds "needed" between events to end one have passed. */
export const gapEqualToTimeoutStarts = true

const sessionType: DataType = structType([
  { name: 'timestamp_diff', type: longType },
  { name: 'num', type: integerType },
  { name: 'is_new', type: booleanType },
  { name: 'depth', type: integerType },
])

/** Whether a row begins a session, once it is not the first. */
type Starts = (row: {
  /** What the function got behind the timestamp. */
  readonly test: BoundExpression
  readonly time: BoundExpression
  /** Microseconds since the row before. */
  readonly gap: BoundExpression
  readonly window: BoundWindow
}) => BoundExpression

function sessionFunction(name: string, takes: Accepts, remarks: string, starts: Starts): FunctionEntry {
  return {
    names: [name],
    kind: 'adobe',
    remarks,
    signatures: [
      {
        takes: ['timestamp', takes],
        gives: sessionType,
        lowering: {
          kind: 'windows',
          expand: ([time, test], over) =>
            sessionOf(must(time, 'a timestamp'), must(test, 'a second argument'), { over, starts }),
        },
      },
    ],
  }
}

/**
 * Two rounds of windows: the first finds where sessions begin, the second counts them. The second goes by the row
 * numbers of the first, so that rows at the same time keep one order, and both need one sort each.
 */
function sessionOf(
  time: BoundExpression,
  test: BoundExpression,
  { over, starts }: { readonly over: BoundWindow; readonly starts: Starts },
): BoundExpression {
  const window = framed(ordered(over, time), undefined)
  const micros = microsOf(time)
  const before = stepped(micros, { direction: 'lag', shift: integerOf(1), ignoresNulls: true }, window)
  const gap = differenceOf(micros, before)
  const isNew = condition(
    '#session_starts',
    [time, before, starts({ test, time, gap, window })],
    ([at = '', last = '', isSo = '']) => `${at} IS NOT NULL AND (${last} IS NULL OR ${isSo})`,
  )
  const place = rowNumber(window)
  const counted: BoundWindow = {
    partitionBy: window.partitionBy,
    orderBy: [ascending(place)],
    frame: backward,
  }
  // In that order rows without a time, which are in no session, stand before or behind all others.
  const known = comesByTime(window, time) ? place : countTrue(isKnown(time), framed(window, backward))
  const start = latestOf(where(known, isNew), counted)
  const session = structOf([
    {
      name: 'timestamp_diff',
      value: computed(
        '#whole_seconds',
        longType,
        [gap],
        ([micros = '']) => `coalesce(CAST(floor(${micros} / 1e6) AS BIGINT), 0)`,
      ),
    },
    { name: 'num', value: countTrue(isNew, counted) },
    { name: 'is_new', value: isNew },
    {
      name: 'depth',
      value: computed(
        '#depth',
        integerType,
        [known, start],
        ([known = '', start = '']) => `CAST(${known} - ${start} + 1 AS INTEGER)`,
      ),
    },
  ])
  return caseOf([{ when: isKnown(time), then: session }], nullOf(sessionType))
}

export const sessionFunctions: readonly FunctionEntry[] = [
  sessionFunction(
    'sess_timeout',
    'long',
    'Begins a session when so many seconds have passed since the event before, exactly that many included.',
    ({ test: seconds, gap }) =>
      condition(
        '#timed_out',
        [gap, seconds],
        ([gap = '', seconds = '']) =>
          `coalesce(${gap} ${gapEqualToTimeoutStarts ? '>=' : '>'} ${seconds} * 1000000, false)`,
      ),
  ),
  sessionFunction(
    'sess_start_if',
    'boolean',
    'Begins a session with each event that satisfies the condition, and with no other but the first.',
    ({ test }) => isTrue(test),
  ),
  sessionFunction(
    'sess_end_if',
    'boolean',
    'Ends a session with each event that satisfies the condition: it is the last one of its session.',
    ({ test, time, window }) =>
      isTrue(
        stepped(
          where(isTrue(test), isKnown(time)),
          { direction: 'lag', shift: integerOf(1), ignoresNulls: true },
          window,
        ),
      ),
  ),
]
