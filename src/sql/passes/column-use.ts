import type {
  BoundExpression,
  BoundFrom,
  BoundQueryTree,
  BoundSelect,
  Relation,
  RelationColumn,
} from '../bind/bound.ts'
import { childrenOf } from '../bind/walk.ts'

/** How much of a value is used: all of it, or these fields of a struct. */
export type Use = 'all' | ReadonlySet<string>

/** What of each select's results is used, by place; results that are not there are used by nobody. */
export type ColumnUse = ReadonlyMap<BoundSelect, ReadonlyMap<number, Use>>

/** Follows what the result needs down into derived tables and tables of WITH. */
export function columnUse(tree: BoundQueryTree): ColumnUse {
  const uses = new Map<BoundSelect, Map<number, Use>>()
  const queryOf = new Map<Relation, BoundQueryTree>()
  const live = new Set<BoundQueryTree>()

  const visitQuery = (query: BoundQueryTree, isWhole: boolean): void => {
    const isNew = !live.has(query)
    live.add(query)
    if (isNew) visitLive(query)
    if (isWhole || (query.kind === 'select' && query.isDistinct)) useAll(query)
  }

  const visitLive = (query: BoundQueryTree): void => {
    if (query.kind === 'select') {
      uses.set(query, uses.get(query) ?? new Map())
      if (query.from) {
        register(query.from)
        visitFrom(query.from)
      }
      for (const value of [query.where, query.having, query.qualify]) if (value) visit(value, 'all')
      query.grouping?.expressions.forEach((value) => visit(value, 'all'))
    }
    if (query.kind === 'values') query.rows.flat().forEach((value) => visit(value, 'all'))
    if (query.kind === 'setOperation') {
      // Both sides keep the same columns, so they keep all.
      visitQuery(query.left, true)
      visitQuery(query.right, true)
    }
    for (const order of query.orderBy) {
      if ('value' in order) visit(order.value, 'all')
      else use(query, order.output, 'all')
    }
    for (const value of [query.limit, query.offset]) if (value) visit(value, 'all')
  }

  const useAll = (query: BoundQueryTree): void => {
    if (query.kind === 'select') query.projections.forEach((_, index) => use(query, index, 'all'))
  }

  /** Names first: what is LATERAL may use what stands beside it. */
  const register = (from: BoundFrom): void => {
    if (from.kind === 'derived') queryOf.set(from.relation, from.query)
    if (from.kind === 'common') queryOf.set(from.relation, from.common.query)
    if (from.kind === 'join') [from.left, from.right].forEach(register)
  }

  const visitFrom = (from: BoundFrom): void => {
    if (from.kind === 'derived') visitQuery(from.query, false)
    if (from.kind === 'common') visitQuery(from.common.query, false)
    if (from.kind === 'unnest') visit(from.list, 'all')
    if (from.kind === 'join') {
      ;[from.left, from.right].forEach(visitFrom)
      if (from.condition) visit(from.condition, 'all')
    }
  }

  const visit = (value: BoundExpression, wanted: Use): void => {
    if ('query' in value) visitQuery(value.query, true)
    if (value.kind === 'column') useColumn(value.relation, value.column, wanted)
    else if (value.kind === 'field') visit(value.base, new Set([value.name]))
    else if (value.kind === 'struct') {
      value.values.forEach((member, index) => {
        if (wanted === 'all' || wanted.has(value.type.fields[index]?.name ?? '')) visit(member, 'all')
      })
    } else if (value.kind === 'case') {
      value.branches.forEach(({ when }) => visit(when, 'all'))
      for (const part of [...value.branches.map(({ then }) => then), value.otherwise]) visit(part, wanted)
    } else childrenOf(value).forEach((child) => visit(child, 'all'))
  }

  const useColumn = (relation: Relation, column: RelationColumn, wanted: Use): void => {
    const query = queryOf.get(relation)
    if (query) use(query, relation.columns.indexOf(column), wanted)
  }

  const use = (query: BoundQueryTree, output: number, wanted: Use): void => {
    if (query.kind !== 'select') return
    const own = uses.get(query) ?? new Map<number, Use>()
    uses.set(query, own)
    const known = own.get(output)
    const merged = mergedUse(known, wanted)
    if (merged === known) return
    own.set(output, merged)
    const value = query.projections[output]?.value
    if (value) visit(value, merged)
  }

  visitQuery(tree, true)
  return uses
}

/** The very same where nothing is new. */
function mergedUse(known: Use | undefined, wanted: Use): Use {
  if (known === undefined || known === 'all') return known ?? wanted
  if (wanted === 'all') return 'all'
  return [...wanted].every((name) => known.has(name)) ? known : new Set([...known, ...wanted])
}
