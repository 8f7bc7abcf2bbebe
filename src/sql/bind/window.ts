import { AppError, type TextPosition } from '#base/errors.ts'
import { integerType, intervalType, longType, sparkName, type DataType } from '#types/data-type.ts'
import { isIntegral, isNumeric } from '#types/implicit-cast.ts'
import type { Frame, FrameBound, SortItem, WindowSpecification } from '../parse/expression-syntax.ts'
import type { BoundExpression, BoundFrame, BoundFrameBound, BoundSort, BoundWindow } from './bound.ts'
import { bindExpression } from './expression.ts'
import { convertedTo } from './resolve-call.ts'
import type { ExpressionPlace } from './state.ts'

/** `OVER (…)` with the named window it builds on, if it does. */
export function bindWindow(specification: WindowSpecification, place: ExpressionPlace): BoundWindow {
  const inner: ExpressionPlace = { ...place, placeName: 'a window' }
  const base = specification.name === undefined ? undefined : namedWindow(specification, place)
  const orderBy = [...(base?.orderBy ?? []), ...bindSorts(specification.orderBy, inner)]
  const frame = specification.frame
    ? bindFrame(specification.frame, { place: inner, orderBy, at: specification.at })
    : base?.frame
  return {
    partitionBy: [
      ...(base?.partitionBy ?? []),
      ...specification.partitionBy.map((value) => bindExpression(value, inner)),
    ],
    orderBy,
    frame,
  }
}

function namedWindow({ name = '', at }: WindowSpecification, place: ExpressionPlace): BoundWindow {
  const named = place.windows.get(name.toLowerCase())
  if (!named) {
    throw new AppError('query.unknown', `There is no window ${name}.`, {
      position: at,
      hint: `Define it behind the query: WINDOW ${name} AS (…).`,
    })
  }
  const others = new Map([...place.windows].filter(([key]) => key !== name.toLowerCase()))
  const bound = bindWindow(named, { ...place, windows: others })
  place.state.checkCopies([...bound.partitionBy, ...bound.orderBy.map(({ value }) => value)], at)
  return bound
}

export function bindSorts(items: readonly SortItem[], place: ExpressionPlace): BoundSort[] {
  return items.map((item) => ({ value: bindExpression(item.value, place), ...sortOrder(item) }))
}

/** Spark puts NULL first when ascending and last when descending. */
export function sortOrder({ isDescending, nulls }: SortItem): Pick<BoundSort, 'isDescending' | 'nulls'> {
  return { isDescending, nulls: nulls ?? (isDescending ? 'last' : 'first') }
}

/** Where a frame stands. */
interface FrameSite {
  readonly place: ExpressionPlace
  readonly orderBy: readonly BoundSort[]
  readonly at: TextPosition
}

function bindFrame({ unit, start, end }: Frame, site: FrameSite): BoundFrame {
  const frame = { unit, start: bindBound(unit, start, site), end: bindBound(unit, end, site) }
  if (placeOf(frame.start, 'earliest') <= placeOf(frame.end, 'latest')) return frame
  throw new AppError('query.syntax', 'The frame of a window ends before it begins.', {
    position: site.at,
    hint: 'Write the earlier bound first: BETWEEN 1 PRECEDING AND CURRENT ROW.',
  })
}

/** Bounds in the order in which they may follow each other; where a distance is not known yet, what it may be. */
function placeOf(bound: BoundFrameBound, unknown: 'earliest' | 'latest'): number {
  if (!('offset' in bound)) {
    return { unboundedPreceding: -Infinity, currentRow: 0, unboundedFollowing: Infinity }[bound.kind]
  }
  const isAhead = bound.kind === 'following'
  const distance = bound.offset.kind === 'literal' ? Number(bound.offset.value) : Number.NaN
  if (!Number.isNaN(distance)) return isAhead ? distance : -distance
  return isAhead === (unknown === 'latest') ? (isAhead ? Infinity : -Infinity) : 0
}

function bindBound(unit: Frame['unit'], bound: FrameBound, site: FrameSite): BoundFrameBound {
  if (!('offset' in bound)) return bound
  const value = bindExpression(bound.offset, site.place)
  const offset = unit === 'rows' ? convertedTo(site.place.state, value, longType) : rangeOffset(value, site)
  return { kind: bound.kind, offset }
}

/** How far rows may be apart is reckoned by what they are ordered by. @throws AppError 'query.type' */
function rangeOffset(value: BoundExpression, { place, orderBy, at }: FrameSite): BoundExpression {
  const refuse = (message: string): never => {
    throw new AppError('query.type', message, { position: at, hint: 'Or say ROWS, which counts rows.' })
  }
  const [order, ...more] = orderBy
  if (!order || more.length > 0) return refuse('RANGE with a distance needs one ORDER BY expression.')
  const { type } = order.value
  const wanted = distanceOf(type, value.type)
  if (wanted) return convertedTo(place.state, value, wanted)
  return refuse(
    `RANGE cannot look a distance of type ${sparkName(value.type)} back or ahead in an order of type ${sparkName(type)}.`,
  )
}

/** What a distance is converted to; undefined where it is none. */
function distanceOf(order: DataType, given: DataType): DataType | undefined {
  const isText = given.kind === 'string' || given.kind === 'void'
  if (isNumeric(order)) return isNumeric(given) ? given : isText ? order : undefined
  if (order.kind === 'date' && (isIntegral(given) || given.kind === 'void')) return integerType
  if (!['date', 'timestamp', 'timestamp_ntz', 'interval'].includes(order.kind)) return undefined
  if (given.kind === 'interval') return given
  return isText ? intervalType : undefined
}
