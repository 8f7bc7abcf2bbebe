import { quoteLiteral } from '#base/sql-text.ts'
import { sparkName } from '#types/data-type.ts'
import type { BoundExpression, BoundFrame, BoundFrameBound, BoundSort, BoundWindow } from './bound.ts'

/** The expressions directly inside one; subqueries are not entered. */
export function childrenOf(expression: BoundExpression): readonly BoundExpression[] {
  switch (expression.kind) {
    case 'literal':
    case 'column':
    case 'parameter':
    case 'lambdaVariable':
    case 'exists':
    case 'scalarQuery':
      return []
    case 'field':
      return [expression.base]
    case 'struct':
      return expression.values
    case 'cast':
    case 'inQuery':
      return [expression.value]
    case 'lambda':
      return [expression.body]
    case 'case':
      return [...expression.branches.flatMap(({ when, then }) => [when, then]), expression.otherwise]
    case 'call':
      return [
        ...expression.arguments,
        ...(expression.filter ? [expression.filter] : []),
        ...expression.orderBy.map((sort) => sort.value),
        ...(expression.over ? windowExpressions(expression.over) : []),
      ]
  }
}

const sizes = new WeakMap<BoundExpression, number>()

/** How many expressions it is when it is written out: those that stand in it twice count twice. */
export function sizeOf(expression: BoundExpression): number {
  const known = sizes.get(expression)
  if (known !== undefined) return known
  const size = childrenOf(expression).reduce((sum, child) => sum + sizeOf(child), 1)
  sizes.set(expression, size)
  return size
}

function windowExpressions(over: BoundWindow): BoundExpression[] {
  const bounds = over.frame ? [over.frame.start, over.frame.end] : []
  return [
    ...over.partitionBy,
    ...over.orderBy.map((sort) => sort.value),
    ...bounds.flatMap((bound) => ('offset' in bound ? [bound.offset] : [])),
  ]
}

/** The same expression with each direct child replaced. */
export function mapChildren(
  expression: BoundExpression,
  change: (child: BoundExpression) => BoundExpression,
): BoundExpression {
  switch (expression.kind) {
    case 'literal':
    case 'column':
    case 'parameter':
    case 'lambdaVariable':
    case 'exists':
    case 'scalarQuery':
      return expression
    case 'field':
      return { ...expression, base: change(expression.base) }
    case 'struct':
      return { ...expression, values: expression.values.map(change) }
    case 'cast':
    case 'inQuery':
      return { ...expression, value: change(expression.value) }
    case 'lambda':
      return { ...expression, body: change(expression.body) }
    case 'case':
      return {
        ...expression,
        branches: expression.branches.map(({ when, then }) => ({ when: change(when), then: change(then) })),
        otherwise: change(expression.otherwise),
      }
    case 'call':
      return {
        ...expression,
        arguments: expression.arguments.map(change),
        filter: expression.filter && change(expression.filter),
        orderBy: expression.orderBy.map((sort) => mapSort(sort, change)),
        over: expression.over && mapWindow(expression.over, change),
      }
  }
}

export function mapSort(sort: BoundSort, change: (child: BoundExpression) => BoundExpression): BoundSort {
  return { ...sort, value: change(sort.value) }
}

export function mapWindow(
  over: BoundWindow,
  change: (child: BoundExpression) => BoundExpression,
): BoundWindow {
  return {
    partitionBy: over.partitionBy.map(change),
    orderBy: over.orderBy.map((sort) => mapSort(sort, change)),
    frame: over.frame && mapFrame(over.frame, change),
  }
}

function mapFrame(frame: BoundFrame, change: (child: BoundExpression) => BoundExpression): BoundFrame {
  const bound = (bound: BoundFrameBound): BoundFrameBound =>
    'offset' in bound ? { ...bound, offset: change(bound.offset) } : bound
  return { ...frame, start: bound(frame.start), end: bound(frame.end) }
}

/** Whether the expression or one inside it satisfies the test. */
export function someExpression(
  expression: BoundExpression,
  test: (expression: BoundExpression) => boolean,
): boolean {
  return test(expression) || childrenOf(expression).some((child) => someExpression(child, test))
}

const keys = new WeakMap<BoundExpression, string>()
let volatileCount = 0

/** The same text for expressions that always have the same value in a row; volatile calls differ from everything. */
export function keyOf(expression: BoundExpression): string {
  const known = keys.get(expression)
  if (known !== undefined) return known
  const key = makeKey(expression)
  keys.set(expression, key)
  return key
}

function makeKey(expression: BoundExpression): string {
  const list = (items: readonly BoundExpression[]): string => items.map(keyOf).join(',')
  switch (expression.kind) {
    case 'literal':
      return `${sparkName(expression.type)}:${quoteLiteral(String(expression.value))}`
    case 'column':
      return `${expression.relation.alias}.${quoteLiteral(expression.column.key)}`
    case 'parameter':
      return `$${expression.index}`
    case 'lambdaVariable':
      return `\\${expression.name}`
    case 'field':
      return `${keyOf(expression.base)}.${quoteLiteral(expression.name)}`
    case 'struct':
      return `${sparkName(expression.type)}(${list(expression.values)})`
    case 'cast':
      return `${expression.isTried === true ? 'try_' : ''}cast(${keyOf(expression.value)},${sparkName(expression.type)})`
    case 'lambda':
      return `lambda(${expression.parameters.join(',')}:${keyOf(expression.body)})`
    case 'case':
      return `case(${expression.branches.map(({ when, then }) => `${keyOf(when)}?${keyOf(then)}`).join(':')}:${keyOf(expression.otherwise)})`
    case 'inQuery':
    case 'exists':
    case 'scalarQuery':
      return `query#${volatileCount++}`
    case 'call': {
      const { entry, isDistinct, ignoresNulls, filter, over } = expression
      const flags = `${isDistinct ? '!' : ''}${ignoresNulls ? '?' : ''}${entry.isVolatile ? `#${volatileCount++}` : ''}`
      const sorts = expression.orderBy.map(sortKey).join(',')
      const window = over ? `over(${windowKey(over)})` : ''
      return `${entry.names[0]}${flags}(${list(expression.arguments)};${sorts};${filter ? keyOf(filter) : ''})${window}`
    }
  }
}

function sortKey(sort: BoundSort): string {
  return `${keyOf(sort.value)}${sort.isDescending ? '-' : '+'}${sort.nulls}`
}

/** The same for windows that sort the same rows in the same order. */
export function orderingKey(over: BoundWindow): string {
  return `${over.partitionBy.map(keyOf).join(',')};${over.orderBy.map(sortKey).join(',')}`
}

function windowKey(over: BoundWindow): string {
  const bound = (bound: BoundFrameBound): string =>
    `${bound.kind}${'offset' in bound ? keyOf(bound.offset) : ''}`
  const frame = over.frame ? `${over.frame.unit}:${bound(over.frame.start)}:${bound(over.frame.end)}` : ''
  return `${orderingKey(over)};${frame}`
}
