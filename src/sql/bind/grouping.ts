import { AppError, type TextPosition } from '#base/errors.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { GroupingElement } from '../parse/syntax.ts'
import type { BoundCall, BoundExpression, BoundGrouping, Projection, Relation } from './bound.ts'
import { bindExpression } from './expression.ts'
import { meansAll, placeOf } from './order.ts'
import type { ExpressionPlace } from './state.ts'
import { childrenOf, keyOf, someExpression } from './walk.ts'

/** More sets than this are a mistake, not a report: CUBE doubles them with each column. */
const setsMax = 4096

/** GROUP BY: expressions, aliases of the select list, places in it, and sets of them. */
export function bindGrouping(
  elements: readonly GroupingElement[],
  projections: readonly Projection[],
  place: ExpressionPlace,
): BoundGrouping {
  if (isAll(elements, place)) {
    return {
      expressions: projections.map(({ value }) => value).filter((value) => !hasAggregate(value)),
      sets: undefined,
    }
  }
  const expressions: BoundExpression[] = []
  const places = new Map<string, number>()
  const indexOf = (syntax: Expression): number => {
    const value = bindKey(syntax, projections, place)
    const key = keyOf(value)
    const index = places.get(key) ?? expressions.push(value) - 1
    places.set(key, index)
    return index
  }
  let sets = [new Set<number>()]
  for (const element of elements) {
    const own = setsOf(element, indexOf)
    const [only] = own
    if (own.length === 1 && only) sets.forEach((set) => only.forEach((index) => set.add(index)))
    else sets = sets.flatMap((set) => own.map((more) => new Set([...set, ...more])))
    if (sets.length > setsMax) {
      throw new AppError('query.limit', `GROUP BY makes more than ${setsMax} grouping sets.`)
    }
  }
  const isPlain = elements.every((element) => element.kind === 'expression')
  return { expressions, sets: isPlain ? undefined : sets.map((set) => [...set]) }
}

/** `GROUP BY ALL`: by every item of the select list without an aggregate; a column of that name goes before. */
function isAll(elements: readonly GroupingElement[], place: ExpressionPlace): boolean {
  const [element, ...more] = elements
  if (more.length > 0 || element?.kind !== 'expression') return false
  return meansAll(element.value, place)
}

function setsOf(
  element: GroupingElement,
  indexOf: (syntax: Expression) => number,
): readonly (readonly number[])[] {
  if (element.kind === 'expression') {
    // `GROUP BY (a, b)` groups by both.
    const items = element.value.kind === 'row' ? element.value.items : [element.value]
    return [items.map(indexOf)]
  }
  const sets = element.sets.map((set) => set.map(indexOf))
  switch (element.kind) {
    case 'sets':
      return sets
    case 'rollup':
      return sets.map((_, index) => sets.slice(0, sets.length - index).flat()).concat([[]])
    case 'cube':
      if (2 ** sets.length > setsMax)
        throw new AppError('query.limit', `CUBE takes at most ${Math.log2(setsMax)} columns.`)
      return sets.reduce<readonly (readonly number[])[]>(
        (made, set) => made.flatMap((one) => [[...one, ...set], one]),
        [[]],
      )
  }
}

function bindKey(
  syntax: Expression,
  projections: readonly Projection[],
  place: ExpressionPlace,
): BoundExpression {
  const isPlace = syntax.kind === 'literal' && syntax.type.kind === 'integer'
  const projection = isPlace ? projections[placeOf(Number(syntax.value), projections, syntax.at)] : undefined
  const value = projection ? projection.value : bindExpression(windowName(syntax), place)
  if (hasAggregate(value)) {
    throw new AppError('query.syntax', 'GROUP BY cannot group by what is computed from the groups.', {
      position: syntax.at,
    })
  }
  refuseWindow(value, 'GROUP BY', syntax.at)
  return value
}

type WindowElement = Extract<GroupingElement, { kind: 'expression' }>

/** `window(time, width)` to group by. */
export function isTimeWindow(element: GroupingElement): element is WindowElement {
  return (
    element.kind === 'expression' &&
    element.value.kind === 'call' &&
    element.value.name.toLowerCase() === 'window'
  )
}

/** A window of time is the column `window` of the groups. */
function windowName(syntax: Expression): Expression {
  return isTimeWindow({ kind: 'expression', value: syntax })
    ? { kind: 'name', name: 'window', quote: undefined, at: syntax.at }
    : syntax
}

/** An alias may stand for a function over a window where none could be written. @throws AppError 'query.syntax' */
export function refuseWindow(value: BoundExpression, placeName: string, position: TextPosition): void {
  if (!hasWindow(value)) return
  throw new AppError('query.syntax', `What is computed over a window cannot stand in ${placeName}.`, {
    position,
    hint: 'Compute it in a subquery, and use its column here.',
  })
}

export function hasWindow(expression: BoundExpression): boolean {
  return someExpression(expression, (inner) => inner.kind === 'call' && inner.over !== undefined)
}

/** Whether an aggregate over the groups, and not over a window, is in it. */
export function hasAggregate(expression: BoundExpression): boolean {
  return someExpression(
    expression,
    (inner) => inner.kind === 'call' && inner.entry.kind === 'aggregate' && inner.over === undefined,
  )
}

/**
 * What a grouped query shows of a row must be one of the grouping expressions or an aggregate.
 * @throws AppError 'query.type' naming the column
 */
export function checkGrouped(
  expressions: readonly BoundExpression[],
  grouping: BoundGrouping,
  local: ReadonlySet<Relation>,
): void {
  const keys = new Set(grouping.expressions.map(keyOf))
  const visit = (inner: BoundExpression): void => {
    if (keys.has(keyOf(inner))) return
    if (inner.kind === 'call' && inner.entry.kind === 'aggregate' && !inner.over) {
      if (/^grouping(?:_id)?$/.test(inner.entry.names[0] ?? '')) refuseOthers(inner, keys)
      return
    }
    if (inner.kind === 'column' && local.has(inner.relation)) {
      throw new AppError(
        'query.type',
        `The column ${inner.column.name} is neither grouped by nor inside an aggregate.`,
        {
          position: inner.at,
          hint: `Add it to GROUP BY, or take first(${inner.column.name}).`,
        },
      )
    }
    for (const child of childrenOf(inner)) visit(child)
  }
  expressions.forEach(visit)
}

/** Which columns a set groups by can be asked of those alone that are grouped by. @throws AppError 'query.type' */
function refuseOthers({ entry, arguments: asked, at }: BoundCall, keys: ReadonlySet<string>): void {
  if (asked.every((value) => keys.has(keyOf(value)))) return
  throw new AppError('query.type', `${entry.names[0]} is asked of expressions that stand in GROUP BY.`, {
    position: at,
  })
}
