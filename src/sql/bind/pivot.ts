import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { DataType } from '#types/data-type.ts'
import { isNumeric } from '#types/implicit-cast.ts'
import { findFunction } from '../functions/registry.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { FromItem, Query, SelectItem } from '../parse/syntax.ts'
import { queryOf } from '../parse/value-query.ts'
import { outputName } from './output-name.ts'
import type { ScopeColumn } from './scope.ts'

type Pivot = Extract<FromItem, { kind: 'pivot' }>

/**
 * PIVOT as the grouped query it stands for: each aggregate over the rows of each value, grouped by every column that is
 * neither counted nor pivoted.
 */
export function pivotQuery(pivot: Pivot, columns: readonly ScopeColumn[], types: readonly DataType[]): Query {
  const { input, aggregates, values, at } = pivot
  // Spark groups once more where all aggregates are of such types: then values without rows are NULL. Else it counts none of
  // them, and counts are 0 and lists empty.
  const isNullWithoutRows = types.every((type) => isNumeric(type) || type.kind === 'boolean')
  const used = new Set(pivot.columns.map(({ name }) => name.toLowerCase()))
  for (const { value } of aggregates) for (const name of namesIn(value)) used.add(name.toLowerCase())
  const kept = columns.filter(({ name, isHidden }) => !isHidden && !used.has(name.toLowerCase()))
  const keys = kept.map(({ name }): Expression => ({ kind: 'name', name, quote: '`', at }))
  const items: SelectItem[] = keys.map((value) => ({ value, alias: undefined, aliases: undefined }))
  for (const value of values) {
    const condition = isValue(pivot, value.value)
    const name = value.alias ?? valueName(value.value)
    for (const aggregate of aggregates) {
      const own = aggregate.alias ?? outputName(aggregate.value)
      const alias = aggregates.length === 1 ? name : `${name}_${own}`
      const value = filtered(aggregate.value, condition)
      items.push({
        value: isNullWithoutRows ? whereThereAre(condition, value) : value,
        alias,
        aliases: undefined,
      })
    }
  }
  return queryOf({
    items,
    from: [input],
    groupBy: keys.map((value) => ({ kind: 'expression', value })),
    at,
  })
}

/** `{1, a}` for a row. */
function valueName(value: Expression): string {
  return value.kind === 'row' ? `{${value.items.map(valueName).join(', ')}}` : outputName(value)
}

/** Whether the row is one of the value's: as NULLs are equal here, so are rows of them. */
function isValue({ columns }: Pivot, value: Expression): Expression {
  const items = value.kind === 'row' ? value.items : [value]
  if (items.length !== columns.length) {
    throw new AppError(
      'query.type',
      `PIVOT is for ${columns.length} columns, this value has ${items.length}.`,
      {
        position: value.at,
      },
    )
  }
  return columns
    .map(({ name, at }, index): Expression => ({
      kind: 'binary',
      operator: '<=>',
      left: { kind: 'name', name, quote: '`', at },
      right: must(items[index], 'as many items as columns'),
      at,
    }))
    .reduce((left, right) => ({ kind: 'binary', operator: 'and', left, right, at: left.at }))
}

/** NULL for a group without rows of the value, also where an aggregate would be 0. */
function whereThereAre(condition: Expression, then: Expression): Expression {
  const { at } = condition
  const one: Expression = { kind: 'literal', type: { kind: 'integer' }, value: 1, text: '1', at }
  const count: Expression = {
    kind: 'call',
    name: 'count',
    arguments: [one],
    isDistinct: false,
    filter: condition,
    orderBy: [],
    ignoresNulls: false,
    over: undefined,
    at,
  }
  const when: Expression = { kind: 'binary', operator: '>=', left: count, right: one, at }
  return { kind: 'case', operand: undefined, branches: [{ when, then }], otherwise: undefined, at }
}

/** The expression with every aggregate in it over the rows alone that meet the condition. */
function filtered(expression: Expression, condition: Expression): Expression {
  return mapped(expression, (node) => {
    if (node['kind'] !== 'call' || findFunction(String(node['name']))?.kind !== 'aggregate') return undefined
    const own = node['filter'] as Expression | undefined
    const filter = own
      ? { kind: 'binary', operator: 'and', left: own, right: condition, at: own.at }
      : condition
    return { ...node, filter }
  }) as Expression
}

type Node = Readonly<Record<string, unknown>>

function mapped(value: unknown, change: (node: Node) => Node | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => mapped(item, change))
  if (typeof value !== 'object' || value === null) return value
  const node = value as Node
  return (
    change(node) ??
    Object.fromEntries(Object.entries(node).map(([key, child]) => [key, mapped(child, change)]))
  )
}

function namesIn(expression: Expression): string[] {
  const names: string[] = []
  mapped(expression, (node) => {
    if (node['kind'] === 'name') names.push(String(node['name']))
    return undefined
  })
  return names
}
