import { assert } from '#base/assert.ts'
import { decodeAvro, encodeAvro } from './avro.ts'
import { fieldsById, numberOf } from './avro-fields.ts'
import { manifestListSchema } from './manifest-schema.ts'
import { encodeInteger } from './single-value.ts'

/** A manifest as its list describes it. */
export interface ManifestSummary {
  /** URI. */
  readonly path: string
  readonly bytes: number
  /** Of the file, where its writer was one of us. */
  readonly sha256: string | undefined
  readonly specId: number
  readonly sequenceNumber: number
  readonly minSequenceNumber: number
  readonly addedSnapshotId: bigint
  readonly addedFileCount: number
  readonly existingFileCount: number
  readonly deletedFileCount: number
  readonly addedRowCount: number
  readonly existingRowCount: number
  readonly deletedRowCount: number
  readonly days: DayRange | undefined
}

/** Of a partitioned table; `first` and `last` are absent when all rows are without a day. */
export interface DayRange {
  readonly containsNull: boolean
  readonly first: number | undefined
  readonly last: number | undefined
}

/** Files that are part of the table's rows. */
export function liveFileCount(manifest: ManifestSummary): number {
  return manifest.addedFileCount + manifest.existingFileCount
}

export function liveRowCount(manifest: ManifestSummary): number {
  return manifest.addedRowCount + manifest.existingRowCount
}

export function encodeManifestList(
  manifests: readonly ManifestSummary[],
  snapshot: {
    readonly id: bigint
    readonly parentId: bigint | undefined
    readonly sequenceNumber: number
  },
): Buffer {
  const records = manifests.map((manifest) => ({
    manifest_path: manifest.path,
    manifest_length: manifest.bytes,
    partition_spec_id: manifest.specId,
    content: 0,
    sequence_number: manifest.sequenceNumber,
    min_sequence_number: manifest.minSequenceNumber,
    added_snapshot_id: manifest.addedSnapshotId,
    added_files_count: manifest.addedFileCount,
    existing_files_count: manifest.existingFileCount,
    deleted_files_count: manifest.deletedFileCount,
    added_rows_count: manifest.addedRowCount,
    existing_rows_count: manifest.existingRowCount,
    deleted_rows_count: manifest.deletedRowCount,
    partitions: manifest.days === undefined ? [] : [daySummary(manifest.days)],
    key_metadata: null,
  }))
  return encodeAvro(manifestListSchema, records, {
    'snapshot-id': String(snapshot.id),
    'parent-snapshot-id': snapshot.parentId === undefined ? 'null' : String(snapshot.parentId),
    'sequence-number': String(snapshot.sequenceNumber),
    'format-version': '2',
    [manifestDigests]: JSON.stringify(manifests.map((manifest) => manifest.sha256 ?? null)),
  })
}

/** In the header of a list: the SHA-256 of each of its manifests, in their order; null where it is not known. */
const manifestDigests = 'sluice.manifests-sha256'

/** @throws Error when it is no list of manifests of ours. */
export function decodeManifestList(bytes: Buffer): ManifestSummary[] {
  const { schema, metadata, records } = decodeAvro(bytes)
  const digests = JSON.parse(metadata.get(manifestDigests) ?? '[]') as readonly (string | null)[]
  const fields = fieldsById(schema)
  return records.map((record, index) => {
    const number = (id: number): number => numberOf(record[fields.name(id)])
    assert(number(517) === 0, 'a list of ours holds manifests of rows only')
    const addedSnapshotId = record[fields.name(503)]
    assert(typeof addedSnapshotId === 'bigint', 'a manifest names its snapshot')
    const [partition] = (record[fields.name(507)] ?? []) as PartitionSummary[]
    return {
      path: String(record[fields.name(500)]),
      bytes: number(501),
      sha256: digests[index] ?? undefined,
      specId: number(502),
      sequenceNumber: number(515),
      minSequenceNumber: number(516),
      addedSnapshotId,
      addedFileCount: number(504),
      existingFileCount: number(505),
      deletedFileCount: number(506),
      addedRowCount: number(512),
      existingRowCount: number(513),
      deletedRowCount: number(514),
      days: partition && {
        containsNull: partition.contains_null,
        first: partition.lower_bound?.readInt32LE(),
        last: partition.upper_bound?.readInt32LE(),
      },
    }
  })
}

interface PartitionSummary {
  readonly contains_null: boolean
  readonly contains_nan: boolean | null
  readonly lower_bound: Buffer | null
  readonly upper_bound: Buffer | null
}

function daySummary(days: DayRange): PartitionSummary {
  return {
    contains_null: days.containsNull,
    contains_nan: false,
    lower_bound: days.first === undefined ? null : encodeInteger(days.first),
    upper_bound: days.last === undefined ? null : encodeInteger(days.last),
  }
}
