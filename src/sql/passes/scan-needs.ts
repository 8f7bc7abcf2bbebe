import type { BoundExpression, BoundFrom, BoundQueryTree, Relation } from '../bind/bound.ts'
import { childrenOf } from '../bind/walk.ts'
import type { ScanPredicate, TableScan } from '../compile.ts'
import { scanPredicates } from './scan-predicates.ts'

/**
 * What each mention of a table must give: the columns anybody names, and conditions that skip files.
 * Every scan of the tree has an entry.
 */
export function scanNeeds(tree: BoundQueryTree): ReadonlyMap<Relation, TableScan> {
  const scans: Extract<BoundFrom, { kind: 'scan' }>[] = []
  const columns = new Map<Relation, Set<string>>()
  const seen = new Set<BoundExpression | BoundQueryTree>()
  const visit = (value: BoundExpression | undefined): void => {
    if (!value || seen.has(value)) return
    seen.add(value)
    if (value.kind === 'column') {
      const known = columns.get(value.relation) ?? new Set()
      columns.set(value.relation, known.add(value.column.name))
    }
    if ('query' in value) visitQuery(value.query)
    childrenOf(value).forEach(visit)
  }
  const visitFrom = (from: BoundFrom): void => {
    if (from.kind === 'scan') scans.push(from)
    if (from.kind === 'derived') visitQuery(from.query)
    if (from.kind === 'unnest') visit(from.list)
    if (from.kind === 'join') {
      visitFrom(from.left)
      visitFrom(from.right)
      visit(from.condition)
    }
  }
  const visitQuery = (query: BoundQueryTree): void => {
    if (seen.has(query)) return
    seen.add(query)
    for (const common of query.with) visitQuery(common.query)
    for (const order of query.orderBy) if ('value' in order) visit(order.value)
    visit(query.limit)
    visit(query.offset)
    if (query.kind === 'values') query.rows.flat().forEach(visit)
    if (query.kind === 'setOperation') {
      visitQuery(query.left)
      visitQuery(query.right)
    }
    if (query.kind === 'select') {
      if (query.from) visitFrom(query.from)
      query.projections.forEach(({ value }) => visit(value))
      query.grouping?.expressions.forEach(visit)
      for (const value of [query.where, query.having, query.qualify]) visit(value)
    }
  }
  visitQuery(tree)
  const predicates: ReadonlyMap<Relation, readonly ScanPredicate[]> = scanPredicates(tree)
  return new Map(
    scans.map(({ relation, table, snapshot, isHistory }) => [
      relation,
      {
        table,
        columns: inTableOrder(relation, columns.get(relation)),
        predicates: predicates.get(relation) ?? [],
        snapshot,
        isHistory,
      },
    ]),
  )
}

function inTableOrder(relation: Relation, names: ReadonlySet<string> | undefined): readonly string[] {
  return relation.columns.map((column) => column.name).filter((name) => names?.has(name) ?? false)
}
