import { type Insertable, type Selectable, sql } from 'kysely'
import type { BatchId, DatasetId, SandboxId } from '#base/ids.ts'
import { type BatchRowState, type DatasetTables, doorTag, rowlessStates } from './datasets.ts'
import type { Db, Transaction } from './metadata.ts'

export type BatchRow = Selectable<DatasetTables['batches']>
export type BatchFileRow = Selectable<DatasetTables['batch_files']>

export async function insertBatch(db: Db, row: Insertable<DatasetTables['batches']>): Promise<void> {
  await db.insertInto('batches').values(row).execute()
}

/** The batch of that name of the client's: this one, or the one that has it and may have rows yet. */
export async function insertNamedBatch(
  db: Db,
  row: Insertable<DatasetTables['batches']> & { readonly external_id: string },
): Promise<BatchRow> {
  for (;;) {
    const made = await db
      .insertInto('batches')
      .values(row)
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst()
    if (made) return made
    const there = await selectNamedBatch(db, row.dataset_id, row.external_id)
    // Undefined: it ended just now, and the name is free again.
    if (there) return there
  }
}

/** The one that has a name of its client's, and may have rows yet. */
export async function selectNamedBatch(
  db: Db,
  datasetId: DatasetId,
  externalId: string,
): Promise<BatchRow | undefined> {
  return await db
    .selectFrom('batches')
    .selectAll()
    .where('dataset_id', '=', datasetId)
    .where('external_id', '=', externalId)
    .where('state', 'not in', rowlessStates)
    .executeTakeFirst()
}

/** For a batch that exists only once its rows do; a second time nothing changes. */
export async function insertBatchOnce(db: Db, row: Insertable<DatasetTables['batches']>): Promise<void> {
  await db
    .insertInto('batches')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute()
}

export async function selectBatch(
  db: Db,
  sandboxId: SandboxId,
  batchId: BatchId,
): Promise<BatchRow | undefined> {
  return await db
    .selectFrom('batches')
    .selectAll()
    .where('id', '=', batchId)
    .where('sandbox_id', '=', sandboxId)
    .executeTakeFirst()
}

export interface BatchFigures {
  /** Of what was uploaded; 0 once that is forgotten. */
  readonly inputBytes: number
  readonly inputFileCount: number
  /** Data files that came into the table. */
  readonly outputFileCount: number
}

