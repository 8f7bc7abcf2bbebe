import { quoteSparkIdentifier } from '#base/spark-text.ts'
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
import { someExpression } from '../../bind/walk.ts'
import { isWindow } from '../../passes/window-stages.ts'
import { directionOf } from '../duckdb/print-window.ts'
import { printExpression } from './print-expression.ts'
import { printFrom, type QueryPrinter } from './print-from.ts'
import { sortKeyText } from './print-window.ts'

/**
 * Spark SQL's text of a query. The same tree always gives the same text.
 * @param textOf the query that stands for a table's scan
 */
export function printQuery(tree: BoundQueryTree, textOf: (relation: Relation) => string): string {
  // WITH may hide an outer table of the same name; in the printed text every one has a name of its own.
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
    ...(tree.kind === 'select' && (tree.qualify || sortsByWindow(tree))
      ? printQualified(tree, tree.qualify, printer)
      : [printBody(tree, printer), ...printOrder(tree.orderBy, printer)]),
    ...printCut(tree, printer),
  ].join(' ')
}

function printBody(tree: BoundQueryTree, printer: QueryPrinter): string {
  switch (tree.kind) {
    case 'select':
      return printSelect(tree, printer)
    case 'setOperation': {
      const operator = `${tree.operator.toUpperCase()}${tree.isAll ? ' ALL' : ''}`
      return `(${sideOf(tree, 'left', printer)}) ${operator} (${sideOf(tree, 'right', printer)})`
    }
    case 'values':
      return printValues(tree, printer)
  }
}

function sideOf(tree: BoundSetOperation, side: 'left' | 'right', printer: QueryPrinter): string {
  return printTree(tree[side], printer)
}

function printSelect(select: BoundSelect, printer: QueryPrinter): string {
  const print = (value: BoundExpression): string => printExpression(value, printer)
  const items = select.projections.map(({ key, value }) => `${print(value)} AS ${quoteSparkIdentifier(key)}`)
  return [
    `SELECT ${select.isDistinct ? 'DISTINCT ' : ''}${items.join(', ')}`,
    ...(select.from ? [`FROM ${printFrom(select.from, printer)}`] : []),
    ...(select.where ? [`WHERE ${print(select.where)}`] : []),
    ...(select.grouping ? printGrouping(select.grouping, printer) : []),
    ...printHaving(select, printer),
  ].join(' ')
}

function printGrouping({ expressions, sets }: BoundGrouping, printer: QueryPrinter): string[] {
  const keys = expressions.map((value) => sortKeyText(printExpression(value, printer)))
  if (sets) {
    const texts = sets.map((set) => `(${set.map((index) => keys[index] ?? '').join(', ')})`)
    return [`GROUP BY GROUPING SETS (${texts.join(', ')})`]
  }
  return keys.length > 0 ? [`GROUP BY ${keys.join(', ')}`] : []
}

function printHaving({ grouping, having, projections }: BoundSelect, printer: QueryPrinter): string[] {
  const condition = having && printExpression(having, printer)
  const isOneGroup = grouping && !grouping.sets && grouping.expressions.length === 0
  const isSaid = projections.some(({ value }) => hasAggregate(value)) || (having && hasAggregate(having))
  if (!isOneGroup || isSaid) return condition === undefined ? [] : [`HAVING ${condition}`]
  // An aggregate, wherever it stands, says that all rows are one group.
  return [`HAVING count(1) >= 0${condition === undefined ? '' : ` AND ${condition}`}`]
}

function sortsByWindow({ orderBy }: BoundSelect): boolean {
  return orderBy.some((order) => 'value' in order && someExpression(order.value, isWindow))
}

/** Spark has no QUALIFY and sorts by no windows: what is asked and sorted by become columns of a query inside. */
function printQualified(
  select: BoundSelect,
  qualify: BoundExpression | undefined,
  printer: QueryPrinter,
): string[] {
  const orders = select.orderBy.map((order, index) => ({ order, key: `order ${index}` }))
  const added = orders.flatMap(({ order, key }) =>
    'value' in order ? [{ name: key, key, value: order.value }] : [],
  )
  const inner: BoundSelect = {
    ...select,
    isDistinct: false,
    projections: [
      ...select.projections,
      ...added,
      ...(qualify ? [{ name: 'qualify', key: 'is qualified', value: qualify }] : []),
    ],
  }
  const keys = select.projections.map(({ key }) => quoteSparkIdentifier(key)).join(', ')
  const sorted = orders.map(({ order, key }) => {
    const name = 'output' in order ? (select.projections[order.output]?.key ?? '') : key
    return `${quoteSparkIdentifier(name)}${directionOf(order)}`
  })
  return [
    `SELECT ${select.isDistinct ? 'DISTINCT ' : ''}${keys}`,
    `FROM (${printSelect(inner, printer)}) AS qualified${qualify ? ' WHERE `is qualified`' : ''}`,
    ...(sorted.length === 0 ? [] : [`ORDER BY ${sorted.join(', ')}`]),
  ]
}

function printValues({ rows, columns }: BoundValues, printer: QueryPrinter): string {
  const texts = rows.map((row) => `(${row.map((value) => printExpression(value, printer)).join(', ')})`)
  const names = columns.map((column) => quoteSparkIdentifier(column.key)).join(', ')
  return `SELECT * FROM (VALUES ${texts.join(', ')}) AS v(${names})`
}

function printOrder(orderBy: readonly BoundOrder[], printer: QueryPrinter): string[] {
  if (orderBy.length === 0) return []
  const key = (order: BoundOrder): string =>
    'output' in order ? String(order.output + 1) : sortKeyText(printExpression(order.value, printer))
  return [`ORDER BY ${orderBy.map((order) => `${key(order)}${directionOf(order)}`).join(', ')}`]
}

function printCut({ limit, offset }: BoundQueryTree, printer: QueryPrinter): string[] {
  const count = (value: BoundExpression): string =>
    value.kind === 'literal' && value.value !== null ? String(value.value) : printExpression(value, printer)
  return [
    ...(limit ? [`LIMIT ${limit.kind === 'literal' && limit.value === null ? 'ALL' : count(limit)}`] : []),
    ...(offset ? [`OFFSET ${count(offset)}`] : []),
  ]
}
