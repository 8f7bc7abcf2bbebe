import { type Backoff, backoffMs } from '#base/backoff.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { BatchId, SnapshotId, TableId } from '#base/ids.ts'
import {
  deleteLakePinsOf,
  deleteOpenLakeWrite,
  insertLakeCommit,
  insertLakeRemoval,
  type LakeCommitRow,
  type LakeTableRow,
  lockLakeTable,
  markLakeSnapshotsExpired,
  selectLakeCommitOfBatch,
  selectLakeCommitOfWrite,
  updateLakeTable,
} from '#metadata/lake.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { applyUpdates, checkRequirements } from './iceberg/apply-updates.ts'
import { printJson } from './iceberg/json.ts'
import {
  previousMetadataMax,
  type TableMetadata,
  totalBytesOf,
  withPrevious,
} from './iceberg/table-metadata.ts'
import type { TableRequirement, TableUpdate } from './iceberg/table-update.ts'
import type { LakeContext } from './lake-context.ts'
import { removeRecorded } from './removals.ts'
import { sha256Of } from './sha256.ts'
import { readBase, type TableBase, unlessMoved } from './table-base.ts'
import { known, type TableDefinition } from './table-definition.ts'

/**
 * The one way a table changes: append, overwrite, rewriting, schema, expiry, other engines' commits.
 *
 * A change is requirements and updates in Iceberg's words, built on the table as it is. What names the files that were
 * there before (the manifest list, the metadata file) is written for each try, all of it on the disk before the
 * transaction. The commit point is that one transaction. Under the table's row lock it compares the pointer with what
 * was built on, moves it, records the commit, forgets the write, records which files go, and does what the caller
 * wants done `within`. Files go after it.
 *
 *   pointer moved meanwhile     → the try's files are removed, the change is built again on the new pointer
 *   change makes no sense there → 'stale': what was to be replaced is gone
 *   ingest time overtaken       → 'overtaken': the caller writes the rows again with a newer one
 *   write taken by a sweeper    → 'swept': its files are gone
 *   answer to COMMIT lost       → we wait for the row lock, then the record of the write tells; 'unknown' if it
 *                                 cannot be asked
 */
export type CommitOutcome =
  | Committed
  | { readonly kind: 'stale' | 'overtaken' | 'swept' }
  | { readonly kind: 'unknown'; readonly error: unknown }

export interface Committed {
  readonly kind: 'committed'
  readonly commit: CommitRecord
  /** False when the batch had been committed before. */
  readonly isNew: boolean
}

export type CommitRecord = Omit<LakeCommitRow, BigColumn> & Readonly<Record<BigColumn, string | number>>
type BigColumn = 'added_rows' | 'added_bytes' | 'total_rows' | 'ingest_time'

export interface CommitRequest {
  readonly tableId: TableId
  /** All files of the change have it in their names. */
  readonly writeId: string
  readonly batchId?: BatchId
  /**
   * Runs first in the commit's transaction, before the table is locked, in each try: for locks alone. Whoever locks a
   * dataset and its table locks the dataset first.
   */
  readonly first?: ((tx: Transaction) => Promise<void>) | undefined
  /** The change on the table as it is; undefined: it makes no sense any more. */
  readonly build: (base: TableBase, attempt: number) => Promise<Change | undefined>
  readonly within?: ((tx: Transaction, commit: CommitRecord) => Promise<void>) | undefined
  readonly signal: AbortSignal
}

export interface Change {
  readonly operation: LakeCommitRow['operation']
  readonly requirements: readonly TableRequirement[]
  /** None: the table stays as it is, and the commit is recorded. */
  readonly updates: readonly TableUpdate[]
  /** Files of this try alone. */
  readonly tryFiles: readonly string[]
  /** The snapshot it makes, if it makes one. */
  readonly snapshot?: SnapshotCommit['snapshot']
  /** Snapshots it makes on the way to that one. */
  readonly earlier?: readonly SnapshotCommit[]
  /** Of the rows it brings in; must be above all before. `now`: they do not have it written in them. */
  readonly ingestTimeMs?: number | 'now'
  /** What the table is from now on, if its columns change. */
  readonly definition?: Pick<TableDefinition, 'schema' | 'dayColumn' | 'clusterBy'>
  /** Snapshots that are not there afterwards, and the files that only they had. */
  readonly expired?: { readonly snapshotIds: readonly SnapshotId[]; readonly files: readonly string[] }
  /** Asked under the lock; false: the change is built again. */
  readonly isStillRight?: (tx: Transaction) => Promise<boolean>
}

