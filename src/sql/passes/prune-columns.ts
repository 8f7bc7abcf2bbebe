import { must } from '#base/assert.ts'
import { structType, type DataType } from '#types/data-type.ts'
import type { BoundExpression, BoundOrder, BoundQueryTree, BoundSelect } from '../bind/bound.ts'
import { booleanOf } from '../bind/build.ts'
import { columnUse, type Use } from './column-use.ts'
import { mapSelects } from './map-query.ts'

/**
 * Drops what inner selects compute and nobody uses, and the members of structs made there that nobody asks for. The
 * engine does not look into structs: a session's depth would be computed where only its number is asked for.
 */
export function pruneColumns(tree: BoundQueryTree): BoundQueryTree {
  const uses = columnUse(tree)
  return mapSelects(tree, (select, original) => {
    const used = uses.get(original)
    return used ? pruned(select, used) : select
  })
}

function pruned(select: BoundSelect, used: ReadonlyMap<number, Use>): BoundSelect {
  const kept = select.projections.map((_, index) => index).filter((index) => used.has(index))
  const projections = kept.map((index) => {
    const projection = must(select.projections[index], 'a projection each')
    return { ...projection, value: narrowed(projection.value, used.get(index) ?? 'all') }
  })
  return {
    ...select,
    // A select without columns is none.
    projections: projections.length > 0 ? projections : [{ name: 'row', key: 'row', value: booleanOf(true) }],
    orderBy: select.orderBy.map((order): BoundOrder =>
      'output' in order ? { ...order, output: kept.indexOf(order.output) } : order,
    ),
  }
}

/** The value with no more than the fields used, where it is a struct made on the spot. */
function narrowed(value: BoundExpression, use: Use): BoundExpression {
  if (use === 'all' || !isMadeHere(value)) return value
  if (value.kind === 'struct') {
    const places = value.type.fields
      .map((_, index) => index)
      .filter((index) => use.has(fieldName(value.type, index)))
    return {
      ...value,
      values: places.map((index) => must(value.values[index], 'a value a field')),
      type: structType(places.map((index) => must(value.type.fields[index], 'a field a place'))),
    }
  }
  const type = narrowedType(value.type, use)
  if (value.kind === 'literal') return { ...value, type }
  if (value.kind !== 'case') return value
  return {
    ...value,
    branches: value.branches.map(({ when, then }) => ({ when, then: narrowed(then, use) })),
    otherwise: narrowed(value.otherwise, use),
    type,
  }
}

function isMadeHere(value: BoundExpression): boolean {
  if (value.kind === 'case') {
    return [...value.branches.map(({ then }) => then), value.otherwise].every(isMadeHere)
  }
  return (
    value.kind === 'struct' ||
    (value.kind === 'literal' && value.value === null && value.type.kind === 'struct')
  )
}

function narrowedType(type: DataType, use: ReadonlySet<string>): DataType {
  return type.kind === 'struct' ? structType(type.fields.filter((field) => use.has(field.name))) : type
}

function fieldName(type: DataType, index: number): string {
  return (type.kind === 'struct' ? type.fields[index]?.name : undefined) ?? ''
}