export async function selectBatchFigures(
  db: Db,
  batchIds: readonly BatchId[],
): Promise<Map<BatchId, BatchFigures>> {
  if (batchIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('batches')
    .leftJoin('datasets', 'datasets.id', 'batches.dataset_id')
    .leftJoin('lake_commits', (join) =>
      join
        .onRef('lake_commits.table_id', '=', 'datasets.table_id')
        .onRef('lake_commits.batch_id', '=', 'batches.id'),
    )
    .select(['batches.id', 'added_files'])
    .select((query) => [
      query
        .selectFrom('batch_files')
        .select(sql<string>`coalesce(sum(bytes), 0)`.as('bytes'))
        .whereRef('batch_id', '=', 'batches.id')
        .as('input_bytes'),
      query
        .selectFrom('batch_files')
        .select(sql<string>`count(*)`.as('files'))
        .whereRef('batch_id', '=', 'batches.id')
        .as('input_files'),
    ])
    .where('batches.id', 'in', batchIds)
    .execute()
  return new Map(
    rows.map((row) => [
      row.id,
      {
        inputBytes: Number(row.input_bytes),
        inputFileCount: Number(row.input_files),
        outputFileCount: row.added_files ?? 0,
      },
    ]),
  )
}

/** Locks the row: whoever changes the state next waits for this transaction. */
export async function lockBatch(
  tx: Transaction,
  sandboxId: SandboxId,
  batchId: BatchId,
): Promise<BatchRow | undefined> {
  return await tx
    .selectFrom('batches')
    .selectAll()
    .where('id', '=', batchId)
    .where('sandbox_id', '=', sandboxId)
    .forUpdate()
    .executeTakeFirst()
}

/** By id; unknown ones, and those of deleted datasets, are left out. */
export async function selectBatchStates(
  db: Db,
  batchIds: readonly BatchId[],
): Promise<Map<BatchId, Pick<BatchRow, 'state' | 'updated_at'>>> {
  const rows =
    batchIds.length === 0
      ? []
      : await db
          .selectFrom('batches')
          .innerJoin('datasets', 'datasets.id', 'batches.dataset_id')
          .select(['batches.id', 'batches.state', 'batches.updated_at'])
          .where('batches.id', 'in', batchIds)
          .where('datasets.deleted_at', 'is', null)
          .execute()
  return new Map(rows.map((row) => [row.id, row]))
}

/** Whether rows were ever stored or sent; a statement that stores none makes a batch, too. */
export async function hasBatches(db: Db, datasetId: DatasetId): Promise<boolean> {
  const row = await db
    .selectFrom('batches')
    .select('id')
    .where('dataset_id', '=', datasetId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Which nodes keep something of batches of a dataset. */
export async function selectNodesOfBatches(db: Db, datasetId: DatasetId): Promise<string[]> {
  const rows = await db
    .selectFrom('batches')
    .select('node_id')
    .distinct()
    .where('dataset_id', '=', datasetId)
    .where('node_id', 'is not', null)
    .execute()
  return rows.flatMap(({ node_id: nodeId }) => nodeId ?? [])
}

export async function selectBatchIdsAt(
  db: Db,
  { datasetId, nodeId }: { readonly datasetId: DatasetId; readonly nodeId: string },
): Promise<BatchId[]> {
  const rows = await db
    .selectFrom('batches')
    .select('id')
    .where('dataset_id', '=', datasetId)
    .where('node_id', '=', nodeId)
    .execute()
  return rows.map(({ id }) => id)
}

export interface BatchFilter {
  readonly datasetId?: DatasetId
  /** Any of them. */
  readonly states?: readonly BatchRowState[]
  readonly createdAfter?: Date
  readonly createdBefore?: Date
  /** Absent: newest first. */
  readonly orderBy?: readonly {
    readonly column: 'created_at' | 'updated_at'
    readonly isDescending: boolean
  }[]
  readonly limit: number
  readonly start: number
}

export async function selectBatches(db: Db, sandboxId: SandboxId, filter: BatchFilter): Promise<BatchRow[]> {
  const { states, createdAfter, createdBefore } = filter
  if (states?.length === 0) return []
  let query = db.selectFrom('batches').selectAll().where('sandbox_id', '=', sandboxId)
  if (filter.datasetId !== undefined) query = query.where('dataset_id', '=', filter.datasetId)
  if (states !== undefined) query = query.where('state', 'in', states)
  if (createdAfter !== undefined) query = query.where('created_at', '>', createdAfter)
  if (createdBefore !== undefined) query = query.where('created_at', '<', createdBefore)
  const order = filter.orderBy ?? [{ column: 'created_at', isDescending: true }]
  for (const { column, isDescending } of order) query = query.orderBy(column, isDescending ? 'desc' : 'asc')
  return await query
    .orderBy('id', order[0]?.isDescending === true ? 'desc' : 'asc')
    .limit(filter.limit)
    .offset(filter.start)
    .execute()
}

export interface BatchChange {
  readonly state: BatchRowState
  readonly at: Date
  readonly isComplete?: boolean
  readonly recordCount?: number
  readonly failedRecordCount?: number
  readonly bytes?: number
  readonly errors?: readonly unknown[]
  /** All of them. */
  readonly tags?: object
}

export async function updateBatch(db: Db, batchId: BatchId, change: BatchChange): Promise<void> {
  await db
    .updateTable('batches')
    .set({
      state: change.state,
      updated_at: change.at,
      ...(change.state === 'processing' ? { started_at: sql`coalesce(started_at, ${change.at})` } : {}),
      ...(change.isComplete ? { completed_at: change.at } : {}),
      ...(change.recordCount === undefined ? {} : { record_count: change.recordCount }),
      ...(change.failedRecordCount === undefined ? {} : { failed_record_count: change.failedRecordCount }),
      ...(change.bytes === undefined ? {} : { bytes: change.bytes }),
      ...(change.errors === undefined ? {} : { errors: JSON.stringify(change.errors) }),
      ...(change.tags === undefined ? {} : { tags: JSON.stringify(change.tags) }),
    })
    .where('id', '=', batchId)
    .execute()
}

/** Of those that are loaded and brought rows which name them: rows of other engines name no batch. */
export async function selectLoadedBatchIds(db: Db, datasetId: DatasetId): Promise<BatchId[]> {
  const rows = await db
    .selectFrom('batches')
    .select('id')
    .where('dataset_id', '=', datasetId)
    .where('state', '=', 'success')
    .where('record_count', '>', '0')
    .where(sql<boolean>`tags -> ${doorTag}::text is null`)
    .execute()
  return rows.map(({ id }) => id)
}

/** Loaded ones whose rows are gone. */
export async function inactivateBatches(db: Db, batchIds: readonly BatchId[]): Promise<void> {
  if (batchIds.length === 0) return
  await db
    .updateTable('batches')
    .set({ state: 'inactive', updated_at: sql`now()` })
    .where('id', '=', sql<BatchId>`any(${batchIds})`)
    .where('state', '=', 'success')
    .execute()
}

/**
 * A number for a stored file that no other upload of the batch gets. The first node that asks is from then on the one that
 * has the files: `node_id` says which that is.
 */
export async function nextFileNumber(
  db: Db,
  batchId: BatchId,
  nodeId: string,
): Promise<{ readonly number: number; readonly nodeId: string }> {
  const row = await db
    .updateTable('batches')
    .set({
      updated_at: sql`now()`,
      files_begun: sql`files_begun + 1`,
      node_id: sql`coalesce(node_id, ${nodeId})`,
    })
    .where('id', '=', batchId)
    .returning(['files_begun', 'node_id'])
    .executeTakeFirstOrThrow()
  return { number: row.files_begun, nodeId: row.node_id ?? nodeId }
}

/** In the order of upload. */
export async function selectBatchFiles(db: Db, batchId: BatchId): Promise<BatchFileRow[]> {
  return await db
    .selectFrom('batch_files')
    .selectAll()
    .where('batch_id', '=', batchId)
    .orderBy('number')
    .execute()
}

/** Replaces the file of the same name; the number of the one replaced, if there was one. */
export async function putBatchFile(
  tx: Transaction,
  row: Insertable<DatasetTables['batch_files']>,
): Promise<number | undefined> {
  const old = await tx
    .deleteFrom('batch_files')
    .where('batch_id', '=', row.batch_id)
    .where('file_name', '=', row.file_name)
    .returning('number')
    .executeTakeFirst()
  await tx.insertInto('batch_files').values(row).execute()
  await tx
    .updateTable('batches')
    .set({
      bytes: sql`(select coalesce(sum(bytes), 0) from batch_files where batch_id = ${row.batch_id})`,
    })
    .where('id', '=', row.batch_id)
    .execute()
  return old?.number
}

/** Those that are not whole too, with their parts. */
export async function deleteBatchFiles(db: Db, batchId: BatchId): Promise<void> {
  await db.deleteFrom('batch_files').where('batch_id', '=', batchId).execute()
  await db.deleteFrom('batch_uploads').where('batch_id', '=', batchId).execute()
}

/**
 * Ends batches for which nothing came since a time: those whose files lie at a node, or that have none. Messages of a log
 * are not their clients' to complete: their batches are left out.
 * @param stream a tag of batches of messages
 */
export async function abandonBatches(
  db: Db,
  { nodeId, before, at, stream }: { nodeId: string; before: Date; at: Date; stream: string },
): Promise<BatchId[]> {
  const rows = await db
    .updateTable('batches')
    .set({ state: 'abandoned', updated_at: at, completed_at: at })
    .where('state', '=', 'loading')
    .where('updated_at', '<', before)
    .where(({ eb }) => eb.or([eb('node_id', '=', nodeId), eb('node_id', 'is', null)]))
    .where(sql<boolean>`(tags -> ${stream}) is null`)
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}

/** Of batches that were over before. */
export async function deleteOldBatchFiles(db: Db, before: Date): Promise<void> {
  await db
    .deleteFrom('batch_files')
    .where('batch_id', 'in', (query) =>
      query.selectFrom('batches').select('id').where('completed_at', '<', before),
    )
    .execute()
}

export type StagedFile = Pick<BatchFileRow, 'batch_id' | 'number'>

/** Files of batches whose rows are not in the lake yet, and parts of such files. */
export async function selectUnfinishedBatchFiles(db: Db): Promise<StagedFile[]> {
  return await db
    .selectFrom('batch_files')
    .select(['batch_id', 'number'])
    .unionAll(db.selectFrom('batch_parts').select(['batch_id', 'number']))
    .$call((all) =>
      db
        .selectFrom(all.as('files'))
        .innerJoin('batches', 'batches.id', 'files.batch_id')
        .select(['files.batch_id', 'files.number'])
        .where('batches.state', 'in', ['loading', 'queued', 'processing']),
    )
    .orderBy('batch_id')
    .orderBy('number')
    .execute()
}
