import { AppError, type TextPosition } from '#base/errors.ts'
import type { Expression, SortItem } from '../parse/expression-syntax.ts'
import type { BoundOrder, BoundSelect, Projection } from './bound.ts'
import { bindExpression } from './expression.ts'
import type { QueryPlace } from './query.ts'
import { emptyScope, type Scope } from './scope.ts'
import type { ExpressionPlace } from './state.ts'
import { keyOf } from './walk.ts'
import { sortOrder } from './window.ts'

/**
 * ORDER BY: by place (`2`), by a column of the result, or by an expression over them and over what stands in FROM.
 * `place.scope` is the scope of FROM.
 */
export function bindOrder(
  projections: readonly Projection[],
  items: readonly SortItem[],
  place: ExpressionPlace,
): readonly BoundOrder[] {
  const scope: Scope = { columns: scopeOf(projections), aliases: [], parent: place.scope }
  const [only] = items
  if (only && items.length === 1 && meansAll(only.value, { ...place, scope }))
    return projections.map((_, output) => ({ ...sortOrder(only), output }))
  const keys = items.length > 0 ? projections.map(({ value }) => keyOf(value)) : []
  return items.map((item): BoundOrder => {
    const order = sortOrder(item)
    const { value: syntax } = item
    if (syntax.kind === 'literal' && syntax.type.kind === 'integer') {
      return { ...order, output: placeOf(Number(syntax.value), projections, syntax.at) }
    }
    const value = bindExpression(syntax, { ...place, scope, placeName: 'ORDER BY' })
    const output = keys.indexOf(keyOf(value))
    return output >= 0 ? { ...order, output } : { ...order, value }
  })
}

/** `ALL` stands for everything in the select list; a column of that name goes before. */
export function meansAll(value: Expression, place: ExpressionPlace): boolean {
  if (value.kind !== 'name' || value.quote !== undefined || value.name.toLowerCase() !== 'all') return false
  try {
    bindExpression(value, place)
    return false
  } catch (error) {
    if (error instanceof AppError && error.code === 'query.unknown_column') return true
    throw error
  }
}

/** ORDER BY where nothing but the result can be named. */
export function bindOrderOfOutputs(
  select: BoundSelect,
  items: readonly SortItem[],
  { state, commons, outer }: QueryPlace,
): readonly BoundOrder[] {
  return bindOrder(select.projections, items, {
    state,
    commons,
    scope: { ...emptyScope, parent: outer },
    lambdaVariables: new Map(),
    windows: new Map(),
    allows: { aggregates: false, windows: true, generators: false },
    placeName: 'ORDER BY',
  })
}

/** `2` names the second column of the result. */
export function placeOf(place: number, projections: readonly Projection[], at: TextPosition): number {
  if (Number.isInteger(place) && place >= 1 && place <= projections.length) return place - 1
  throw new AppError(
    'query.syntax',
    `The result has ${projections.length} columns, number ${place} is not one.`,
    {
      position: at,
    },
  )
}

function scopeOf(projections: readonly Projection[]): Scope['columns'] {
  return projections.map(({ name, value }) => ({ name, qualifiers: [], value, isHidden: false }))
}