export interface SnapshotCommit {
  readonly operation: LakeCommitRow['operation']
  readonly snapshot: {
    readonly id: bigint
    readonly addedFiles: number
    readonly addedRows: number
    readonly addedBytes: number
    readonly totalRows: number
  }
}

/** Within one process commits of a table wait for each other; tries are lost to other nodes only. */
export const commitTriesMax = 20
const commitBackoff: Backoff = { firstMs: 10, maxMs: 1_000, jitter: 0.9 }

/** @throws AppError 'lake.conflict' when the requirements do not hold, or others always came first */
export async function commitChange(context: LakeContext, request: CommitRequest): Promise<CommitOutcome> {
  const { clock } = context
  for (let attempt = 1; attempt <= commitTriesMax; attempt += 1) {
    request.signal.throwIfAborted()
    const base = await readBase(context, request.tableId)
    const built = await unlessMoved(context, base, {
      signal: request.signal,
      work: async () => ({ change: await request.build(base, attempt) }),
    })
    if (!built) continue
    const { change } = built
    if (!change) return { kind: 'stale' }
    const next = await writeNext(context, base, change, request.writeId)
    await faultPoint('lake.commit.before')
    const outcome = await tryCommit(context, { base, change, next, request })
    if (outcome.kind === 'moved') {
      for (const name of [...change.tryFiles, ...(next ? [next.file] : [])]) await base.files.remove(name)
      await clock.sleep(backoffMs(commitBackoff, attempt), request.signal)
      continue
    }
    if (outcome.kind !== 'committed') return outcome
    await faultPoint('lake.commit.after')
    if (next?.forgottenFile !== undefined) await base.files.remove(next.forgottenFile).catch(() => {}) // Only old.
    if (outcome.isNew && change.expired) await removeNow(context, request.writeId)
    return outcome
  }
  throw new AppError('lake.conflict', `Other commits to the table came first ${commitTriesMax} times.`, {
    hint: 'Try again; write fewer, larger batches to one dataset.',
  })
}

/** The commit is made: what cannot be removed now is left to the sweep. */
async function removeNow(context: LakeContext, writeId: string): Promise<void> {
  try {
    await removeRecorded(context, writeId)
  } catch (error) {
    context.logger.log('warn', 'lake.removal.left_to_sweep', { writeId, error })
  }
}

export interface Next {
  /** Of the table's metadata. */
  readonly file: string
  readonly sha256: string
  /** Of the files that the table holds then, if its snapshot says it. */
  readonly totalBytes: number | null
  /** A metadata file that is older than readers look at. */
  readonly forgottenFile: string | undefined
}

/** Writes the metadata file of a change, on the disk when this returns; none when the table stays as it is. */
export async function writeNext(
  { clock }: Pick<LakeContext, 'clock'>,
  base: TableBase,
  change: Change,
  writeId: string,
): Promise<Next | undefined> {
  const { files, metadata, row } = base
  checkRequirements(metadata, change.requirements)
  if (change.updates.length === 0) return undefined
  const updated = applyUpdates(metadata, change.updates, clock.now().getTime())
  const previous = { file: files.uri(row.metadata_file), metadata }
  const next: TableMetadata = withPrevious({ ...updated, location: files.location }, previous)
  const file = `metadata/${String(row.last_sequence + 1).padStart(5, '0')}-${writeId}.metadata.json`
  const bytes = Buffer.from(printJson(next))
  await files.write(file, bytes)
  const oldest =
    metadata['metadata-log'].length >= previousMetadataMax ? metadata['metadata-log'][0] : undefined
  const sha256 = sha256Of(bytes)
  return {
    file,
    sha256,
    totalBytes: totalBytesOf(next),
    forgottenFile: oldest && files.nameOf(oldest['metadata-file']),
  }
}

interface Try {
  readonly base: TableBase
  readonly change: Change
  readonly next: Next | undefined
  readonly request: CommitRequest
}

async function tryCommit(
  context: LakeContext,
  given: Try,
): Promise<CommitOutcome | { readonly kind: 'moved' }> {
  let isSent = false
  try {
    return await context.metadata.transaction(async (tx) => {
      isSent = false
      const outcome = await decide(context, tx, given)
      isSent = true
      return outcome
    })
  } catch (error) {
    if (!isSent) throw error // It cannot have been committed.
    return await askOutcome(context, given.request, error)
  }
}

