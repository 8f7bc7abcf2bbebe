import type { BoundFrame, BoundFrameBound, BoundSort, BoundWindow } from '../../bind/bound.ts'
import { frameBoundText } from '../../frame-bound-text.ts'
import { orderKey } from '../../functions/nested-order.ts'
import { printExpression, type PrintPlace } from './print-expression.ts'

/** ` OVER (…)`. */
export function printOver(window: BoundWindow, place: PrintPlace): string {
  const partition = window.partitionBy.map((value) => printExpression(value, place)).join(', ')
  const parts = [
    ...(partition === '' ? [] : [`PARTITION BY ${partition}`]),
    ...(window.orderBy.length === 0 ? [] : [printOrderBy(window.orderBy, place)]),
    ...(window.frame ? [printFrame(window.frame, place)] : []),
  ]
  return ` OVER (${parts.join(' ')})`
}

/** @param options.isOfDistinct the values themselves must be ordered by, as the engine asks of distinct ones */
export function printOrderBy(
  sorts: readonly BoundSort[],
  place: PrintPlace,
  { isOfDistinct = false } = {},
): string {
  const items = sorts.map((sort) => {
    const text = printExpression(sort.value, place)
    return `${sortKeyText(isOfDistinct ? text : orderKey(text, sort.value.type))}${directionOf(sort)}`
  })
  return `ORDER BY ${items.join(', ')}`
}

export function directionOf({ isDescending, nulls }: Pick<BoundSort, 'isDescending' | 'nulls'>): string {
  return ` ${isDescending ? 'DESC' : 'ASC'} NULLS ${nulls === 'first' ? 'FIRST' : 'LAST'}`
}

/** A bare constant would be taken for a place in the select list. */
export function sortKeyText(text: string): string {
  return /^(?:\d+$|\(-\d+\)$|')/.test(text) ? `coalesce(${text})` : text
}

function printFrame({ unit, start, end }: BoundFrame, place: PrintPlace): string {
  const bound = (value: BoundFrameBound): string =>
    frameBoundText(value, (offset) => printExpression(offset, place))
  return `${unit.toUpperCase()} BETWEEN ${bound(start)} AND ${bound(end)}`
}
