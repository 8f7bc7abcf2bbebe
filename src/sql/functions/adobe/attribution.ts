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
import { booleanOf, caseOf, fieldOf, nullOf, structOf } from '../../bind/build.ts'
import type { Accepts, FunctionEntry } from '../entry.ts'
import {
  backward,
  computed,
  condition,
  countTrue,
  differenceOf,
  framed,
  furthest,
  isKnown,
  isTrue,
  knownValue,
  microsOf,
  ordered,
  rowNumber,
  where,
} from './engine-call.ts'
import { comesByTime, placeOf } from './frames.ts'

type Side = 'first' | 'last'

interface Site {
  readonly time: BoundExpression
  /** What stands behind the channel's value. */
  readonly extra: readonly BoundExpression[]
  /** Ordered and with a frame. */
  readonly over: BoundWindow
}

interface Kind {
  readonly suffix: string
  readonly takes: readonly Accepts[]
  readonly optional: number
  /** Undefined where no window of the engine is one. */
  readonly horizon: (site: Site) => BoundWindow | undefined
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
    remarks: `${remarks} The time is the touch's own. NULL is no touch, and a row without a time is left out.`,
    signatures: [
      {
        takes: ['timestamp', 'string', 'any', ...takes],
        optional,
        gives: (types) => touchType(types[2] ?? voidType),
        lowering: {
          kind: 'windows',
          expand: ([time, name, value, ...extra], over) => {
            const at = must(time, 'a timestamp')
            const framedOver = framed(ordered(over, at), over.frame ?? backward)
            const site = { time: at, extra, over: framedOver }
            const given = { time: at, value: must(value, 'a value') }
            const window = horizon(site)
            const found = window ? touchIn(window, side, given) : touchNear(site, side, given)
            const touch = structOf([
              { name: 'name', value: must(name, 'a name') },
              { name: 'value', value: found.value },
              { name: 'timestamp', value: found.time },
              { name: 'fraction', value: { kind: 'literal', type: doubleType, value: 1 } },
            ])
            return caseOf([{ when: areKnown(at, found.value), then: touch }], nullOf(touch.type))
          },
        },
      },
    ],
  }
}

interface Touch {
  readonly time: BoundExpression
  readonly value: BoundExpression
}

const areKnown = (...values: readonly BoundExpression[]): BoundExpression =>
  condition('#are_known', values, (texts) => texts.map((text) => `${text} IS NOT NULL`).join(' AND '))

/** The first or last touch of the window; a row without a time is none. */
function touchIn(over: BoundWindow, side: Side, { time, value }: Touch): Touch {
  return {
    value: knownValue(side, where(value, isKnown(time)), over),
    time: knownValue(side, where(time, isKnown(value)), over),
  }
}

/**
 * The first or last touch of a frame with a number of rows that is near enough in time. It is that of the frame, or,
 * where that is too far away, that of the seconds around the row, if the frame reaches to it.
 */
function touchNear({ time, extra, over }: Site, side: Side, given: Touch): Touch {
  const { start, end } = must(over.frame, 'a frame')
  const place = rowNumber(framed(over, undefined))
  const isTouch = areKnown(given.time, given.value)
  const row = where(
    structOf([
      { name: 'place', value: place },
      { name: 'time', value: given.time },
      { name: 'value', value: given.value },
    ]),
    isTouch,
  )
  const reach = microsOfSeconds(extra)
  const around: BoundFrame = {
    unit: 'range',
    start: { kind: 'preceding', offset: reach },
    end: { kind: 'following', offset: reach },
  }
  const ofFrame = knownValue(side, row, over)
  const ofTime = furthest(side, row, where(place, isTouch), inTime(over, time, around))
  const distance = differenceOf(microsOf(fieldOf(ofFrame, 'time', timestampType)), microsOf(time))
  const isNear = condition(
    '#is_near',
    [distance, reach],
    ([distance = '', reach = '']) => `abs(${distance}) <= ${reach}`,
  )
  const ends = [placeOf(start, place), placeOf(end, place)].map((end) => end ?? nullOf(longType))
  const isReached = condition(
    '#is_reached',
    [time, fieldOf(ofTime, 'place', longType), ...ends],
    ([time = '', at = '', from = '', to = '']) =>
      `${time} IS NOT NULL AND ${at} >= coalesce(${from}, ${at}) AND ${at} <= coalesce(${to}, ${at})`,
  )
  const found = caseOf(
    [
      { when: isNear, then: ofFrame },
      { when: isReached, then: ofTime },
    ],
    nullOf(row.type),
  )
  return {
    value: fieldOf(found, 'value', given.value.type),
    time: fieldOf(found, 'time', timestampType),
  }
}

const touchType = (value: DataType): DataType =>
  structType([
    { name: 'name', type: stringType },
    { name: 'value', type: value },
    { name: 'timestamp', type: timestampType },
    { name: 'fraction', type: doubleType },
  ])

/** The rows between two on which the condition holds are a partition of their own. */
function segmentOf({ time, extra, over }: Site): BoundWindow {
  const expires = isTrue(where(must(extra[0], 'a condition'), isKnown(time)))
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

function withinSeconds({ time, extra, over }: Site): BoundWindow | undefined {
  const { unit, start, end } = must(over.frame, 'a frame')
  const reach = microsOfSeconds(extra)
  const bounds = [start, end].map((bound): BoundFrameBound | undefined => {
    switch (bound.kind) {
      case 'unboundedPreceding':
        return { kind: 'preceding', offset: reach }
      case 'unboundedFollowing':
        return { kind: 'following', offset: reach }
      case 'currentRow':
        // In the order of time alone rows at the same time are one.
        return unit === 'range' || (over.orderBy.length === 1 && comesByTime(over, time)) ? bound : undefined
      default:
        if (unit === 'rows') return undefined
        throw new AppError(
          'query.unsupported',
          'A touch that expires after some time takes no frame with a stretch of time.',
          { hint: 'Use UNBOUNDED PRECEDING, CURRENT ROW, UNBOUNDED FOLLOWING or a number of ROWS.' },
        )
    }
  })
  const [from, to] = bounds
  return from && to && inTime(over, time, { unit: 'range', start: from, end: to })
}

const microsOfSeconds = ([seconds]: readonly BoundExpression[]): BoundExpression =>
  computed(
    '#micros_of_seconds',
    longType,
    [must(seconds, 'a number of seconds')],
    ([seconds = '']) => `(${seconds} * 1000000)`,
  )

/** The window in the order of time alone, so that a frame can be one of seconds. */
function inTime(over: BoundWindow, time: BoundExpression, frame: BoundFrame): BoundWindow {
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