async function decide(
  context: LakeContext,
  tx: Transaction,
  { base, change, next, request }: Try,
): Promise<CommitOutcome | { readonly kind: 'moved' }> {
  const { tableId, batchId, writeId } = request
  await request.first?.(tx)
  const row = known(await lockLakeTable(tx, tableId), tableId)
  const before = batchId && (await selectLakeCommitOfBatch(tx, tableId, batchId))
  if (before) return { kind: 'committed', commit: before, isNew: false }
  const lastIngestTimeMs = Number(row.last_ingest_time)
  if (next && typeof change.ingestTimeMs === 'number' && change.ingestTimeMs <= lastIngestTimeMs) {
    return { kind: 'overtaken' }
  }
  if (next && row.metadata_file !== base.row.metadata_file) return { kind: 'moved' }
  if (change.isStillRight && !(await change.isStillRight(tx))) return { kind: 'moved' }
  if (!(await deleteOpenLakeWrite(tx, writeId))) return { kind: 'swept' }
  const commit = await recordChange(context, tx, { row, change, next, batchId, writeId })
  await request.within?.(tx, commit)
  return { kind: 'committed', commit, isNew: true }
}

/** Moves the pointer of a table that is locked, and records what becomes true with it. */
export async function recordChange(
  { clock }: Pick<LakeContext, 'clock'>,
  tx: Transaction,
  given: {
    readonly row: LakeTableRow
    readonly change: Change
    readonly next: Next | undefined
    readonly batchId?: BatchId | undefined
    readonly writeId: string
  },
): Promise<CommitRecord> {
  const { row, change, next, batchId, writeId } = given
  const tableId = row.id
  const ingestTimeMs = change.ingestTimeMs === 'now' ? clock.now().getTime() : change.ingestTimeMs
  let sequence = row.last_sequence
  let ingestTime = Number(row.last_ingest_time)
  /** Each snapshot is a commit of its own in the table's history. */
  const record = async (
    { operation, snapshot }: Pick<Change, 'operation' | 'snapshot'>,
    ids: { readonly batch: BatchId | null; readonly write: string | null },
  ): Promise<CommitRecord> => {
    sequence += 1
    if (ingestTimeMs !== undefined) ingestTime = Math.max(ingestTimeMs, ingestTime + 1)
    const snapshotId = snapshot ? (String(snapshot.id) as SnapshotId) : null
    const commit = {
      table_id: tableId,
      sequence,
      batch_id: ids.batch,
      write_id: ids.write,
      operation,
      snapshot_id: snapshotId,
      is_expired: false,
      current_snapshot_id: snapshotId ?? row.snapshot_id,
      added_rows: snapshot?.addedRows ?? 0,
      added_files: snapshot?.addedFiles ?? 0,
      added_bytes: snapshot?.addedBytes ?? 0,
      total_rows: snapshot?.totalRows ?? 0,
      ingest_time: ingestTime,
      committed_at: clock.now(),
    }
    await insertLakeCommit(tx, commit)
    return commit
  }
  for (const earlier of change.earlier ?? []) await record(earlier, { batch: null, write: null })
  const commit = await record(change, { batch: batchId ?? null, write: writeId })
  const { definition, expired } = change
  await updateLakeTable(tx, tableId, {
    ...(next && {
      metadata_file: next.file,
      metadata_sha256: next.sha256,
      total_bytes: next.totalBytes,
    }),
    last_sequence: commit.sequence,
    last_ingest_time: Number(commit.ingest_time),
    snapshot_id: commit.current_snapshot_id,
    ...(definition && {
      columns: JSON.stringify(definition.schema),
      day_column: definition.dayColumn ?? null,
      cluster_by: JSON.stringify(definition.clusterBy),
    }),
  })
  if (expired) {
    await markLakeSnapshotsExpired(tx, tableId, expired.snapshotIds)
    await deleteLakePinsOf(tx, tableId, expired.snapshotIds)
    if (expired.files.length > 0) {
      await insertLakeRemoval(tx, {
        id: writeId,
        table_id: tableId,
        dataset_id: row.dataset_id,
        names: JSON.stringify(expired.files),
        created_at: clock.now(),
      })
    }
  }
  return commit
}

/** The lock waits for a COMMIT that may still be under way; then the record of the write is there, or never will be. */
async function askOutcome(
  { metadata }: LakeContext,
  { tableId, batchId, writeId }: CommitRequest,
  error: unknown,
): Promise<CommitOutcome> {
  let row: LakeCommitRow | undefined
  try {
    row = await metadata.transaction(async (tx) => {
      await lockLakeTable(tx, tableId)
      return (
        (await selectLakeCommitOfWrite(tx, tableId, writeId)) ??
        (batchId && (await selectLakeCommitOfBatch(tx, tableId, batchId)))
      )
    })
  } catch {
    return { kind: 'unknown', error } // The first failure says more.
  }
  if (!row) throw error
  return { kind: 'committed', commit: row, isNew: row.write_id === writeId }
}
