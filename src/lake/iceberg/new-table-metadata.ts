import { type IcebergStruct, icebergStruct } from '#types/iceberg.ts'
import type { StructType } from '#types/data-type.ts'
import { partitionFieldIdFirst } from './manifest-schema.ts'
import { previousMetadataMax, type TableMetadata } from './table-metadata.ts'

export interface NewTableMetadata {
  readonly tableId: string
  /** `file:///…` */
  readonly location: string
  /** User and system columns. */
  readonly columns: StructType
  readonly dayColumn: string | undefined
  /** Paths of plain columns that rows of a file are sorted by; empty when the order cannot be said in Iceberg. */
  readonly sortPaths: readonly (readonly string[])[]
  readonly properties: Readonly<Record<string, string>>
  readonly nowMs: number
}

export function newTableMetadata(table: NewTableMetadata): TableMetadata {
  const { struct, lastFieldId } = icebergStruct(table.columns)
  const day = struct.fields.find((field) => field.name === table.dayColumn)
  const partitionFields = day
    ? [
        {
          name: dayFieldName(day.name, struct),
          transform: 'day' as const,
          'source-id': day.id,
          'field-id': partitionFieldIdFirst,
        },
      ]
    : []
  const sortFields = table.sortPaths.map((path) => ({
    transform: 'identity',
    'source-id': fieldIdOf(struct, path),
    direction: 'asc',
    'null-order': 'nulls-last',
  }))
  return {
    'format-version': 2,
    'table-uuid': table.tableId,
    location: table.location,
    'last-sequence-number': 0,
    'last-updated-ms': table.nowMs,
    'last-column-id': lastFieldId,
    'current-schema-id': 0,
    schemas: [{ ...struct, fields: struct.fields.map((field) => ({ ...field })), 'schema-id': 0 }],
    'default-spec-id': 0,
    'partition-specs': [{ 'spec-id': 0, fields: partitionFields }],
    'last-partition-id': partitionFieldIdFirst - 1 + partitionFields.length,
    'default-sort-order-id': sortFields.length > 0 ? 1 : 0,
    'sort-orders': [
      { 'order-id': 0, fields: [] },
      ...(sortFields.length > 0 ? [{ 'order-id': 1, fields: sortFields }] : []),
    ],
    properties: {
      'write.delete.mode': 'copy-on-write',
      'write.update.mode': 'copy-on-write',
      'write.merge.mode': 'copy-on-write',
      'write.parquet.compression-codec': 'zstd',
      'write.metadata.delete-after-commit.enabled': 'true',
      'write.metadata.previous-versions-max': String(previousMetadataMax),
      ...table.properties,
    },
    refs: {},
    snapshots: [],
    'snapshot-log': [],
    'metadata-log': [],
  }
}

/** A partition field may not be named as a column is. */
function dayFieldName(column: string, struct: IcebergStruct): string {
  let name = `${column}_day`
  while (struct.fields.some((field) => field.name.toLowerCase() === name.toLowerCase())) name += '_'
  return name
}

function fieldIdOf(struct: IcebergStruct, path: readonly string[]): number {
  let id = 0
  let fields = struct.fields
  for (const name of path) {
    const field = fields.find((candidate) => candidate.name === name)
    id = field?.id ?? 0
    fields = typeof field?.type === 'object' && field.type.type === 'struct' ? field.type.fields : []
  }
  return id
}
