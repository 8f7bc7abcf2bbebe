import type { BatchId, DatasetId, PrincipalId, SandboxId, SnapshotId, TableId } from '#base/ids.ts'
import type { InTurn } from '#engine/engine.ts'
import type { SchemaChange } from './evolve-schema.ts'
import type { TableRequirement, TableUpdate } from './iceberg/table-update.ts'
import type { CompactionRule } from './plan-compaction.ts'
import type { ScanParts } from './scan-parts.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { CachedObject, FileLease } from '#objects/file-cache.ts'
import type { StructType } from '#types/data-type.ts'

/**
 * Apache Iceberg tables, one a dataset. The pointer to a table's metadata is a row in our database; files are
 * immutable. Every table has two system columns after the user's: `_acp_system_metadata` (struct) and `_ACP_BATCHID`.
 */
export interface Lake {
  /** The table's first metadata. Runs in the caller's transaction, so that dataset and table appear together. */
  create(tx: Transaction, table: NewTable): Promise<LakeTable>

  /**
   * Gives a table what a newer schema has and it has not, at any depth and at the end of its structs, in the caller's
   * transaction; what the table has stays. Rows written before have NULL there. The table is locked until the
   * transaction ends: a dataset that is locked, too, is locked before its table.
   * @returns the user's columns from now on
   * @throws AppError 'schema.invalid'
   */
  addColumns(
    tx: Transaction,
    change: { readonly tableId: TableId; readonly schema: StructType },
  ): Promise<StructType>

  /** @throws AppError 'dataset.unknown' */
  table(tableId: TableId): Promise<LakeTable>

  /**
   * Writes the rows a statement returns and makes them visible in one transaction: pointer, commit sequence, batch →
   * commit, and whatever `within` writes. Repeating a batch that is committed changes nothing and returns what was.
   * Two appends race: one commits, the other retries on the new metadata. Ingest times of a table rise with its
   * commit sequence, never equal, so that "everything after ingest time t" never misses a late commit.
   */
  append(request: AppendRequest): Promise<AppendResult>

  /** Puts a statement's rows in the place of others, in one commit and as one batch; as `append` in all else. */
  overwrite(request: OverwriteRequest): Promise<AppendResult>

  /**
   * Takes rows out for good: the files that hold them are rewritten, every snapshot that holds them goes, pinned or
   * not, and so do the files. Done again it does nothing. @throws AppError 'lake.conflict'
   */
  deleteRows(request: DeleteRequest): Promise<DeleteResult>

  /** Adds, renames or widens columns at any depth; all in one commit. @throws AppError 'schema.invalid' */
  evolve(request: EvolveRequest): Promise<EvolveResult>

  /**
   * A commit as Iceberg's REST catalogue takes it, made by another engine that has written its files into the table's
   * folder. @throws AppError 'lake.conflict' for requirements that do not hold, 'request.invalid', 'schema.invalid'
   */
  commit(request: ExternalCommit): Promise<LakeTable>

  /**
   * A table that another engine fills before it exists: it writes files below the location, then commits. Nothing sees
   * it until then, and after a while without a commit it is forgotten and its files are removed.
   * @returns Iceberg's metadata of the table to be
   */
  stage(table: TableToStage): Promise<{ readonly json: string }>

  /**
   * The table of an engine that staged it and asks for its first commit. What is made of it in the same transaction is
   * the table with the engine's rows. @throws AppError 'request.invalid' for what was not staged, and as `commit`
   */
  openStaged(tx: Transaction, commit: FirstCommit): Promise<OpenStagedTable>

  /** Whether the table is the one that such a first commit would make: it was asked for before. */
  isMade(tableId: TableId, commit: Pick<FirstCommit, 'updates'>): Promise<boolean>

  /** The table's metadata as it is, and where it stands; for other engines. */
  metadata(tableId: TableId): Promise<{ readonly location: string; readonly json: string }>

  /** Rewrites small files of each day as few. Same rows. */
  compact(request: CompactRequest): Promise<CompactResult>

