import { assert } from '#base/assert.ts'
import type { DataType, Field, IntervalType, PrimitiveKind, StructType } from './data-type.ts'

const primitiveKinds: ReadonlySet<string> = new Set<PrimitiveKind>([
  'boolean',
  'byte',
  'short',
  'integer',
  'long',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
  'timestamp_ntz',
  'void',
])

/** Reads back a struct that was stored as JSON; what is not one breaks an invariant of ours. */
export function structTypeFromJson(value: unknown): StructType {
  const type = dataTypeFromJson(value)
  assert(type.kind === 'struct', 'the stored columns are a struct')
  return type
}

export function dataTypeFromJson(value: unknown): DataType {
  const stored = object(value)
  const { kind } = stored
  switch (kind) {
    case 'decimal':
      return { kind, precision: integer(stored['precision']), scale: integer(stored['scale']) }
    case 'interval':
      return { kind, span: stored['span'] as IntervalType['span'] }
    case 'array':
      return { kind, element: dataTypeFromJson(stored['element']) }
    case 'map':
      return { kind, key: dataTypeFromJson(stored['key']), value: dataTypeFromJson(stored['value']) }
    case 'struct':
      assert(Array.isArray(stored['fields']), 'a stored struct has fields')
      return { kind, fields: stored['fields'].map(field) }
    default:
      assert(typeof kind === 'string' && primitiveKinds.has(kind), 'a stored type has a kind we know')
      return { kind: kind as PrimitiveKind }
  }
}

function field(value: unknown): Field {
  const { name, type } = object(value)
  assert(typeof name === 'string', 'a stored field has a name')
  return { name, type: dataTypeFromJson(type) }
}

function object(value: unknown): Record<string, unknown> {
  assert(typeof value === 'object' && value !== null, 'a stored type is an object')
  return value as Record<string, unknown>
}

function integer(value: unknown): number {
  assert(typeof value === 'number' && Number.isInteger(value), 'a stored precision is an integer')
  return value
}
