import { type Backoff, backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { BatchId, SnapshotId, TableId } from '#base/ids.ts'
import {
  deleteOpenLakeWrite,
  insertLakeCommit,
  type LakeCommitRow,
  type LakeTableRow,
  lockLakeTable,
  selectLakeCommitOfBatch,
  updateLakeTable,
} from '#metadata/lake.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import {
  type DataFile,
  daysOf,
  encodeManifest,
  encodeManifestList,
  type ManifestSummary,
} from './iceberg/manifest.ts'
import { printJson } from './iceberg/json.ts'
import {
  currentSnapshot,
  dayFieldOf,
  newSnapshotNumber,
  partitionFieldsOf,
  previousMetadataMax,
  schemaOf,
  type TableMetadata,
  withAppend,
} from './iceberg/table-metadata.ts'
import type { AppendRequest, AppendResult } from './lake.ts'
import { known, knownTable } from './table-definition.ts'
import type { TableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

/**
 * Makes written files part of the table.
 *
 * The manifest is written once; the manifest list and the metadata file, which name what was there before, are written
 * for each try, all of them on the disk before the transaction. The commit point is that one transaction. Under the
 * table's row lock it compares the pointer with what we built on, checks the ingest time, moves the pointer, records
 * batch and commit, forgets the write, and does what the caller wants done `within`.
 *
 *   pointer moved meanwhile  → the try's two files are removed, the next try builds on the new pointer
 *   ingest time overtaken    → 'overtaken': the caller writes the rows again with a newer one
 *   write taken by a sweeper → 'swept': its files are gone, the caller writes them again from the source
 *   answer to COMMIT lost    → we wait for the row lock, then the batch's record tells; 'unknown' if it cannot be asked
 */
export type CommitOutcome =
  | { readonly kind: 'committed'; readonly result: AppendResult }
  | { readonly kind: 'overtaken' }
  | { readonly kind: 'swept' }
  | { readonly kind: 'unknown'; readonly error: unknown }

export interface CommitRequest {
  readonly tableId: TableId
  readonly batchId: BatchId
  readonly writeId: string
  readonly ingestTimeMs: number
  readonly dataFiles: readonly DataFile[]
  readonly within: AppendRequest['within']
  readonly signal: AbortSignal
}

export interface CommitContext {
  readonly metadata: Metadata
  readonly reader: TableReader
  readonly files: TableFiles
  readonly clock: Clock
}

/** Within one process commits of a table wait for each other; tries are lost to other nodes only. */
export const commitTriesMax = 20
const commitBackoff: Backoff = { firstMs: 10, maxMs: 1_000, jitter: 0.9 }

export async function commitFiles(context: CommitContext, request: CommitRequest): Promise<CommitOutcome> {
  const { metadata, clock, files } = context
  const snapshotId = newSnapshotNumber()
  let manifest: ManifestSummary | undefined
  for (let attempt = 1; attempt <= commitTriesMax; attempt += 1) {
    request.signal.throwIfAborted()
    const row = await knownTable(metadata.db, request.tableId)
    let next: Next | undefined
    if (request.dataFiles.length > 0) {
      const base = await context.reader.metadata(files, row.metadata_file)
      manifest ??= await writeManifest(files, base, request, snapshotId)
      next = await writeNext(context, { row, base, manifest, request })
    }
    await faultPoint('lake.commit.before')
    const outcome = await tryCommit(metadata, clock, row, next, request)
    switch (outcome.kind) {
      case 'committed':
        await faultPoint('lake.commit.after')
        if (next?.forgottenFile !== undefined) await files.remove(next.forgottenFile).catch(() => {}) // Only old.
        return outcome
      case 'overtaken':
      case 'swept':
      case 'unknown':
        return outcome
      case 'moved':
        if (next) {
          await files.remove(next.manifestList)
          await files.remove(next.metadataFile)
        }
        await clock.sleep(backoffMs(commitBackoff, attempt), request.signal)
    }
  }
  throw new AppError('lake.conflict', `Other commits to the table came first ${commitTriesMax} times.`, {
    hint: 'Try again; write fewer, larger batches to one dataset.',
  })
}

/** The files of one try, and what the table is after it. */
interface Next {
  readonly manifestList: string
  readonly metadataFile: string
  readonly snapshotId: bigint
  readonly totalRowCount: number
  /** A metadata file that is older than readers look at. */
  readonly forgottenFile: string | undefined
}

async function writeManifest(
  files: TableFiles,
  base: TableMetadata,
  { dataFiles, writeId }: CommitRequest,
  snapshotId: bigint,
): Promise<ManifestSummary> {
  const dayField = dayFieldOf(base)
  const table = { schema: schemaOf(base), partitionFields: partitionFieldsOf(base), dayField }
  const bytes = encodeManifest(table, dataFiles, snapshotId)
  const name = `metadata/${writeId}-m0.avro`
  await files.write(name, bytes)
  return {
    path: files.uri(name),
    bytes: bytes.length,
    // Both are the snapshot's; known when it commits.
    sequenceNumber: 0,
    minSequenceNumber: 0,
    addedSnapshotId: snapshotId,
    addedFileCount: dataFiles.length,
    existingFileCount: 0,
    deletedFileCount: 0,
    addedRowCount: sumOf(dataFiles, 'rowCount'),
    existingRowCount: 0,
    deletedRowCount: 0,
    days: dayField === undefined ? undefined : daysOf(dataFiles),
  }
}

async function writeNext(
  { reader, files, clock }: CommitContext,
  options: {
    readonly row: LakeTableRow
    readonly base: TableMetadata
    readonly manifest: ManifestSummary
    readonly request: CommitRequest
  },
): Promise<Next> {
  const { row, base, manifest, request } = options
  const snapshotId = manifest.addedSnapshotId
  const parent = currentSnapshot(base)
  const earlier = parent ? await reader.manifests(files, parent['manifest-list']) : []
  const sequenceNumber = base['last-sequence-number'] + 1
  const version = `${String(sequenceNumber).padStart(5, '0')}-${request.writeId}`
  const manifestList = `metadata/snap-${snapshotId}-${version}.avro`
  const list = encodeManifestList(
    [{ ...manifest, sequenceNumber, minSequenceNumber: sequenceNumber }, ...earlier],
    { id: snapshotId, parentId: parent?.['snapshot-id'], sequenceNumber },
  )
  await files.write(manifestList, list)
  const next = withAppend(base, {
    snapshotId,
    manifestList: files.uri(manifestList),
    summary: {
      fileCount: request.dataFiles.length,
      rowCount: manifest.addedRowCount,
      bytes: sumOf(request.dataFiles, 'bytes'),
      partitionCount: new Set(request.dataFiles.map((file) => file.day)).size,
      properties: { 'sluice.batch-id': request.batchId, 'sluice.ingest-time': String(request.ingestTimeMs) },
    },
    location: files.location,
    previousFile: files.uri(row.metadata_file),
    nowMs: clock.now().getTime(),
  })
  const metadataFile = `metadata/${version}.metadata.json`
  await files.write(metadataFile, Buffer.from(printJson(next)))
  const oldest = base['metadata-log'].length >= previousMetadataMax ? base['metadata-log'][0] : undefined
  return {
    manifestList,
    metadataFile,
    snapshotId,
    totalRowCount: Number(currentSnapshot(next)?.summary['total-records']),
    forgottenFile: oldest && files.nameOf(oldest['metadata-file']),
  }
}

async function tryCommit(
  metadata: Metadata,
  clock: Clock,
  base: LakeTableRow,
  next: Next | undefined,
  request: CommitRequest,
): Promise<CommitOutcome | { readonly kind: 'moved' }> {
  let isSent = false
  try {
    return await metadata.transaction(async (tx) => {
      isSent = false
      const outcome = await decide(tx)
      isSent = true
      return outcome
    })
  } catch (error) {
    if (!isSent) throw error // It cannot have been committed.
    return await askOutcome(metadata, request, error)
  }

  async function decide(tx: Transaction): Promise<CommitOutcome | { readonly kind: 'moved' }> {
    const row = known(await lockLakeTable(tx, request.tableId), request.tableId)
    const before = await selectLakeCommitOfBatch(tx, request.tableId, request.batchId)
    if (before) return { kind: 'committed', result: resultOf(before, false) }
    const lastIngestTimeMs = Number(row.last_ingest_time)
    if (next && request.ingestTimeMs <= lastIngestTimeMs) return { kind: 'overtaken' }
    if (next && row.metadata_file !== base.metadata_file) return { kind: 'moved' }
    if (!(await deleteOpenLakeWrite(tx, request.writeId))) return { kind: 'swept' }
    const sequence = row.last_sequence + 1
    const ingestTimeMs = Math.max(request.ingestTimeMs, lastIngestTimeMs + 1)
    const snapshotId = next ? (String(next.snapshotId) as SnapshotId) : null
    const commit = {
      table_id: request.tableId,
      sequence,
      batch_id: request.batchId,
      operation: 'append' as const,
      snapshot_id: snapshotId,
      current_snapshot_id: snapshotId ?? row.snapshot_id,
      added_rows: sumOf(request.dataFiles, 'rowCount'),
      added_files: request.dataFiles.length,
      added_bytes: sumOf(request.dataFiles, 'bytes'),
      total_rows: next?.totalRowCount ?? 0,
      ingest_time: ingestTimeMs,
      committed_at: clock.now(),
    }
    await insertLakeCommit(tx, commit)
    await updateLakeTable(tx, request.tableId, {
      metadata_file: next?.metadataFile ?? row.metadata_file,
      last_sequence: sequence,
      last_ingest_time: ingestTimeMs,
      snapshot_id: commit.current_snapshot_id,
    })
    const result = resultOf(commit, true)
    await request.within?.(tx, result)
    return { kind: 'committed', result }
  }
}

/** The lock waits for a COMMIT that may still be under way; then the record of the batch is there, or never will be. */
async function askOutcome(
  metadata: Metadata,
  request: CommitRequest,
  error: unknown,
): Promise<CommitOutcome> {
  let row: LakeCommitRow | undefined
  try {
    row = await metadata.transaction(async (tx) => {
      await lockLakeTable(tx, request.tableId)
      return await selectLakeCommitOfBatch(tx, request.tableId, request.batchId)
    })
  } catch {
    return { kind: 'unknown', error } // The first failure says more.
  }
  if (!row) throw error
  return { kind: 'committed', result: resultOf(row, true) }
}

export function resultOf(
  row: Pick<LakeCommitRow, 'current_snapshot_id' | 'sequence' | 'added_files'> & {
    readonly added_rows: string | number
    readonly added_bytes: string | number
    readonly ingest_time: string | number
  },
  isNew: boolean,
): AppendResult {
  return {
    snapshotId: row.current_snapshot_id ?? undefined,
    commitSequence: row.sequence,
    rowCount: Number(row.added_rows),
    fileCount: row.added_files,
    bytes: Number(row.added_bytes),
    ingestTimeMs: Number(row.ingest_time),
    isNew,
  }
}

function sumOf(files: readonly DataFile[], key: 'rowCount' | 'bytes'): number {
  return files.reduce((sum, file) => sum + file[key], 0)
}
