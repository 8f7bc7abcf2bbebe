import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { must } from '#base/assert.ts'
import type { IcebergStruct } from '#types/iceberg.ts'
import type { ManifestTable } from './manifest.ts'
import { avroName } from './manifest-schema.ts'

/** Metadata files that stay beside the current one for readers that look at it. */
export const previousMetadataMax = 100

/** In a snapshot's summary: the SHA-256 of its list of manifests. Other engines carry it along and do not look at it. */
export const manifestListDigest = 'sluice.manifest-list-sha256'

export const id63 = z.union([z.bigint(), z.int()]).transform(BigInt)

export const snapshotSchema = z.looseObject({
  'snapshot-id': id63,
  'parent-snapshot-id': id63.optional(),
  'sequence-number': z.int(),
  'timestamp-ms': z.int(),
  'manifest-list': z.string(),
  summary: z.looseObject({ operation: z.string() }).catchall(z.string()),
  'schema-id': z.int().optional(),
})

export const partitionSpecSchema = z.looseObject({
  'spec-id': z.int(),
  fields: z.array(
    z.looseObject({
      'field-id': z.int(),
      'source-id': z.int(),
      name: z.string(),
      transform: z.string(),
    }),
  ),
})

export const schemaSchema = z.looseObject({
  'schema-id': z.int(),
  type: z.literal('struct'),
  fields: z.array(z.looseObject({ id: z.int(), name: z.string() })),
})

export const sortOrderSchema = z.looseObject({ 'order-id': z.int(), fields: z.array(z.unknown()) })

/** What we rely on in a table's metadata file; whatever else stands there is kept. */
const tableMetadata = z.looseObject({
  'format-version': z.literal(2),
  'table-uuid': z.string(),
  location: z.string(),
  'last-sequence-number': z.int(),
  'last-updated-ms': z.int(),
  'last-column-id': z.int(),
  'current-schema-id': z.int(),
  schemas: z.array(schemaSchema).min(1),
  'default-spec-id': z.int(),
  'partition-specs': z.array(partitionSpecSchema).min(1),
  'last-partition-id': z.int(),
  'default-sort-order-id': z.int(),
  'sort-orders': z.array(sortOrderSchema),
  properties: z.record(z.string(), z.string()),
  'current-snapshot-id': id63.optional(),
  refs: z.record(z.string(), z.looseObject({ 'snapshot-id': id63, type: z.string() })),
  snapshots: z.array(snapshotSchema),
  'snapshot-log': z.array(z.looseObject({ 'snapshot-id': id63, 'timestamp-ms': z.int() })),
  'metadata-log': z.array(z.looseObject({ 'metadata-file': z.string(), 'timestamp-ms': z.int() })),
})

export type TableMetadata = z.output<typeof tableMetadata>
export type SnapshotMetadata = TableMetadata['snapshots'][number]
export type PartitionSpec = TableMetadata['partition-specs'][number]

/** @throws ZodError when it is no metadata of a table that we write. */
export function checkTableMetadata(value: unknown): TableMetadata {
  return tableMetadata.parse(value)
}

/** The current schema. */
export function schemaOf(metadata: TableMetadata): IcebergStruct {
  const id = metadata['current-schema-id']
  const schema = metadata.schemas.find((candidate) => candidate['schema-id'] === id)
  return must(schema, 'a table has its current schema') as unknown as IcebergStruct
}

export function specById(metadata: TableMetadata, id: number): PartitionSpec {
  const spec = metadata['partition-specs'].find((candidate) => candidate['spec-id'] === id)
  return must(spec, `a table has the partition spec ${id}`)
}

/** The field whose days a spec partitions by, absent for an unpartitioned one. */
export function daySourceId(metadata: TableMetadata, specId: number): number | undefined {
  return specById(metadata, specId).fields.find((field) => field.transform === 'day')?.['source-id']
}

/** What manifests of a spec repeat of the table as it is now. */
export function manifestTableOf(
  metadata: TableMetadata,
  specId: number = metadata['default-spec-id'],
): ManifestTable {
  const { fields } = specById(metadata, specId)
  const day = fields[0]?.name
  return {
    schema: schemaOf(metadata),
    schemaId: metadata['current-schema-id'],
    specId,
    partitionFields: fields,
    dayField: day === undefined ? undefined : avroName(day),
  }
}

export function currentSnapshot(metadata: TableMetadata): SnapshotMetadata | undefined {
  const id = metadata['current-snapshot-id']
  return id === undefined ? undefined : snapshotById(metadata, id)
}

/** Of the files that the table holds; null where the snapshot's writer did not say it. */
export function totalBytesOf(metadata: TableMetadata): number | null {
  const snapshot = currentSnapshot(metadata)
  if (!snapshot) return 0
  const text = snapshot.summary['total-files-size'] ?? ''
  return /^\d{1,15}$/.test(text) ? Number(text) : null
}

export function snapshotById(metadata: TableMetadata, id: bigint): SnapshotMetadata | undefined {
  return metadata.snapshots.find((snapshot) => snapshot['snapshot-id'] === id)
}

/** The snapshot that was the table's at the time; undefined when it had none, or has it no more. */
export function snapshotAt(metadata: TableMetadata, timeMs: number): SnapshotMetadata | undefined {
  const entry = metadata['snapshot-log'].findLast((candidate) => candidate['timestamp-ms'] <= timeMs)
  return entry && snapshotById(metadata, entry['snapshot-id'])
}

/** 63 random bits, never zero. */
export function newSnapshotNumber(): bigint {
  return randomBytes(8).readBigUInt64LE() & 0x7fff_ffff_ffff_ffffn || 1n
}

/** The metadata as a new file says it. `previousFile` is the URI of the file that holds the metadata built on. */
export function withPrevious(
  metadata: TableMetadata,
  previous: { readonly file: string; readonly metadata: TableMetadata },
): TableMetadata {
  const entry = { 'metadata-file': previous.file, 'timestamp-ms': previous.metadata['last-updated-ms'] }
  return {
    ...metadata,
    'metadata-log': [...metadata['metadata-log'], entry].slice(-previousMetadataMax),
  }
}
