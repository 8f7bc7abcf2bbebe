import type { ColumnType, Generated, Insertable, Selectable } from 'kysely'
import type { BatchId, DatasetId, SandboxId, SnapshotId, TableId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface LakeTables {
  lake_tables: {
    id: TableId
    dataset_id: DatasetId
    sandbox_id: SandboxId
    /** As declared: files hold wider integers. */
    columns: Json
    day_column: string | null
    cluster_by: ColumnType<string[], string, never>
    /** Below the table's folder. */
    metadata_file: string
    last_sequence: Generated<number>
    last_ingest_time: BigInteger
    snapshot_id: SnapshotId | null
    created_at: Date
  }
  lake_commits: {
    table_id: TableId
    sequence: number
    batch_id: BatchId | null
    operation: 'append' | 'replace' | 'overwrite' | 'delete'
    /** The snapshot it made, if it made one. */
    snapshot_id: SnapshotId | null
    /** The table's after it. */
    current_snapshot_id: SnapshotId | null
    added_rows: BigInteger
    added_files: number
    added_bytes: BigInteger
    /** Of the table after it. */
    total_rows: BigInteger
    ingest_time: BigInteger
    committed_at: Date
  }
  lake_pins: {
    owner: string
    table_id: TableId
    snapshot_id: SnapshotId
    until: Date
  }
  lake_writes: {
    id: string
    table_id: TableId
    dataset_id: DatasetId
    incarnation: string
    state: 'open' | 'sweeping'
    touched_at: Date
  }
}

/** Parsed when read; text when written, because the driver would write an array as a PostgreSQL one. */
type Json = ColumnType<unknown, string, never>
/** PostgreSQL's `bigint`, which the driver gives as text. */
type BigInteger = ColumnType<string, number | undefined, number>

export type LakeTableRow = Selectable<LakeTables['lake_tables']>
export type LakeCommitRow = Selectable<LakeTables['lake_commits']>
export type LakeWriteRow = Selectable<LakeTables['lake_writes']>

export async function insertLakeTable(
  tx: Transaction,
  row: Insertable<LakeTables['lake_tables']>,
): Promise<void> {
  await tx.insertInto('lake_tables').values(row).execute()
}

export async function selectLakeTable(db: Db, tableId: TableId): Promise<LakeTableRow | undefined> {
  return await db.selectFrom('lake_tables').selectAll().where('id', '=', tableId).executeTakeFirst()
}

/** Commits of a table, and what needs them to stand still, follow one another. */
export async function lockLakeTable(
  tx: Transaction,
  tableId: TableId,
  strength: 'update' | 'share' = 'update',
): Promise<LakeTableRow | undefined> {
  const query = tx.selectFrom('lake_tables').selectAll().where('id', '=', tableId)
  return await (strength === 'update' ? query.forUpdate() : query.forShare()).executeTakeFirst()
}

export async function updateLakeTable(
  tx: Transaction,
  tableId: TableId,
  change: {
    readonly metadata_file: string
    readonly last_sequence: number
    readonly last_ingest_time: number
    readonly snapshot_id: SnapshotId | null
  },
): Promise<void> {
  await tx.updateTable('lake_tables').set(change).where('id', '=', tableId).execute()
}

export async function insertLakeCommit(
  tx: Transaction,
  row: Insertable<LakeTables['lake_commits']>,
): Promise<void> {
  await tx.insertInto('lake_commits').values(row).execute()
}

export async function selectLakeCommitOfBatch(
  db: Db,
  tableId: TableId,
  batchId: BatchId,
): Promise<LakeCommitRow | undefined> {
  return await db
    .selectFrom('lake_commits')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('batch_id', '=', batchId)
    .executeTakeFirst()
}

/** The commit that made the snapshot. */
export async function selectLakeCommitOfSnapshot(
  db: Db,
  tableId: TableId,
  snapshotId: SnapshotId,
): Promise<LakeCommitRow | undefined> {
  return await db
    .selectFrom('lake_commits')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('snapshot_id', '=', snapshotId)
    .executeTakeFirst()
}

/** The newest commit that made a snapshot. */
export async function selectNewestLakeCommit(db: Db, tableId: TableId): Promise<LakeCommitRow | undefined> {
  return await db
    .selectFrom('lake_commits')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('snapshot_id', 'is not', null)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** Those that made a snapshot, oldest first, with sequences in (after, upTo]. */
export async function selectLakeCommits(
  db: Db,
  tableId: TableId,
  range: { readonly after?: number; readonly upTo?: number } = {},
): Promise<LakeCommitRow[]> {
  let query = db
    .selectFrom('lake_commits')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('snapshot_id', 'is not', null)
  if (range.after !== undefined) query = query.where('sequence', '>', range.after)
  if (range.upTo !== undefined) query = query.where('sequence', '<=', range.upTo)
  return await query.orderBy('sequence').execute()
}

/** Same owner and table: replaced. */
export async function putLakePin(db: Db, row: Insertable<LakeTables['lake_pins']>): Promise<void> {
  await db
    .insertInto('lake_pins')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['owner', 'table_id']).doUpdateSet({ snapshot_id: row.snapshot_id, until: row.until }),
    )
    .execute()
}

export async function deleteLakePins(db: Db, owner: string): Promise<void> {
  await db.deleteFrom('lake_pins').where('owner', '=', owner).execute()
}

export async function insertLakeWrite(db: Db, row: Insertable<LakeTables['lake_writes']>): Promise<void> {
  await db.insertInto('lake_writes').values(row).execute()
}

/** Says that the writer is alive. */
export async function touchLakeWrite(db: Db, id: string, at: Date): Promise<void> {
  await db
    .updateTable('lake_writes')
    .set({ touched_at: at })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .execute()
}

/** False when a sweeper has taken the write. */
export async function deleteOpenLakeWrite(db: Db, id: string): Promise<boolean> {
  const result = await db
    .deleteFrom('lake_writes')
    .where('id', '=', id)
    .where('state', '=', 'open')
    .executeTakeFirst()
  return result.numDeletedRows === 1n
}

export async function deleteLakeWrite(db: Db, id: string): Promise<void> {
  await db.deleteFrom('lake_writes').where('id', '=', id).execute()
}

/** Writes whose writer was last heard of before the time: theirs is to be removed, they can no longer commit. */
export async function claimSilentLakeWrites(
  db: Db,
  options: { readonly before: Date; readonly except: readonly string[]; readonly limit: number },
): Promise<LakeWriteRow[]> {
  let silent = db.selectFrom('lake_writes').select('id').where('touched_at', '<', options.before)
  if (options.except.length > 0) silent = silent.where('id', 'not in', options.except)
  return await db
    .updateTable('lake_writes')
    .set({ state: 'sweeping' })
    // A row that is locked belongs to a commit under way.
    .where('id', 'in', silent.orderBy('touched_at').limit(options.limit).forUpdate().skipLocked())
    .returningAll()
    .execute()
}
