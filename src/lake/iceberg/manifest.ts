import { assert } from '#base/assert.ts'
import { type AvroRecord, decodeAvro, encodeAvro } from './avro.ts'
import { printJson } from './json.ts'
import { manifestEntrySchema, manifestListSchema } from './manifest-schema.ts'
import { encodeInteger } from './single-value.ts'

/** A file of rows as a manifest describes it. Maps are by field id. */
export interface DataFile {
  /** URI. */
  readonly path: string
  readonly rowCount: number
  readonly bytes: number
  /** Days since 1970 of all its rows; null: the rows without a day, or an unpartitioned table. */
  readonly day: number | null
  readonly columnBytes: ReadonlyMap<number, number>
  readonly valueCounts: ReadonlyMap<number, number>
  readonly nullCounts: ReadonlyMap<number, number>
  readonly lowerBounds: ReadonlyMap<number, Buffer>
  readonly upperBounds: ReadonlyMap<number, Buffer>
  readonly sortOrderId: number
}

/** A live file of a manifest and the snapshot that added it. */
export interface ManifestEntry {
  readonly snapshotId: bigint
  readonly file: DataFile
}

/** A manifest as its list describes it. */
export interface ManifestSummary {
  /** URI. */
  readonly path: string
  readonly bytes: number
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

/** What the header of a manifest repeats of its table. */
export interface ManifestTable {
  readonly schema: unknown
  readonly partitionFields: readonly unknown[]
  /** The Avro name of the day, absent for an unpartitioned table. */
  readonly dayField: string | undefined
}

const [existing, added, deleted] = [0, 1, 2]

/** A manifest of new files, all added by one snapshot. */
export function encodeManifest(table: ManifestTable, files: readonly DataFile[], snapshotId: bigint): Buffer {
  const records = files.map((file) => ({
    status: added,
    snapshot_id: snapshotId,
    // Absent: the snapshot's own, which is known only when it commits.
    sequence_number: null,
    file_sequence_number: null,
    data_file: {
      content: 0,
      file_path: file.path,
      file_format: 'PARQUET',
      partition: table.dayField === undefined ? {} : { [table.dayField]: file.day },
      record_count: file.rowCount,
      file_size_in_bytes: file.bytes,
      column_sizes: pairs(file.columnBytes),
      value_counts: pairs(file.valueCounts),
      null_value_counts: pairs(file.nullCounts),
      nan_value_counts: null,
      lower_bounds: pairs(file.lowerBounds),
      upper_bounds: pairs(file.upperBounds),
      key_metadata: null,
      split_offsets: null,
      equality_ids: null,
      sort_order_id: file.sortOrderId,
    },
  }))
  return encodeAvro(manifestEntrySchema(table.dayField), records, {
    schema: printJson(table.schema),
    'schema-id': '0',
    'partition-spec': printJson(table.partitionFields),
    'partition-spec-id': '0',
    'format-version': '2',
    content: 'data',
  })
}

export function daysOf(files: readonly DataFile[]): DayRange {
  const days = files.flatMap((file) => file.day ?? [])
  return {
    containsNull: days.length < files.length,
    first: days.length === 0 ? undefined : days.reduce((least, day) => Math.min(least, day)),
    last: days.length === 0 ? undefined : days.reduce((most, day) => Math.max(most, day)),
  }
}

/**
 * Live files of a manifest.
 * @throws Error when it is no manifest of ours: broken, or with files of another kind than rows.
 */
export function decodeManifest(bytes: Buffer, summary: ManifestSummary): ManifestEntry[] {
  const { schema, records } = decodeAvro(bytes)
  const entries: ManifestEntry[] = []
  const entryFields = fieldsById(schema)
  const fileFields = fieldsById(recordOf(schema, 2))
  const partitionName = recordOf(recordOf(schema, 2), 102).fields[0]?.name
  for (const record of records) {
    const status = numberOf(record[entryFields.name(0)])
    assert(status === existing || status === added || status === deleted, 'the status of an entry is known')
    if (status === deleted) continue
    const snapshotId = record[entryFields.name(1)]
    assert(status === added || typeof snapshotId === 'bigint', 'an existing file names its snapshot')
    const file = record[entryFields.name(2)] as Record<string, unknown>
    assert(file[fileFields.name(134)] === 0, 'a manifest of ours holds files of rows only')
    const partition = file[fileFields.name(102)] as Record<string, unknown>
    const day = partitionName === undefined ? null : partition[partitionName]
    entries.push({
      snapshotId: typeof snapshotId === 'bigint' ? snapshotId : summary.addedSnapshotId,
      file: {
        path: String(file[fileFields.name(100)]),
        rowCount: numberOf(file[fileFields.name(103)]),
        bytes: numberOf(file[fileFields.name(104)]),
        day: day === null || day === undefined ? null : numberOf(day),
        columnBytes: mapOf<number>(file[fileFields.name(108)]),
        valueCounts: mapOf<number>(file[fileFields.name(109)]),
        nullCounts: mapOf<number>(file[fileFields.name(110)]),
        lowerBounds: mapOf<Buffer>(file[fileFields.name(125)]),
        upperBounds: mapOf<Buffer>(file[fileFields.name(128)]),
        sortOrderId: Number(file[fileFields.name(140)] ?? 0),
      },
    })
  }
  assert(
    entries.length === summary.addedFileCount + summary.existingFileCount,
    'a manifest has as many live files as its list says',
  )
  return entries
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
    partition_spec_id: 0,
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
  })
}

/** @throws Error when it is no list of manifests of ours. */
export function decodeManifestList(bytes: Buffer): ManifestSummary[] {
  const { schema, records } = decodeAvro(bytes)
  const fields = fieldsById(schema)
  return records.map((record) => {
    const number = (id: number): number => numberOf(record[fields.name(id)])
    assert(number(517) === 0, 'a list of ours holds manifests of rows only')
    const addedSnapshotId = record[fields.name(503)]
    assert(typeof addedSnapshotId === 'bigint', 'a manifest names its snapshot')
    const [partition] = (record[fields.name(507)] ?? []) as PartitionSummary[]
    return {
      path: String(record[fields.name(500)]),
      bytes: number(501),
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

function fieldsById(record: AvroRecord): { name(id: number): string } {
  const names = new Map(record.fields.map((field) => [field['field-id'], field.name]))
  return { name: (id) => names.get(id) ?? '' }
}

function recordOf(record: AvroRecord, id: number): AvroRecord {
  const type = record.fields.find((field) => field['field-id'] === id)?.type
  assert(typeof type === 'object' && 'type' in type && type.type === 'record', `field ${id} is a record`)
  return type
}

function numberOf(value: unknown): number {
  assert(typeof value === 'number', 'a count is a number')
  return value
}

function pairs<T>(map: ReadonlyMap<number, T>): { readonly key: number; readonly value: T }[] | null {
  return map.size === 0 ? null : Array.from(map, ([key, value]) => ({ key, value }))
}

function mapOf<T>(value: unknown): ReadonlyMap<number, T> {
  const list = (value ?? []) as readonly { readonly key: number; readonly value: T }[]
  return new Map(list.map((pair) => [pair.key, pair.value]))
}
