import { assert } from '#base/assert.ts'
import type { AvroRecord } from './avro.ts'

/** Whoever wrote a file may have named its fields as he liked: their ids count. */
export function fieldsById(record: AvroRecord): { name(id: number): string } {
  const names = new Map(record.fields.map((field) => [field['field-id'], field.name]))
  return { name: (id) => names.get(id) ?? '' }
}

export function recordOf(record: AvroRecord, id: number): AvroRecord {
  const type = record.fields.find((field) => field['field-id'] === id)?.type
  assert(typeof type === 'object' && 'type' in type && type.type === 'record', `field ${id} is a record`)
  return type
}

export function numberOf(value: unknown): number {
  assert(typeof value === 'number', 'a count is a number')
  return value
}
