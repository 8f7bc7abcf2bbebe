import { type ColumnType, type Generated, type Insertable, type Selectable, sql } from 'kysely'
import type { BatchId, DatasetId, SandboxId, SnapshotId, TableId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'
import { preparedStatement } from './prepared.ts'

export interface LakeTables {
  lake_tables: {
    id: TableId
    dataset_id: DatasetId
    sandbox_id: SandboxId
    /** As declared: files hold wider integers. */
    columns: ColumnType<unknown, string, string>
    day_column: string | null
    cluster_by: ColumnType<string[], string, string>
    /** Below the table's folder. */
    metadata_file: string
    /** Of that file; tables of older versions have none until their next commit. */
    metadata_sha256: Generated<string | null>
    last_sequence: Generated<number>
    last_ingest_time: BigInteger
    snapshot_id: SnapshotId | null
    /** Of its files, where its last commit said it. */
    total_bytes: ColumnType<string | null, number | null | undefined, number | null>
    created_at: Date
  }
  lake_commits: {
    table_id: TableId
    sequence: number
    batch_id: BatchId | null
    /** The write that made it; commits of older versions have none. */
    write_id: string | null
    operation: 'append' | 'replace' | 'overwrite' | 'delete' | 'alter' | 'expire'
    /** The snapshot it made, if it made one. */
    snapshot_id: SnapshotId | null
    /** The snapshot is not there any more. */
    is_expired: Generated<boolean>
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
  lake_removals: {
    id: string
    table_id: TableId
    dataset_id: DatasetId
    /** Below the table's folder. */
    names: ColumnType<string[], string, never>
    created_at: Date
  }
}

// JSON is parsed when read and text when written, because the driver would write an array as a PostgreSQL one.

/** PostgreSQL's `bigint`, which the driver gives as text. */
type BigInteger = ColumnType<string, number | undefined, number>

export type LakeTableRow = Selectable<LakeTables['lake_tables']>
export type LakeCommitRow = Selectable<LakeTables['lake_commits']>
export type LakeRemovalRow = Selectable<LakeTables['lake_removals']>
export type LakeWriteRow = Selectable<LakeTables['lake_writes']>

export async function insertLakeTable(
  tx: Transaction,
  row: Insertable<LakeTables['lake_tables']>,
): Promise<void> {
  await tx.insertInto('lake_tables').values(row).execute()
}

const tableOf = preparedStatement<LakeTableRow>(`
  select id, dataset_id, sandbox_id, columns, day_column, cluster_by, metadata_file, metadata_sha256, last_sequence,
    last_ingest_time, snapshot_id, total_bytes, created_at
  from lake_tables where id = $1`)

export async function selectLakeTable(db: Db, tableId: TableId): Promise<LakeTableRow | undefined> {
  const [row] = await tableOf(db, [tableId])
  return row
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
    readonly metadata_file?: string
    readonly metadata_sha256?: string
    readonly total_bytes?: number | null
    readonly last_sequence: number
    readonly last_ingest_time: number
    readonly snapshot_id: SnapshotId | null
    readonly columns?: string
    readonly day_column?: string | null
    readonly cluster_by?: string
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

export async function selectLakeCommitOfWrite(
  db: Db,
  tableId: TableId,
  writeId: string,
): Promise<LakeCommitRow | undefined> {
  return await db
    .selectFrom('lake_commits')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('write_id', '=', writeId)
    .executeTakeFirst()
}

/** When the newest commit up to the sequence came in, in epoch milliseconds; 0 before the first. */
export async function selectLakeIngestTime(db: Db, tableId: TableId, sequence: number): Promise<number> {
  const row = await db
    .selectFrom('lake_commits')
    .select('ingest_time')
    .where('table_id', '=', tableId)
    .where('sequence', '<=', sequence)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return Number(row?.ingest_time ?? 0)
}

/** Snapshots that commits after the sequence made, whether they are there still or not. */
export async function selectLakeSnapshotIdsAfter(
  db: Db,
  tableId: TableId,
  sequence: number,
): Promise<SnapshotId[]> {
  const rows = await db
    .selectFrom('lake_commits')
    .select('snapshot_id')
    .where('table_id', '=', tableId)
    .where('sequence', '>', sequence)
    .where('snapshot_id', 'is not', null)
    .execute()
  return rows.flatMap((row) => row.snapshot_id ?? [])
}

/** The commit that made the snapshot, as long as the snapshot is there. */
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
    .where('is_expired', '=', false)
    .executeTakeFirst()
}

export async function markLakeSnapshotsExpired(
  tx: Transaction,
  tableId: TableId,
  snapshotIds: readonly SnapshotId[],
): Promise<void> {
  if (snapshotIds.length === 0) return
  await tx
    .updateTable('lake_commits')
    .set({ is_expired: true })
    .where('table_id', '=', tableId)
    .where('snapshot_id', 'in', snapshotIds)
    .execute()
}

const newestCommitOf = preparedStatement<LakeCommitRow>(`
  select table_id, sequence, batch_id, write_id, operation, snapshot_id, is_expired, current_snapshot_id, added_rows,
    added_files, added_bytes, total_rows, ingest_time, committed_at
  from lake_commits where table_id = $1 and snapshot_id is not null
  order by sequence desc limit 1`)

/** The newest commit that made a snapshot. */
export async function selectNewestLakeCommit(db: Db, tableId: TableId): Promise<LakeCommitRow | undefined> {
  const [row] = await newestCommitOf(db, [tableId])
  return row
}

/** Ingest times by the snapshots that commits made, whether they are there still or not. */
export async function selectLakeSnapshotTimes(
  db: Db,
  tableId: TableId,
): Promise<ReadonlyMap<string, number>> {
  const rows = await db
    .selectFrom('lake_commits')
    .select(['snapshot_id', 'ingest_time'])
    .where('table_id', '=', tableId)
    .where('snapshot_id', 'is not', null)
    .execute()
  return new Map(rows.map((row) => [String(row.snapshot_id), Number(row.ingest_time)]))
}

/** The first commit that made a snapshot, whether that is there still or not. */
export async function selectFirstLakeCommit(db: Db, tableId: TableId): Promise<LakeCommitRow | undefined> {
  return await db
    .selectFrom('lake_commits')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('snapshot_id', 'is not', null)
    .orderBy('sequence')
    .limit(1)
    .executeTakeFirst()
}

/** Those whose snapshot is there, oldest first, with sequences in (after, upTo]. */
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
    .where('is_expired', '=', false)
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

/** Pins of a table that hold at the time. */
export async function selectLakePins(
  db: Db,
  tableId: TableId,
  at: Date,
): Promise<Selectable<LakeTables['lake_pins']>[]> {
  return await db
    .selectFrom('lake_pins')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('until', '>', at)
    .orderBy('owner')
    .execute()
}

/** Pins that nobody released and whose time is over. */
export async function deleteOldLakePins(db: Db, at: Date): Promise<void> {
  await db.deleteFrom('lake_pins').where('until', '<=', at).execute()
}

/** Pins of snapshots that are not there any more hold nothing. */
export async function deleteLakePinsOf(
  tx: Transaction,
  tableId: TableId,
  snapshotIds: readonly SnapshotId[],
): Promise<void> {
  if (snapshotIds.length === 0) return
  await tx
    .deleteFrom('lake_pins')
    .where('table_id', '=', tableId)
    .where('snapshot_id', 'in', snapshotIds)
    .execute()
}

export async function insertLakeRemoval(
  tx: Transaction,
  row: Insertable<LakeTables['lake_removals']>,
): Promise<void> {
  await tx.insertInto('lake_removals').values(row).execute()
}

export async function selectLakeRemoval(db: Db, id: string): Promise<LakeRemovalRow | undefined> {
  return await db.selectFrom('lake_removals').selectAll().where('id', '=', id).executeTakeFirst()
}

export async function selectLakeRemovals(
  db: Db,
  options: { readonly before: Date; readonly limit: number },
): Promise<LakeRemovalRow[]> {
  return await db
    .selectFrom('lake_removals')
    .selectAll()
    .where('created_at', '<=', options.before)
    .orderBy('created_at')
    .orderBy('id')
    .limit(options.limit)
    .execute()
}

export async function deleteLakeRemoval(db: Db, id: string): Promise<void> {
  await db.deleteFrom('lake_removals').where('id', '=', id).execute()
}

/** Every table whose dataset is not deleted, oldest first: what maintenance goes through. */
export async function selectLakeTableIds(db: Db): Promise<TableId[]> {
  const { rows } = await sql<{ id: TableId }>`
    select id from lake_tables where not exists (
      select 1 from datasets where datasets.table_id = lake_tables.id and datasets.deleted_at is not null)
    order by created_at, id`.execute(db)
  return rows.map((row) => row.id)
}

/** That its dataset was deleted before the time, nobody pins it and nobody writes to it. */
const isForgettable = ({ before, now }: { readonly before: Date; readonly now: Date }) => sql<boolean>`
  exists (select 1 from datasets
    where datasets.table_id = lake_tables.id and datasets.deleted_at <= ${before})
  and not exists (select 1 from lake_pins where lake_pins.table_id = lake_tables.id and until > ${now})
  and not exists (select 1 from lake_writes where lake_writes.table_id = lake_tables.id)`

/** Tables nobody needs any more, oldest first. */
export async function selectDroppedTables(
  db: Db,
  options: { readonly before: Date; readonly now: Date; readonly limit: number },
): Promise<readonly { readonly id: TableId; readonly datasetId: DatasetId }[]> {
  const { rows } = await sql<{ id: TableId; dataset_id: DatasetId }>`
    select id, dataset_id from lake_tables where ${isForgettable(options)}
    order by created_at, id limit ${options.limit}`.execute(db)
  return rows.map((row) => ({ id: row.id, datasetId: row.dataset_id }))
}

/** Forgets a table with its history, when nobody has come to need it meanwhile: whether it did. */
export async function dropLakeTable(
  tx: Transaction,
  options: { readonly tableId: TableId; readonly before: Date; readonly now: Date },
): Promise<boolean> {
  if (!(await lockLakeTable(tx, options.tableId))) return false
  const { numAffectedRows } = await sql`
    delete from lake_tables where id = ${options.tableId} and ${isForgettable(options)}`.execute(tx)
  return numAffectedRows === 1n
}

/** Ids of the writes of a table that are under way. */
export async function selectLakeWriteIds(db: Db, tableId: TableId): Promise<string[]> {
  const rows = await db.selectFrom('lake_writes').select('id').where('table_id', '=', tableId).execute()
  return rows.map((row) => row.id)
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

/** Until the end of the transaction no commit moves any table's pointer. */
export async function lockLakeTables(tx: Transaction): Promise<void> {
  await tx.selectFrom('lake_tables').select('id').orderBy('id').forShare().execute()
}

/** Pins every snapshot there is; an owner of its own for each, because an owner pins one snapshot of a table. */
export async function putBackupPins(
  tx: Transaction,
  { owner, until }: { readonly owner: string; readonly until: Date },
): Promise<number> {
  const pinned = await sql`insert into lake_pins (owner, table_id, snapshot_id, until)
    select ${owner} || ' ' || snapshot_id, table_id, snapshot_id, ${until} from lake_commits
    where snapshot_id is not null and not is_expired
    on conflict (owner, table_id) do update set until = excluded.until`.execute(tx)
  return Number(pinned.numAffectedRows)
}

/** Fewer than were put when rows of a pinned snapshot were deleted for good. */
export async function countBackupPins(db: Db, owner: string): Promise<number> {
  const { count } = await db
    .selectFrom('lake_pins')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('owner', 'like', `${owner} %`)
    .executeTakeFirstOrThrow()
  return Number(count)
}

export async function extendBackupPins(db: Db, owner: string, until: Date): Promise<void> {
  await db.updateTable('lake_pins').set({ until }).where('owner', 'like', `${owner} %`).execute()
}

export async function deleteBackupPins(db: Db, owner: string): Promise<void> {
  await db.deleteFrom('lake_pins').where('owner', 'like', `${owner} %`).execute()
}