  /** Rewrites many manifests as several, sorted by day. Same files. */
  mergeManifests(request: MergeManifestsRequest): Promise<MergeManifestsResult>

  /** Lets go of old snapshots that nobody pins, and of files only they had. */
  expire(request: ExpireRequest): Promise<ExpireResult>

  /** Every table whose dataset is not deleted, oldest first. */
  tableIds(): Promise<readonly TableId[]>

  /** The result of a committed batch, if it is one of this table. */
  committedBatch(tableId: TableId, batchId: BatchId): Promise<AppendResult | undefined>

  /** The files that hold the rows of a batch and no others; undefined: there are none such any more. */
  filesOfBatch(tableId: TableId, batchId: BatchId): Promise<readonly CachedObject[] | undefined>

  /** Batches of which the newest snapshot has rows. */
  batchesWithRows(tableId: TableId, options: { readonly signal: AbortSignal }): Promise<ReadonlySet<string>>

  /** The newest snapshot, or the one named; undefined when the table has none yet. @throws AppError 'source.removed' */
  snapshot(tableId: TableId, snapshotId?: SnapshotId): Promise<Snapshot | undefined>

  /** The snapshot that was the newest at a time; undefined when there was none. @throws AppError 'source.removed' */
  snapshotAt(tableId: TableId, at: Date): Promise<Snapshot | undefined>

  /**
   * What to read for all rows of a snapshot, or of the commits in (afterSequence, snapshot], that may match the
   * predicates. An absent snapshot is an empty table.
   */
  plan(request: PlanRequest): Promise<ScanPlan>

  /**
   * Has the files of plans where the plans' SQL reads them, until the lease is disposed of. A statement takes the files
   * of all its plans with one lease, and waits for nothing that needs another while it has it: two that wait for each
   * other would for ever.
   * @throws AppError 'lake.corrupt' when one is missing or has another size, 'query.scan_too_large', 'store.…'
   */
  lease(files: readonly CachedObject[], options: { readonly signal: AbortSignal }): Promise<FileLease>

  /**
   * The bytes of a file from `start` up to and without `end`, from where it is: for who reads as slowly as he likes.
   * @throws AppError 'object.missing', 'lake.corrupt' when the file ends before, 'store.…'
   */
  readRange(
    file: CachedObject,
    range: { readonly start: number; readonly end: number; readonly signal: AbortSignal },
  ): Promise<Buffer>

  /** Keeps a snapshot's files from expiry until released or past its time. Same owner and table: replaced. */
  pin(tx: Transaction, pin: Pin): Promise<void>
  releasePins(tx: Transaction, owner: string): Promise<void>

  /** Removes files that never became, or are no longer, part of a table and whose writer or remover is gone. */
  sweep(options: { readonly signal: AbortSignal }): Promise<{ readonly filesRemoved: number }>

  /** Forgets tables whose datasets were deleted before the time, with all of their files, unless somebody pins them. */
  removeDropped(options: {
    readonly before: Date
    readonly signal: AbortSignal
  }): Promise<{ readonly filesRemoved: number }>

  /** Removes old files of a table's folder that nothing knows, whoever left them. */
  removeOrphans(options: {
    readonly tableId: TableId
    readonly ageMs?: number
    readonly signal: AbortSignal
  }): Promise<{ readonly filesRemoved: number }>

  /** Past commits whose snapshot is there, oldest first. */
  commits(tableId: TableId): Promise<readonly Commit[]>
}

export interface NewTable {
  readonly datasetId: DatasetId
  readonly sandboxId: SandboxId
  /** The user's columns. */
  readonly schema: StructType
  /** A top-level timestamp column to partition by day, hidden; absent: unpartitioned. */
  readonly dayColumn?: string
  /** SQL paths of columns that rows are clustered by inside a file (person, then time), in Spark syntax. */
  readonly clusterBy?: readonly string[]
  /** Of the Iceberg table, beside ours. @throws AppError 'request.invalid' for those that we cannot keep to */
  readonly properties?: Readonly<Record<string, string>>
}

