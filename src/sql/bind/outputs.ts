import { must } from '#base/assert.ts'
import { sameType, type DataType } from '#types/data-type.ts'
import type {
  BoundExpression,
  BoundFrom,
  BoundQueryTree,
  BoundSelect,
  Projection,
  Relation,
  RelationColumn,
} from './bound.ts'
import { castTo } from './build.ts'
import type { BindState } from './state.ts'

/** The columns of a query's result. */
export function outputsOf(tree: BoundQueryTree): readonly RelationColumn[] {
  if (tree.kind !== 'select') return tree.columns
  return tree.projections.map(({ name, key, value }) => ({
    name,
    key,
    type: value.type,
    definitions: [value],
  }))
}

/** Projections with keys of their own: engine text tells columns apart without regard to upper and lower case. */
export function projectionsOf(
  items: readonly { readonly name: string; readonly value: BoundExpression }[],
): readonly Projection[] {
  const taken = new Set<string>()
  /** By lower-case name: the number to try next. */
  const counts = new Map<string, number>()
  return items.map(({ name, value }) => {
    const base = engineName(name)
    let key = base
    let count = counts.get(base.toLowerCase()) ?? 2
    for (; taken.has(key.toLowerCase()); count++) key = `${base}_${count}`
    counts.set(base.toLowerCase(), count)
    taken.add(key.toLowerCase())
    return { name, key, value }
  })
}

/** What the engine may call it: results are named by us. */
export function engineName(name: string): string {
  return name.replaceAll('\0', '') || 'column'
}

export function columnOf(relation: Relation, column: RelationColumn): BoundExpression {
  return { kind: 'column', relation, column, type: column.type }
}

/** A query as something to select from. */
export function derivedFrom(
  query: BoundQueryTree,
  state: BindState,
  isLateral = false,
): Extract<BoundFrom, { kind: 'derived' }> {
  return {
    kind: 'derived',
    relation: { alias: state.nextAlias(), columns: outputsOf(query) },
    query,
    isLateral,
  }
}

export const unordered = { with: [], orderBy: [], limit: undefined, offset: undefined } as const

/** A select without anything but projections. */
export function plainSelect(from: BoundFrom | undefined, projections: readonly Projection[]): BoundSelect {
  return {
    kind: 'select',
    ...unordered,
    from,
    where: undefined,
    grouping: undefined,
    having: undefined,
    qualify: undefined,
    projections,
    isDistinct: false,
  }
}

/** `SELECT * FROM (query)`, for what cannot be said on the query itself. */
export function selectAll(query: BoundQueryTree, state: BindState): BoundSelect {
  const from = derivedFrom(query, state)
  return plainSelect(
    from,
    from.relation.columns.map((column) => ({
      name: column.name,
      key: column.key,
      value: columnOf(from.relation, column),
    })),
  )
}

/** The query with its columns converted to the types given. */
export function castOutputs(
  query: BoundQueryTree,
  types: readonly DataType[],
  state: BindState,
): BoundQueryTree {
  const outputs = outputsOf(query)
  if (outputs.every((column, index) => sameType(column.type, must(types[index], 'a type a column'))))
    return query
  const canCastInPlace =
    query.kind === 'select' && !query.isDistinct && query.orderBy.length === 0 && query.limit === undefined
  const select = canCastInPlace ? query : selectAll(query, state)
  const projections = select.projections.map((projection, index) => ({
    ...projection,
    value: castTo(projection.value, must(types[index], 'a type a column')),
  }))
  return { ...select, projections }
}

/** The query with its columns named anew, as `t(a, b)` says; names that are missing stay. */
export function renameOutputs(
  query: BoundQueryTree,
  names: readonly string[],
  state: BindState,
): BoundQueryTree {
  const select = selectAll(query, state)
  const items = select.projections.map(({ name, value }, index) => ({ name: names[index] ?? name, value }))
  return { ...select, projections: projectionsOf(items) }
}
