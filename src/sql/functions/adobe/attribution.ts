import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import {
  doubleType,
  integerType,
  longType,
  stringType,
  structType,
  timestampType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import type { BoundExpression, BoundFrame, BoundFrameBound, BoundWindow } from '../../bind/bound.ts'
import { booleanOf, caseOf, nullOf, structOf } from '../../bind/build.ts'
import type { Accepts, FunctionEntry } from '../entry.ts'
import {
  backward,
  computed,
  countTrue,
  framed,
  isKnown,
  isTrue,
  knownValue,
  microsOf,
  ordered,
  where,
} from './engine-call.ts'

type Side = 'first' | 'last'

/** The window in which a row looks for its touch. */
type Horizon = (site: {
  readonly time: BoundExpression
  /** What stands behind the channel's value. */
  readonly extra: readonly BoundExpression[]
  /** Ordered and with a frame. */
  readonly over: BoundWindow
}) => BoundWindow

interface Kind {
  readonly suffix: string
  readonly takes: readonly Accepts[]
  readonly optional: number
  readonly horizon: Horizon
  readonly remarks: string
}

const kinds: readonly Kind[] = [
  {
    suffix: '',
    takes: [],
    optional: 0,
    horizon: ({ over }) => over,
    remarks: 'Looks at the rows of the frame.',
  },
  {
    suffix: '_exp_if',
    takes: ['boolean', 'boolean'],
    optional: 1,
    horizon: segmentOf,
    remarks:
      'Looks at the rows of the frame back to where the condition last held. That row ends what came before it; with true as last argument it begins what comes.',
  },
  {
    suffix: '_exp_timeout',
    takes: ['long'],
    optional: 0,
    horizon: withinSeconds,
    remarks:
      'Looks at the rows of the frame no further away in time than so many seconds, exactly that many included.',
  },
]

function touchFunction(side: Side, { suffix, takes, optional, horizon, remarks }: Kind): FunctionEntry {
  return {
    names: [`attribution_${side}_touch${suffix}`],
    kind: 'adobe',
    remarks: `${remarks} The time is the touch's own. NULL is no touch.`,
    signatures: [
      {
        takes: ['timestamp', 'string', 'any', ...takes],
        optional,
        gives: (types) => touchType(types[2] ?? voidType),
        lowering: {
          kind: 'windows',
          expand: ([time, name, value, ...extra], over) =>
            touchOf(side, {
              time: must(time, 'a timestamp'),
              name: must(name, 'a name'),
              value: must(value, 'a value'),
              window: (time) =>
                horizon({ time, extra, over: framed(ordered(over, time), over.frame ?? backward) }),
            }),
        },
      },
    ],
  }
}

interface Touch {
  readonly time: BoundExpression
  readonly name: BoundExpression
  readonly value: BoundExpression
  readonly window: (time: BoundExpression) => BoundWindow
}

function touchOf(side: Side, { time, name, value, window }: Touch): BoundExpression {
  const over = window(time)
  // A row without a time is no touch.
  const found = knownValue(side, where(value, isKnown(time)), over)
  const touch = structOf({
    name,
    value: found,
    timestamp: knownValue(side, where(time, isKnown(value)), over),
    fraction: { kind: 'literal', type: doubleType, value: 1 },
  })
  return caseOf([{ when: isKnown(found), then: touch }], nullOf(touch.type))
}

const touchType = (value: DataType): DataType =>
  structType([
    { name: 'name', type: stringType },
    { name: 'value', type: value },
    { name: 'timestamp', type: timestampType },
    { name: 'fraction', type: doubleType },
  ])

/** The rows between two on which the condition holds are a partition of their own. */
function segmentOf({ extra, over }: Parameters<Horizon>[0]): BoundWindow {
  const expires = isTrue(must(extra[0], 'a condition'))
  const isBefore = isTrue(extra[1] ?? booleanOf(false))
  const segment = computed(
    '#segment',
    integerType,
    [countTrue(expires, framed(over, backward)), expires, isBefore],
    ([count = '', expires = '', isBefore = '']) =>
      `(${count} - CAST(${expires} AND NOT ${isBefore} AS INTEGER))`,
  )
  return { ...over, partitionBy: [...over.partitionBy, segment] }
}

function withinSeconds({ time, extra, over }: Parameters<Horizon>[0]): BoundWindow {
  const reach = computed(
    '#micros_of_seconds',
    longType,
    [must(extra[0], 'a number of seconds')],
    ([seconds = '']) => `(${seconds} * 1000000)`,
  )
  const { start, end } = must(over.frame, 'a frame')
  const bounded = (bound: BoundFrameBound): BoundFrameBound => {
    switch (bound.kind) {
      case 'unboundedPreceding':
        return { kind: 'preceding', offset: reach }
      case 'unboundedFollowing':
        return { kind: 'following', offset: reach }
      case 'currentRow':
        return bound
      default:
        throw new AppError(
          'query.unsupported',
          'A touch that expires after some time takes no frame with a number of rows.',
          { hint: 'Use UNBOUNDED PRECEDING, CURRENT ROW and UNBOUNDED FOLLOWING.' },
        )
    }
  }
  const frame: BoundFrame = { unit: 'range', start: bounded(start), end: bounded(end) }
  const isDescending = over.orderBy[0]?.isDescending ?? false
  return {
    partitionBy: over.partitionBy,
    orderBy: [{ value: microsOf(time), isDescending, nulls: isDescending ? 'last' : 'first' }],
    frame,
  }
}

export const attributionFunctions: readonly FunctionEntry[] = kinds.flatMap((kind) => [
  touchFunction('first', kind),
  touchFunction('last', kind),
])
