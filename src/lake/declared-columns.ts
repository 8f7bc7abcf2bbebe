import { AppError } from '#base/errors.ts'
import { type DataType, sameType, type StructType, structType } from '#types/data-type.ts'
import { fieldPlaces, type IcebergField, type IcebergStruct, type IcebergType } from '#types/iceberg.ts'
import { clusterPath } from './cluster-path.ts'
import { daySourceId, schemaOf, type TableMetadata } from './iceberg/table-metadata.ts'
import { storedTypeOf } from './stored-type.ts'
import { systemColumns } from './system-columns.ts'
import type { TableBase } from './table-base.ts'
import { checkColumns, type TableDefinition } from './table-definition.ts'

/**
 * The columns as declared after another engine's commit: a field it left alone keeps what we declared of it, any other
 * is what it is stored as.
 * @throws AppError 'schema.invalid'
 */
export function declaredAfter(
  { metadata, definition }: TableBase,
  next: TableMetadata,
): Pick<TableDefinition, 'schema' | 'dayColumn' | 'clusterBy'> {
  const struct = schemaOf(next)
  const before = schemaOf(metadata)
  checkSystemColumns(before, struct)
  const known = new Map<number, Known>()
  remember(known, { declared: definition.schema, stored: userStruct(before) })
  const schema = structType(
    userStruct(struct).fields.map((field) => ({ name: field.name, type: declaredOf(field, known) })),
  )
  const dayId = daySourceId(next, next['default-spec-id'])
  const day = struct.fields.find((field) => field.id === dayId)
  if (dayId !== undefined && !day) {
    throw new AppError('schema.invalid', 'A table is partitioned by a top-level column.')
  }
  checkColumns(schema, day?.name)
  return {
    schema,
    dayColumn: day?.name,
    clusterBy: definition.clusterBy.filter((path) => leadsSomewhere(path, schema)),
  }
}

interface Known {
  readonly declared: DataType
  readonly stored: IcebergType
}

function userStruct(struct: IcebergStruct): IcebergStruct {
  const isSystem = (name: string): boolean => systemColumns.fields.some((field) => field.name === name)
  return { ...struct, fields: struct.fields.filter((field) => !isSystem(field.name)) }
}

function checkSystemColumns(before: IcebergStruct, after: IcebergStruct): void {
  for (const { name } of systemColumns.fields) {
    const [was, is] = [before, after].map((struct) => struct.fields.find((field) => field.name === name))
    if (!was || !is || placesOf(was) !== placesOf(is)) {
      throw new AppError('schema.invalid', `The column ${JSON.stringify(name)} cannot be changed.`)
    }
  }
}

/** Ids, names and types, in whatever order another engine writes what it says of a field. */
function placesOf(field: IcebergField): string {
  const places = Array.from(fieldPlaces({ type: 'struct', fields: [field] }))
  return JSON.stringify(
    places.map(({ id, path, type }) => [id, path, typeof type === 'string' ? type : type.type]),
  )
}

function remember(known: Map<number, Known>, { declared, stored }: Known): void {
  if (typeof stored === 'string') return
  const part = (id: number, pair: Known): void => {
    known.set(id, pair)
    remember(known, pair)
  }
  if (stored.type === 'list' && declared.kind === 'array') {
    part(stored['element-id'], { declared: declared.element, stored: stored.element })
  }
  if (stored.type === 'map' && declared.kind === 'map') {
    part(stored['key-id'], { declared: declared.key, stored: stored.key })
    part(stored['value-id'], { declared: declared.value, stored: stored.value })
  }
  if (stored.type === 'struct' && declared.kind === 'struct') {
    for (const field of stored.fields) {
      const type = declared.fields.find((candidate) => candidate.name === field.name)?.type
      if (type) part(field.id, { declared: type, stored: field.type })
    }
  }
}

function declaredOf(field: Pick<IcebergField, 'id' | 'type'>, known: ReadonlyMap<number, Known>): DataType {
  const { type } = field
  if (typeof type === 'string') {
    const before = known.get(field.id)
    const stored = storedTypeOf(type)
    const isSame =
      before && typeof before.stored === 'string' && sameType(storedTypeOf(before.stored), stored)
    return isSame ? before.declared : stored
  }
  switch (type.type) {
    case 'list':
      return { kind: 'array', element: declaredOf({ id: type['element-id'], type: type.element }, known) }
    case 'map':
      return {
        kind: 'map',
        key: declaredOf({ id: type['key-id'], type: type.key }, known),
        value: declaredOf({ id: type['value-id'], type: type.value }, known),
      }
    case 'struct':
      return structType(type.fields.map((part) => ({ name: part.name, type: declaredOf(part, known) })))
  }
}

function leadsSomewhere(path: string, schema: StructType): boolean {
  try {
    clusterPath(path, schema)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'schema.invalid') return false
    throw error
  }
}
