import { AppError, type TextPosition } from '#base/errors.ts'
import { longType, sparkName } from '#types/data-type.ts'
import { isIntegral, isNumeric } from '#types/implicit-cast.ts'
import type {
  Expression,
  Frame,
  FrameBound,
  SortItem,
  WindowSpecification,
} from '../parse/expression-syntax.ts'
import type { BoundFrame, BoundFrameBound, BoundSort, BoundWindow } from './bound.ts'
import { bindExpression } from './expression.ts'
import { convertedTo } from './resolve-call.ts'
import type { ExpressionPlace } from './state.ts'

/** `OVER (…)` with the named window it builds on, if it does. */
export function bindWindow(specification: WindowSpecification, place: ExpressionPlace): BoundWindow {
  const inner: ExpressionPlace = { ...place, placeName: 'a window' }
  const base = specification.name === undefined ? undefined : namedWindow(specification, place)
  const window: BoundWindow = {
    partitionBy: [
      ...(base?.partitionBy ?? []),
      ...specification.partitionBy.map((value) => bindExpression(value, inner)),
    ],
    orderBy: [...(base?.orderBy ?? []), ...bindSorts(specification.orderBy, inner)],
    frame: specification.frame ? bindFrame(specification.frame, inner) : base?.frame,
  }
  checkRange(window, specification.at)
  return window
}

/** How far rows are apart is reckoned by what they are ordered by. @throws AppError 'query.type' */
function checkRange({ orderBy, frame }: BoundWindow, position: TextPosition): void {
  if (frame?.unit !== 'range') return
  const offsets = [frame.start, frame.end].flatMap((bound) => ('offset' in bound ? [bound.offset.type] : []))
  if (offsets.length === 0) return
  const refuse = (message: string): never => {
    throw new AppError('query.type', message, { position, hint: 'Or say ROWS, which counts rows.' })
  }
  const [order, ...more] = orderBy
  if (!order || more.length > 0) return refuse('RANGE with a distance needs one ORDER BY expression.')
  const { type } = order.value
  for (const offset of offsets) {
    const fits =
      type.kind === 'timestamp' || type.kind === 'timestamp_ntz'
        ? offset.kind === 'interval'
        : type.kind === 'date'
          ? offset.kind === 'interval' || isIntegral(offset)
          : isNumeric(type) && isNumeric(offset)
    if (!fits)
      refuse(
        `RANGE cannot look a distance of type ${sparkName(offset)} back or ahead in an order of type ${sparkName(type)}.`,
      )
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
  return bindWindow(named, { ...place, windows: others })
}

export function bindSorts(items: readonly SortItem[], place: ExpressionPlace): BoundSort[] {
  return items.map((item) => ({ value: bindExpression(item.value, place), ...sortOrder(item) }))
}

/** Spark puts NULL first when ascending and last when descending. */
export function sortOrder({ isDescending, nulls }: SortItem): Pick<BoundSort, 'isDescending' | 'nulls'> {
  return { isDescending, nulls: nulls ?? (isDescending ? 'last' : 'first') }
}

function bindFrame({ unit, start, end }: Frame, place: ExpressionPlace): BoundFrame {
  return { unit, start: bindBound(unit, start, place), end: bindBound(unit, end, place) }
}

function bindBound(unit: Frame['unit'], bound: FrameBound, place: ExpressionPlace): BoundFrameBound {
  return 'offset' in bound ? { kind: bound.kind, offset: bindOffset(unit, bound.offset, place) } : bound
}

function bindOffset(unit: Frame['unit'], offset: Expression, place: ExpressionPlace) {
  const value = bindExpression(offset, place)
  return unit === 'rows' ? convertedTo(place.state, value, longType) : value
}
