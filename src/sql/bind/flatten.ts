import { fieldOf } from './build.ts'
import type { ScopeColumn } from './scope.ts'

/** A column, or instead of a struct each of its fields at any depth, named by the whole path. */
export function flattened(column: ScopeColumn): readonly ScopeColumn[] {
  const { type } = column.value
  if (type.kind !== 'struct' || type.fields.length === 0) return [column]
  return type.fields.flatMap((field) =>
    flattened({
      ...column,
      name: `${column.name}.${field.name}`,
      value: fieldOf(column.value, field.name, field.type),
    }),
  )
}
