import { quoteIdentifier } from '#base/sql-text.ts'
import type {
  BoundExpression,
  BoundGrouping,
  BoundOrder,
  BoundQueryTree,
  BoundSelect,
  BoundSetOperation,
  BoundValues,
  CommonRelation,
  Relation,
} from '../../bind/bound.ts'
import { hasAggregate } from '../../bind/grouping.ts'
import { withGroupKeys } from '../../functions/group-keys.ts'
import { isNested, orderKey } from '../../functions/nested-order.ts'
import { printLiteral } from './literal.ts'
import { printExpression } from './print-expression.ts'
import { printFrom, type QueryPrinter } from './print-from.ts'
import { directionOf, sortKeyText } from './print-window.ts'

/**
 * DuckDB's text of a query. The same tree always gives the same text.
 * @param textOf the query that stands for a table's scan
 */
export function printQuery(tree: BoundQueryTree, textOf: (relation: Relation) => string): string {
  // WITH may hide an outer table of the same name; in the engine's text every one has a name of its own.
  const names = new Map<CommonRelation, string>()
  const printer: QueryPrinter = {
    textOf,
    commonName(common) {
      const name = names.get(common) ?? `c${names.size + 1}`
      names.set(common, name)
      return name
    },
    printQuery: (inner) => printTree(inner, printer),
  }
  return printTree(tree, printer)
}

function printTree(tree: BoundQueryTree, printer: QueryPrinter): string {
  const commons = tree.with.map(
    (common) => `${printer.commonName(common)} AS (${printTree(common.query, printer)})`,
  )
  return [
    ...(commons.length === 0 ? [] : [`WITH ${commons.join(', ')}`]),
    printBody(tree, printer),
    ...printTail(tree, printer),
  ].join(' ')
}

function printBody(tree: BoundQueryTree, printer: QueryPrinter): string {
  switch (tree.kind) {
    case 'select':
      return printSelect(tree, printer)
    case 'setOperation':
      return printSetOperation(tree, printer)
    case 'values':
      return printValues(tree, printer)
  }
}

function printSelect(select: BoundSelect, printer: QueryPrinter): string {
  const print = (value: BoundExpression): string => printExpression(value, printer)
  const printShown = shownPrinter(select, printer)
  const items = select.projections.map(({ key, value }) => `${printShown(value)} AS ${quoteIdentifier(key)}`)
  return [
    `SELECT ${select.isDistinct ? 'DISTINCT ' : ''}${items.join(', ')}`,
    ...(select.from ? [`FROM ${printFrom(select.from, printer)}`] : []),
    ...(select.where ? [`WHERE ${print(select.where)}`] : []),
    ...(select.grouping ? printGrouping(select.grouping, select, printer) : []),
    ...(select.having ? [`HAVING ${printShown(select.having)}`] : []),
    ...(select.qualify ? [`QUALIFY ${printShown(select.qualify)}`] : []),
  ].join(' ')
}

/** For what is computed of a query's rows: of groups, where it has some. */
function shownPrinter(tree: BoundQueryTree, printer: QueryPrinter): (value: BoundExpression) => string {
  const grouping = tree.kind === 'select' ? tree.grouping : undefined
  return (value) => printExpression(grouping ? withGroupKeys(value, grouping) : value, printer)
}

function printGrouping(
  { expressions, sets }: BoundGrouping,
  { projections, having }: BoundSelect,
  printer: QueryPrinter,
): string[] {
  const keys = expressions.map((value) => sortKeyText(printExpression(value, printer)))
  if (sets) {
    const texts = sets.map((set) => `(${set.map((index) => keys[index] ?? '').join(', ')})`)
    return [`GROUP BY GROUPING SETS (${texts.join(', ')})`]
  }
  if (keys.length > 0) return [`GROUP BY ${keys.join(', ')}`]
  // An aggregate says by itself that all rows are one group.
  const isSaid = projections.some(({ value }) => hasAggregate(value)) || (having && hasAggregate(having))
  return isSaid ? [] : ['GROUP BY ()']
}

function printSetOperation(tree: BoundSetOperation, printer: QueryPrinter): string {
  const operator = `${tree.operator.toUpperCase()}${tree.isAll ? ' ALL' : ''}`
  return `(${printTree(tree.left, printer)}) ${operator} (${printTree(tree.right, printer)})`
}

function printValues({ rows, columns }: BoundValues, printer: QueryPrinter): string {
  const texts = rows.map((row) => `(${row.map((value) => printExpression(value, printer)).join(', ')})`)
  const names = columns.map((column) => quoteIdentifier(column.key)).join(', ')
  return `SELECT * FROM (VALUES ${texts.join(', ')}) AS v(${names})`
}

function printTail(tree: BoundQueryTree, printer: QueryPrinter): string[] {
  const { orderBy, limit, offset } = tree
  const printShown = shownPrinter(tree, printer)
  const key = (order: BoundOrder): string => {
    const output = 'output' in order && tree.kind === 'select' ? tree.projections[order.output] : undefined
    const value =
      'value' in order ? order.value : output && isNested(output.value.type) ? output.value : undefined
    if (value) return sortKeyText(orderKey(printShown(value), value.type))
    return 'output' in order ? String(order.output + 1) : ''
  }
  const count = (value: BoundExpression): string =>
    value.kind === 'literal' && value.value !== null
      ? String(value.value)
      : value.kind === 'literal'
        ? printLiteral(value)
        : printExpression(value, printer)
  return [
    ...(orderBy.length === 0
      ? []
      : [`ORDER BY ${orderBy.map((order) => `${key(order)}${directionOf(order)}`).join(', ')}`]),
    ...(limit ? [`LIMIT ${count(limit)}`] : []),
    ...(offset ? [`OFFSET ${count(offset)}`] : []),
  ]
}
