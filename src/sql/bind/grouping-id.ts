import { outputName } from './output-name.ts'
import type { Expression, SortItem } from '../parse/expression-syntax.ts'
import type { GroupingElement, Select, SelectItem } from '../parse/syntax.ts'

interface Ordered {
  readonly select: Select
  readonly orderBy: readonly SortItem[]
}

/** `grouping_id()` is of all that the select groups by, also in the ORDER BY behind it. */
export function withGroupingIds(select: Select, orderBy: readonly SortItem[]): Ordered {
  if (select.groupBy.length === 0) return { select, orderBy }
  // Each once, where it is named first: the sets of GROUPING SETS name some again.
  const keys = [
    ...new Map(
      select.groupBy.flatMap((element) => keysOf(element, select)).map((key) => [textOf(key), key] as const),
    ).values(),
  ]
  const replace = <T>(value: T): T => replaced(value, keys) as T
  return {
    select: {
      ...select,
      items: select.items.map((item) => named(item, replace(item))),
      having: replace(select.having),
      qualify: replace(select.qualify),
    },
    orderBy: replace(orderBy),
  }
}

/** A column is called as it was written. */
function named(written: SelectItem, item: SelectItem): SelectItem {
  return item === written || item.alias !== undefined ? item : { ...item, alias: outputName(written.value) }
}

function textOf(key: Expression): string {
  const qualifier = key.kind === 'field' ? `${outputName(key.base)}.` : ''
  return `${qualifier}${outputName(key)}`.toLowerCase()
}

function keysOf(element: GroupingElement, { items }: Select): readonly Expression[] {
  const values = element.kind === 'expression' ? [element.value] : element.sets.flat()
  return values.map((value) =>
    value.kind === 'literal' && typeof value.value !== 'string'
      ? (items[Number(value.value) - 1]?.value ?? value)
      : value,
  )
}

const groupingId = {
  kind: 'call',
  name: 'grouping_id',
  isDistinct: false,
  filter: undefined,
  orderBy: [],
  ignoresNulls: false,
  over: undefined,
}

/** Unchanged parts stay the objects they are. */
function replaced(value: unknown, keys: readonly Expression[]): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => replaced(item, keys))
    return items.some((item, index) => item !== value[index]) ? items : value
  }
  if (typeof value !== 'object' || value === null) return value
  const node = value as Readonly<Record<string, unknown>>
  if (node['kind'] === 'query') return value
  // An older way to write it.
  if (node['kind'] === 'name' && String(node['name']).toLowerCase() === 'grouping__id') {
    return { ...groupingId, arguments: keys, at: node['at'] }
  }
  if (
    node['kind'] === 'call' &&
    String(node['name']).toLowerCase() === 'grouping_id' &&
    Array.isArray(node['arguments']) &&
    node['arguments'].length === 0
  ) {
    return { ...node, arguments: keys }
  }
  const entries = Object.entries(node).map(([key, child]) => [key, replaced(child, keys)] as const)
  return entries.some(([key, child]) => child !== node[key]) ? Object.fromEntries(entries) : value
}
