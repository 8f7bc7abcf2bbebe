import type { DataType, Field, StructType } from './data-type.ts'
import { structType } from './data-type.ts'

/**
 * Columns with all that a newer definition adds, at the end of their structs; order and types of what is there stay,
 * also of what the newer one no longer has.
 */
export function extendColumns(columns: StructType, newer: StructType): StructType {
  const names = new Set(columns.fields.map((field) => field.name))
  const extended = columns.fields.map((field): Field => {
    const twin = newer.fields.find((candidate) => candidate.name === field.name)
    return twin ? { name: field.name, type: extendType(field.type, twin.type) } : field
  })
  return structType([...extended, ...newer.fields.filter((field) => !names.has(field.name))])
}

function extendType(type: DataType, newer: DataType): DataType {
  if (type.kind === 'struct' && newer.kind === 'struct') return extendColumns(type, newer)
  if (type.kind === 'array' && newer.kind === 'array') {
    return { kind: 'array', element: extendType(type.element, newer.element) }
  }
  if (type.kind === 'map' && newer.kind === 'map') {
    return { kind: 'map', key: type.key, value: extendType(type.value, newer.value) }
  }
  return type
}
