import type { ScanPredicate } from '../compile.ts'
import type {
  BoundExpression,
  BoundFrom,
  BoundQueryTree,
  BoundSelect,
  CommonRelation,
  Relation,
} from '../bind/bound.ts'
import { outputsOf } from '../bind/outputs.ts'
import { keyOf, someExpression } from '../bind/walk.ts'
import { comparisonsOf, type Comparison } from './comparison.ts'
import { isWindow } from './window-stages.ts'

/** A condition on a result's column, by place. */
interface OutputCondition {
  readonly output: number
  readonly comparison: Omit<Comparison, 'path'>
}

/**
 * Conditions that every row of a scan must satisfy to have any effect on the result. They follow WHERE and join
 * conditions down through derived tables; a table of WITH gets those that all its mentions have in common.
 */
export function scanPredicates(tree: BoundQueryTree): ReadonlyMap<Relation, readonly ScanPredicate[]> {
  const found = new Map<Relation, readonly ScanPredicate[]>()
  const mentions = new Map<CommonRelation, (readonly OutputCondition[])[]>()

  const visitQuery = (query: BoundQueryTree, wanted: readonly OutputCondition[]): void => {
    const isCut = query.limit !== undefined || query.offset !== undefined
    const conditions = isCut ? [] : wanted
    if (query.kind === 'setOperation') {
      visitQuery(query.left, conditions)
      // What EXCEPT takes away matters only where the left side has it.
      visitQuery(query.right, conditions)
    }
    if (query.kind === 'select') visitSelect(query, conditions)
    for (const value of expressionsOf(query)) visitSubqueries(value)
    for (const common of query.with.toReversed())
      visitQuery(common.query, sharedBy(mentions.get(common) ?? []))
  }

  const visitSelect = (select: BoundSelect, wanted: readonly OutputCondition[]): void => {
    if (!select.from) return
    const conditions = [...comparisonsOf(select.where), ...pushedInto(select, wanted)]
    visitFrom(select.from, conditions)
  }

  const visitFrom = (from: BoundFrom, conditions: readonly Comparison[]): void => {
    switch (from.kind) {
      case 'scan':
        found.set(from.relation, predicatesOf(from.relation, conditions))
        return
      case 'derived':
        visitQuery(from.query, outputConditions(from, from.query, conditions))
        return
      case 'common':
        mentions.set(from.common, [
          ...(mentions.get(from.common) ?? []),
          outputConditions(from, from.common.query, conditions),
        ])
        return
      case 'unnest':
        visitSubqueries(from.list)
        return
      case 'join': {
        if (from.condition) visitSubqueries(from.condition)
        const own = comparisonsOf(from.condition)
        const { type } = from
        const isKept = {
          left: type !== 'right' && type !== 'full',
          right: type !== 'left' && type !== 'full',
        }
        const filtersLeft = type === 'inner' || type === 'cross' || type === 'semi' || type === 'right'
        const filtersRight = type !== 'right' && type !== 'full'
        visitFrom(from.left, [...(isKept.left ? conditions : []), ...(filtersLeft ? own : [])])
        visitFrom(from.right, [...(isKept.right ? conditions : []), ...(filtersRight ? own : [])])
      }
    }
  }

  const visitSubqueries = (value: BoundExpression): void => {
    someExpression(value, (inner) => {
      if ('query' in inner) visitQuery(inner.query, [])
      return false
    })
  }

  visitQuery(tree, [])
  return found
}

function expressionsOf(query: BoundQueryTree): readonly BoundExpression[] {
  const own =
    query.kind === 'values'
      ? query.rows.flat()
      : query.kind === 'select'
        ? [
            ...query.projections.map(({ value }) => value),
            ...(query.grouping?.expressions ?? []),
            query.where,
            query.having,
            query.qualify,
          ]
        : []
  const orders = query.orderBy.map((order) => ('value' in order ? order.value : undefined))
  return [...own, ...orders, query.limit, query.offset].filter((value) => value !== undefined)
}

/** Conditions on a select's result, as conditions on its rows, where dropping rows changes no other row. */
function pushedInto(select: BoundSelect, wanted: readonly OutputCondition[]): readonly Comparison[] {
  const { grouping, projections, qualify } = select
  const computed = [...projections.map(({ value }) => value), ...(qualify ? [qualify] : [])]
  const partitions = windowPartitions(computed)
  const groups = grouping && new Set(grouping.sets ? [] : grouping.expressions.map(keyOf))
  return wanted.flatMap(({ output, comparison }) => {
    const value = projections[output]?.value
    if (value?.kind !== 'column') return []
    const key = keyOf(value)
    const isSafe = partitions.every((keys) => keys.has(key)) && (groups?.has(key) ?? true)
    return isSafe ? [{ ...comparison, path: value }] : []
  })
}

/** What each window partitions by: only whole partitions may be dropped. */
function windowPartitions(values: readonly BoundExpression[]): readonly ReadonlySet<string>[] {
  const partitions: ReadonlySet<string>[] = []
  for (const value of values) {
    someExpression(value, (inner) => {
      if (isWindow(inner)) partitions.push(new Set(inner.over?.partitionBy.map(keyOf) ?? []))
      return false
    })
  }
  return partitions
}

/** By key: the query may have lost columns that its relation still lists. */
function outputConditions(
  { relation }: { readonly relation: Relation },
  query: BoundQueryTree,
  conditions: readonly Comparison[],
): readonly OutputCondition[] {
  const outputs = outputsOf(query).map((column) => column.key)
  return conditions.flatMap(({ path, ...comparison }) => {
    const output = path.relation === relation ? outputs.indexOf(path.column.key) : -1
    return output >= 0 ? [{ output, comparison }] : []
  })
}

function predicatesOf(relation: Relation, conditions: readonly Comparison[]): readonly ScanPredicate[] {
  const own = conditions.filter(({ path }) => path.relation === relation)
  const predicates = own.map(({ path, operator, value }) => ({ column: path.column.name, operator, value }))
  return [...new Map(predicates.map((predicate) => [conditionKey(predicate), predicate])).values()]
}

/** What all mentions ask for. */
function sharedBy(mentions: readonly (readonly OutputCondition[])[]): readonly OutputCondition[] {
  const [first, ...others] = mentions
  if (!first) return []
  const keyed = (condition: OutputCondition): string =>
    `${condition.output}:${conditionKey(condition.comparison)}`
  const sets = others.map((conditions) => new Set(conditions.map(keyed)))
  return first.filter((condition) => sets.every((set) => set.has(keyed(condition))))
}

function conditionKey({ operator, value, ...rest }: Omit<Comparison, 'path'> | ScanPredicate): string {
  return `${'column' in rest ? rest.column : ''} ${operator} ${typeof value}:${value}`
}
