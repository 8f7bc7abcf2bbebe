import { AppError } from '#base/errors.ts'
import { longType } from '#types/data-type.ts'
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
  return {
    partitionBy: [
      ...(base?.partitionBy ?? []),
      ...specification.partitionBy.map((value) => bindExpression(value, inner)),
    ],
    orderBy: [...(base?.orderBy ?? []), ...bindSorts(specification.orderBy, inner)],
    frame: specification.frame ? bindFrame(specification.frame, inner) : base?.frame,
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