export interface TableToStage extends Pick<NewTable, 'sandboxId' | 'schema' | 'dayColumn' | 'properties'> {
  readonly principalId: PrincipalId
  /** What the table will be called. */
  readonly name: string
}

export interface FirstCommit {
  readonly sandboxId: SandboxId
  readonly principalId: PrincipalId
  readonly name: string
  readonly updates: readonly TableUpdate[]
}

export interface OpenStagedTable {
  readonly datasetId: DatasetId
  readonly schema: StructType
  readonly dayColumn: string | undefined
  readonly appended: { readonly rowCount: number; readonly bytes: number }
  /** As `Lake.create`, for this table. */
  create(tx: Transaction, table: NewTable): Promise<LakeTable>
}

export interface LakeTable {
  readonly id: TableId
  readonly datasetId: DatasetId
  /** The user's columns, as declared. */
  readonly schema: StructType
  readonly systemColumns: StructType
  /** `file:///…` or `s3://…` */
  readonly location: string
  readonly dayColumn: string | undefined
}

export interface AppendRequest {
  readonly tableId: TableId
  readonly batchId: BatchId
  /**
   * What the statement's columns are, in order (casts are the caller's). The table may have gained others meanwhile,
   * at any depth: those are NULL. Absent: the table's user columns as they are.
   */
  readonly columns?: StructType
  /** The engine statement that gives them. */
  readonly source: RowSource
  /**
   * Runs first in the commit's transaction, before the table is locked, perhaps several times: for locks alone. A
   * dataset is locked before its table.
   */
  readonly first?: (tx: Transaction) => Promise<void>
  /** Runs in the commit's transaction, after the pointer moved; throwing there undoes the commit. */
  readonly within?: (tx: Transaction, result: AppendResult) => Promise<void>
  readonly onProgress?: (progress: { readonly rowCount: number }) => void
  readonly signal: AbortSignal
}

export interface RowSource {
  readonly sql: string
  /** Absolute paths of what it reads besides. */
  readonly files: readonly string[]
  /** Files of plans that it reads: leased when it runs, and by none but the lake. */
  readonly lakeFiles?: readonly CachedObject[]
  readonly pool: 'interactive' | 'batch'
  /** Lets it run when there is a place for it. What holds a place waits for no files. */
  readonly inTurn?: InTurn
}

/** Rows, by a condition in the engine's dialect over all columns of the table, the system columns included. */
export interface RowCondition {
  readonly sql: string
  /** What it implies, to skip files. */
  readonly predicates?: readonly Predicate[]
}

export interface OverwriteRequest extends AppendRequest {
  readonly replaces: 'all' | RowCondition
}

export interface DeleteRequest {
  readonly tableId: TableId
  readonly condition: RowCondition
  /** Runs in the commit's transaction; what is told to be removed is removed right after it. */
  readonly within?: (tx: Transaction, result: DeleteResult) => Promise<void>
  readonly signal: AbortSignal
}

export interface DeleteResult {
  /** Of the newest snapshot. */
  readonly rowsRemoved: number
  /** Rows of the same files, which are in other files now. */
  readonly rowsKept: number
  readonly filesRewritten: number
  /** Of rows and of metadata, those of older snapshots included. */
  readonly filesRemoved: number
  /** Nothing can be read at them any more: what was delivered from them cannot be made again. */
  readonly snapshotsRemoved: readonly SnapshotId[]
  /** Who had pinned them. */
  readonly pinsBroken: readonly string[]
}

export interface EvolveRequest {
  readonly tableId: TableId
  readonly changes: readonly SchemaChange[]
  /** As of an append. */
  readonly first?: AppendRequest['first']
  /** Runs in the commit's transaction. */
  readonly within?: (tx: Transaction, result: EvolveResult) => Promise<void>
  readonly signal: AbortSignal
}

export interface EvolveResult {
  /** The user's columns from now on. */
  readonly schema: StructType
}

