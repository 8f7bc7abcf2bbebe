import { assert } from '#base/assert.ts'
import { type AvroRecord, decodeAvro, encodeAvro } from './avro.ts'
import { fieldsById, numberOf, recordOf } from './avro-fields.ts'
import { printJson } from './json.ts'
import type { DayRange, ManifestSummary } from './manifest-list.ts'
import { dataFileFieldIds, manifestEntrySchema } from './manifest-schema.ts'

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

/** What the header of a manifest repeats of its table. */
export interface ManifestTable {
  readonly schema: unknown
  readonly schemaId: number
  readonly specId: number
  readonly partitionFields: readonly unknown[]
  /** The Avro name of the day, absent for an unpartitioned table. */
  readonly dayField: string | undefined
}

/**
 * One line of a manifest, whoever wrote it. `file` has Iceberg's names and holds what we do not look at, too, so that
 * a line can be moved from one manifest to another without loss.
 */
export interface ManifestRecord {
  readonly status: 'existing' | 'added' | 'deleted'
  readonly snapshotId: bigint
  /** Null: the snapshot's own, which is known only when it commits. */
  readonly sequenceNumber: number | null
  readonly fileSequenceNumber: number | null
  readonly day: number | null
  readonly file: Readonly<Record<string, unknown>>
}

const statuses = ['existing', 'added', 'deleted'] as const

/** The line of a new file. */
export function addedRecord(file: DataFile, snapshotId: bigint): ManifestRecord {
  return {
    status: 'added',
    snapshotId,
    sequenceNumber: null,
    fileSequenceNumber: null,
    day: file.day,
    file: {
      content: 0,
      file_path: file.path,
      file_format: 'PARQUET',
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
  }
}

/** The line of a file that stays, in another manifest. */
export function existingRecord(record: ManifestRecord): ManifestRecord {
  return { ...record, status: 'existing' }
}

/** The line of a file that a snapshot takes away. What it says of the file's values goes, too. */
export function deletedRecord(record: ManifestRecord, snapshotId: bigint): ManifestRecord {
  const file = { ...record.file }
  for (const name of measures) file[name] = null
  return { ...record, status: 'deleted', snapshotId, file }
}

const measures = ['value_counts', 'null_value_counts', 'nan_value_counts', 'lower_bounds', 'upper_bounds']

export function pathOf(record: ManifestRecord): string {
  return String(record.file['file_path'])
}

export function rowCountOf(record: ManifestRecord): number {
  return numberOf(record.file['record_count'])
}

export function encodeManifest(table: ManifestTable, records: readonly ManifestRecord[]): Buffer {
  const rows = records.map((record) => ({
    status: statuses.indexOf(record.status),
    snapshot_id: record.snapshotId,
    sequence_number: record.sequenceNumber,
    file_sequence_number: record.fileSequenceNumber,
    data_file: {
      ...record.file,
      partition: table.dayField === undefined ? {} : { [table.dayField]: record.day },
    },
  }))
  return encodeAvro(manifestEntrySchema(table.dayField), rows, {
    schema: printJson(table.schema),
    'schema-id': String(table.schemaId),
    'partition-spec': printJson(table.partitionFields),
    'partition-spec-id': String(table.specId),
    'format-version': '2',
    content: 'data',
  })
}

export function daysOf(files: readonly { readonly day: number | null }[]): DayRange {
  const days = files.flatMap((file) => file.day ?? [])
  return {
    containsNull: days.length < files.length,
    first: days.length === 0 ? undefined : days.reduce((least, day) => Math.min(least, day)),
    last: days.length === 0 ? undefined : days.reduce((most, day) => Math.max(most, day)),
  }
}

/**
 * Every line of a manifest, with what it inherits from its list.
 * @throws Error when it is no manifest of rows partitioned by a day or not at all, or broken.
 */
export function decodeManifestRecords(bytes: Buffer, summary: ManifestSummary): ManifestRecord[] {
  const { schema, records } = decodeAvro(bytes)
  const entryFields = fieldsById(schema)
  const fileSchema = recordOf(schema, 2)
  const fileFields = fieldsById(fileSchema)
  const dayField = dayFieldIn(fileSchema)
  const decoded = records.map((record): ManifestRecord => {
    const status = statuses[numberOf(record[entryFields.name(0)])]
    assert(status !== undefined, 'the status of an entry is known')
    const snapshotId = record[entryFields.name(1)]
    assert(status === 'added' || typeof snapshotId === 'bigint', 'an existing file names its snapshot')
    const raw = record[entryFields.name(2)] as Record<string, unknown>
    assert(raw[fileFields.name(134)] === 0, 'a manifest of ours holds files of rows only')
    const partition = raw[fileFields.name(102)] as Record<string, unknown>
    const day = dayField === undefined ? null : partition[dayField]
    const inherited = status === 'added' ? summary.sequenceNumber : null
    const sequence = (id: number): number | null =>
      (record[entryFields.name(id)] as number | null) ?? inherited
    return {
      status,
      snapshotId: typeof snapshotId === 'bigint' ? snapshotId : summary.addedSnapshotId,
      sequenceNumber: sequence(3),
      fileSequenceNumber: sequence(4),
      day: day === null || day === undefined ? null : numberOf(day),
      file: Object.fromEntries(
        dataFileFieldIds.map(([name, id]) => [name, raw[fileFields.name(id)] ?? null]),
      ),
    }
  })
  const count = (status: ManifestRecord['status']): number =>
    decoded.filter((record) => record.status === status).length
  assert(
    count('added') === summary.addedFileCount && count('existing') === summary.existingFileCount,
    'a manifest has as many live files as its list says',
  )
  return decoded
}

/** Live files of a manifest. @throws Error as `decodeManifestRecords` */
export function decodeManifest(bytes: Buffer, summary: ManifestSummary): ManifestEntry[] {
  return decodeManifestRecords(bytes, summary)
    .filter((record) => record.status !== 'deleted')
    .map((record) => ({ snapshotId: record.snapshotId, file: dataFileOfRecord(record) }))
}

export function dataFileOfRecord({ file, day }: ManifestRecord): DataFile {
  return {
    path: String(file['file_path']),
    rowCount: numberOf(file['record_count']),
    bytes: numberOf(file['file_size_in_bytes']),
    day,
    columnBytes: mapOf<number>(file['column_sizes']),
    valueCounts: mapOf<number>(file['value_counts']),
    nullCounts: mapOf<number>(file['null_value_counts']),
    lowerBounds: mapOf<Buffer>(file['lower_bounds']),
    upperBounds: mapOf<Buffer>(file['upper_bounds']),
    sortOrderId: Number(file['sort_order_id'] ?? 0),
  }
}

function dayFieldIn(fileSchema: AvroRecord): string | undefined {
  const fields = recordOf(fileSchema, 102).fields
  assert(fields.length <= 1, 'tables are partitioned by one day at most')
  return fields[0]?.name
}

function pairs<T>(map: ReadonlyMap<number, T>): { readonly key: number; readonly value: T }[] | null {
  return map.size === 0 ? null : Array.from(map, ([key, value]) => ({ key, value }))
}

function mapOf<T>(value: unknown): ReadonlyMap<number, T> {
  const list = (value ?? []) as readonly { readonly key: number; readonly value: T }[]
  return new Map(list.map((pair) => [pair.key, pair.value]))
}
