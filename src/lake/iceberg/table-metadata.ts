import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { type IcebergStruct, icebergStruct } from '#types/iceberg.ts'
import type { StructType } from '#types/data-type.ts'
import { avroName, partitionFieldIdFirst } from './manifest-schema.ts'

/** Metadata files that stay beside the current one for readers that look at it. */
export const previousMetadataMax = 100

const id63 = z.union([z.bigint(), z.int()]).transform(BigInt)
const snapshot = z.looseObject({
  'snapshot-id': id63,
  'parent-snapshot-id': id63.optional(),
  'sequence-number': z.int(),
  'timestamp-ms': z.int(),
  'manifest-list': z.string(),
  summary: z.looseObject({ operation: z.string() }).catchall(z.string()),
  'schema-id': z.int().optional(),
})

/** What we rely on in a table's metadata file; whatever else stands there is kept. */
const tableMetadata = z.looseObject({
  'format-version': z.literal(2),
  'table-uuid': z.string(),
  location: z.string(),
  'last-sequence-number': z.int(),
  'last-updated-ms': z.int(),
  'last-column-id': z.int(),
  'current-schema-id': z.literal(0),
  schemas: z.array(z.looseObject({ 'schema-id': z.int(), type: z.literal('struct') })).length(1),
  'default-spec-id': z.literal(0),
  'partition-specs': z
    .array(
      z.looseObject({
        'spec-id': z.int(),
        fields: z
          .array(z.looseObject({ 'field-id': z.int(), name: z.string(), transform: z.literal('day') }))
          .max(1),
      }),
    )
    .length(1),
  'default-sort-order-id': z.int(),
  properties: z.record(z.string(), z.string()),
  'current-snapshot-id': id63.optional(),
  refs: z.record(z.string(), z.looseObject({ 'snapshot-id': id63, type: z.string() })),
  snapshots: z.array(snapshot),
  'snapshot-log': z.array(z.looseObject({ 'snapshot-id': id63, 'timestamp-ms': z.int() })),
  'metadata-log': z.array(z.looseObject({ 'metadata-file': z.string(), 'timestamp-ms': z.int() })),
})

export type TableMetadata = z.output<typeof tableMetadata>
export type SnapshotMetadata = TableMetadata['snapshots'][number]

/** @throws ZodError when it is no metadata of a table that we write. */
export function checkTableMetadata(value: unknown): TableMetadata {
  return tableMetadata.parse(value)
}

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
    schemas: [{ ...struct, 'schema-id': 0 }],
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

export function schemaOf(metadata: TableMetadata): IcebergStruct {
  return metadata.schemas[0] as unknown as IcebergStruct
}

export function partitionFieldsOf(metadata: TableMetadata): readonly { readonly name: string }[] {
  return metadata['partition-specs'][0]?.fields ?? []
}

/** The name of the day in Avro records, absent for an unpartitioned table. */
export function dayFieldOf(metadata: TableMetadata): string | undefined {
  const name = partitionFieldsOf(metadata)[0]?.name
  return name === undefined ? undefined : avroName(name)
}

export function currentSnapshot(metadata: TableMetadata): SnapshotMetadata | undefined {
  const id = metadata['current-snapshot-id']
  return id === undefined ? undefined : snapshotById(metadata, id)
}

export function snapshotById(metadata: TableMetadata, id: bigint): SnapshotMetadata | undefined {
  return metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id)
}

/** 63 random bits, never zero. */
export function newSnapshotNumber(): bigint {
  return randomBytes(8).readBigUInt64LE() & 0x7fff_ffff_ffff_ffffn || 1n
}

export interface AppendSummary {
  readonly fileCount: number
  readonly rowCount: number
  readonly bytes: number
  readonly partitionCount: number
  readonly properties: Readonly<Record<string, string>>
}

/** The metadata after an append. `previousFile` is the URI of the file that holds the metadata given. */
export function withAppend(
  metadata: TableMetadata,
  append: {
    readonly snapshotId: bigint
    readonly manifestList: string
    readonly summary: AppendSummary
    readonly location: string
    readonly previousFile: string
    readonly nowMs: number
  },
): TableMetadata {
  const parent = currentSnapshot(metadata)
  // Readers that travel in time need snapshots whose times differ.
  const timestampMs = Math.max(append.nowMs, metadata['last-updated-ms'] + 1)
  const snapshot: SnapshotMetadata = {
    'snapshot-id': append.snapshotId,
    ...(parent ? { 'parent-snapshot-id': parent['snapshot-id'] } : {}),
    'sequence-number': metadata['last-sequence-number'] + 1,
    'timestamp-ms': timestampMs,
    'manifest-list': append.manifestList,
    summary: summaryOf(append.summary, parent?.summary),
    'schema-id': 0,
  }
  return {
    ...metadata,
    location: append.location,
    'last-sequence-number': snapshot['sequence-number'],
    'last-updated-ms': timestampMs,
    'current-snapshot-id': append.snapshotId,
    refs: { ...metadata.refs, main: { 'snapshot-id': append.snapshotId, type: 'branch' } },
    snapshots: [...metadata.snapshots, snapshot],
    'snapshot-log': [
      ...metadata['snapshot-log'],
      { 'snapshot-id': append.snapshotId, 'timestamp-ms': timestampMs },
    ],
    'metadata-log': [
      ...metadata['metadata-log'],
      { 'metadata-file': append.previousFile, 'timestamp-ms': metadata['last-updated-ms'] },
    ].slice(-previousMetadataMax),
  }
}

function summaryOf(
  added: AppendSummary,
  before: Readonly<Record<string, string>> | undefined,
): SnapshotMetadata['summary'] {
  const total = (name: string, increase: number): string => String(Number(before?.[name] ?? 0) + increase)
  return {
    operation: 'append',
    'added-data-files': String(added.fileCount),
    'added-records': String(added.rowCount),
    'added-files-size': String(added.bytes),
    'changed-partition-count': String(added.partitionCount),
    'total-records': total('total-records', added.rowCount),
    'total-files-size': total('total-files-size', added.bytes),
    'total-data-files': total('total-data-files', added.fileCount),
    'total-delete-files': '0',
    'total-position-deletes': '0',
    'total-equality-deletes': '0',
    ...added.properties,
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