export interface ExternalCommit {
  readonly tableId: TableId
  readonly requirements: readonly TableRequirement[]
  readonly updates: readonly TableUpdate[]
  /** As of an append. */
  readonly first?: AppendRequest['first']
  /** Runs in the commit's transaction. `appended`: rows that are new, without those written again. */
  readonly within?: (
    tx: Transaction,
    table: LakeTable,
    appended: { readonly rowCount: number; readonly bytes: number },
  ) => Promise<void>
  readonly signal: AbortSignal
}

export interface CompactRequest {
  readonly tableId: TableId
  readonly rule?: Partial<CompactionRule>
  readonly onProgress?: (result: CompactResult) => void | Promise<void>
  readonly signal: AbortSignal
}

export interface CompactResult {
  /** Days, or parts of large ones, that were to be rewritten. */
  readonly groups: number
  /** Those of them that somebody else changed meanwhile. */
  readonly conflicts: number
  readonly filesBefore: number
  readonly filesAfter: number
  readonly rowCount: number
  /** Of the files before. */
  readonly bytesRewritten: number
}

export interface MergeManifestsRequest {
  readonly tableId: TableId
  /** Nothing is done up to so many manifests. */
  readonly manifestsMax?: number
  readonly manifestFilesMax?: number
  readonly signal: AbortSignal
}

export interface MergeManifestsResult {
  readonly manifestsBefore: number
  readonly manifestsAfter: number
}

export interface ExpireRequest {
  readonly tableId: TableId
  readonly retentionMs: number
  readonly signal: AbortSignal
}

export interface ExpireResult {
  readonly snapshotsRemoved: number
  /** Of rows and of metadata. */
  readonly filesRemoved: number
}

export interface AppendResult {
  /** The snapshot after the commit; a batch without rows makes none and has the table's current one, if any. */
  readonly snapshotId: SnapshotId | undefined
  /** Position in the table's history of commits, from 1. */
  readonly commitSequence: number
  readonly rowCount: number
  readonly fileCount: number
  readonly bytes: number
  /** Epoch milliseconds, in every row's `_acp_system_metadata.ingestTime`. */
  readonly ingestTimeMs: number
  /** False when the batch had been committed before. */
  readonly isNew: boolean
}

export interface Snapshot {
  readonly snapshotId: SnapshotId
  readonly commitSequence: number
  readonly rowCount: number
  readonly committedAt: Date
}

export interface Commit extends Snapshot {
  /** `replace`: other files, the same rows. */
  readonly operation: 'append' | 'replace' | 'overwrite' | 'delete' | 'alter' | 'expire'
  readonly batchId: BatchId | undefined
  /** Rows this commit added. */
  readonly addedRowCount: number
}

export interface PlanRequest {
  readonly tableId: TableId
  readonly snapshotId: SnapshotId | undefined
  /** Only rows of commits after this sequence (an increment). */
  readonly afterSequence?: number
  /** All must hold; used to skip files, never to filter rows. */
  readonly predicates?: readonly Predicate[]
  /** User columns to read, by name; absent: all. System columns are added when asked. */
  readonly columns?: readonly string[]
  readonly withSystemColumns?: boolean
  readonly signal?: AbortSignal
}

/** `column op value` on a top-level column; value as the binder folds it: text for dates and timestamps (UTC ISO). */
export interface Predicate {
  readonly column: string
  readonly operator: '=' | '<' | '<=' | '>' | '>='
  readonly value: string | number | bigint | boolean
}

export interface ScanPlan {
  /** A parenthesised engine query giving the columns asked for, in schema order, system columns last. */
  readonly sql: string
  /** The same rows with all columns, which every plan of them has in common. */
  wholeSql(): string
  /** As `sql`, for engines that are told files and field ids. */
  readonly parts: ScanParts
  /** Exactly what the statement may read, once they are leased. */
  readonly files: readonly CachedObject[]
  /** Sum of the files' record counts: an upper bound of rows, exact without predicates. */
  readonly rowCount: number
  readonly bytes: number
  readonly filesSkipped: number
}

export interface Pin {
  readonly tableId: TableId
  readonly snapshotId: SnapshotId
  /** Whoever releases it: `run:<id>`. */
  readonly owner: string
  readonly until: Date
}
