import { AppError } from '#base/errors.ts'
import type {
  BoundExpression,
  BoundFrame,
  BoundFrameBound,
  BoundSort,
  BoundWindow,
} from '../../bind/bound.ts'
import { longOf } from '../../bind/build.ts'
import { frameBoundText } from '../../frame-bound-text.ts'
import { directionOf } from '../duckdb/print-window.ts'
import { timeBoundText } from './literal.ts'
import { printExpression, type PrintPlace } from './print-expression.ts'

/**
 * ` OVER (…)`.
 * @param needsOrder Spark refuses functions of a row's place without an order; then any one will do
 */
export function printOver(window: BoundWindow, place: PrintPlace, needsOrder: boolean): string {
  const partition = window.partitionBy.map((value) => printExpression(value, place)).join(', ')
  const order =
    window.orderBy.length > 0 ? [printOrderBy(window.orderBy, place)] : needsOrder ? ['ORDER BY 1'] : []
  const parts = [
    ...(partition === '' ? [] : [`PARTITION BY ${partition}`]),
    ...order,
    ...(window.frame ? [printFrame(window.frame, window, place)] : []),
  ]
  return ` OVER (${parts.join(' ')})`
}

export function printOrderBy(sorts: readonly BoundSort[], place: PrintPlace): string {
  const items = sorts.map((sort) => `${sortKeyText(printExpression(sort.value, place))}${directionOf(sort)}`)
  return `ORDER BY ${items.join(', ')}`
}

/** A bare whole number would be taken for a place in the select list. */
export function sortKeyText(text: string): string {
  return /^\(?-?\d+[LSY]?\)?$/.test(text) ? `coalesce(${text})` : text
}

function printFrame({ unit, start, end }: BoundFrame, { orderBy }: BoundWindow, place: PrintPlace): string {
  const isByDate = orderBy[0]?.value.type.kind === 'date'
  const bound = (value: BoundFrameBound): string =>
    frameBoundText(unit === 'rows' ? inRows(value) : value, (offset) => {
      const constant = constantOf(offset)
      const time = constant.kind === 'literal' && !isByDate ? timeBoundText(constant) : undefined
      return time ?? printExpression(constant, place)
    })
  return `${unit.toUpperCase()} BETWEEN ${bound(start)} AND ${bound(end)}`
}

const integerMax = 2_147_483_647n

/** Spark counts rows as integers; no table of a frame's is longer. */
function inRows(bound: BoundFrameBound): BoundFrameBound {
  if (!('offset' in bound)) return bound
  const { offset } = bound
  if (offset.kind !== 'literal' || offset.value === null) return bound
  const value = BigInt(offset.value)
  const count = value > integerMax ? integerMax : value
  return { ...bound, offset: { ...offset, type: { kind: 'integer' }, value: count } }
}

/** Spark takes nothing but a literal as a bound. @throws AppError 'query.unsupported' */
function constantOf(offset: BoundExpression): BoundExpression {
  if (offset.kind === 'literal') return offset
  const [inner] =
    offset.kind === 'call' && offset.entry.names[0] === '#micros_of_seconds' ? offset.arguments : []
  if (inner?.kind === 'literal' && inner.value !== null) return longOf(BigInt(inner.value) * 1_000_000n)
  throw new AppError('query.unsupported', 'On Spark how far a window reaches is a constant.', {
    hint: 'Write the number itself, or SET engine = duckdb.',
  })
}
