import { type Insertable, type Selectable, sql } from 'kysely'
import type { BatchId, DatasetId, PrincipalId, SandboxId } from '#base/ids.ts'
import { rowlessStates } from './datasets.ts'
import type { Db, Transaction } from './metadata.ts'

export interface StreamingTables {
  inlets: {
    /** Of the connection. */
    id: string
    inlet_id: string
    sandbox_id: SandboxId
    name: string
    description: string
    source_id: string
    requires_authentication: boolean
    created_at: Date
    created_by: PrincipalId
  }
  /** Which `_id`s came with messages lately, and with which batch. */
  stream_keys: {
    dataset_id: DatasetId
    /** UUID: half a hash of the `_id`. */
    key: string
    batch_id: BatchId
    seen_at: Date
  }
}

export type InletRow = Selectable<StreamingTables['inlets']>

/** False when the sandbox has one with the source id. */
export async function insertInlet(db: Db, row: Insertable<StreamingTables['inlets']>): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('inlets')
    .values(row)
    .onConflict((conflict) => conflict.columns(['sandbox_id', 'source_id']).doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}

/** By what messages are sent to, in whatever sandbox. */
export async function selectInletBySecret(db: Db, inletId: string): Promise<InletRow | undefined> {
  return await db.selectFrom('inlets').selectAll().where('inlet_id', '=', inletId).executeTakeFirst()
}

export async function selectInlet(db: Db, sandboxId: SandboxId, id: string): Promise<InletRow | undefined> {
  return await db
    .selectFrom('inlets')
    .selectAll()
    .where('id', '=', id)
    .where('sandbox_id', '=', sandboxId)
    .executeTakeFirst()
}

/** Newest first. */
export async function selectInlets(db: Db, sandboxId: SandboxId, limit: number): Promise<InletRow[]> {
  return await db
    .selectFrom('inlets')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function deleteInlet(tx: Transaction, sandboxId: SandboxId, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('inlets')
    .where('id', '=', id)
    .where('sandbox_id', '=', sandboxId)
    .executeTakeFirst()
  return numDeletedRows === 1n
}

/**
 * Takes keys for a batch; those that another batch took within the window stay with it, unless its rows are not in the
 * dataset: it failed, was given up or taken back. The time is the database's, one for all nodes.
 * @returns the keys that are the batch's now
 */
export async function claimStreamKeys(
  tx: Transaction,
  claim: {
    readonly datasetId: DatasetId
    readonly batchId: BatchId
    readonly keys: ReadonlySet<string>
    readonly windowMs: number
  },
): Promise<ReadonlySet<string>> {
  const { datasetId, batchId, windowMs } = claim
  // In one order for all: two nodes with the same keys wait for one another, never both.
  const keys = [...claim.keys].toSorted()
  const { rows } = await sql<{ key: string }>`
    insert into stream_keys (dataset_id, key, batch_id, seen_at)
    select ${datasetId}, key, ${batchId}, now() from unnest(${keys}::uuid[]) as key
    on conflict (dataset_id, key) do update set batch_id = excluded.batch_id, seen_at = excluded.seen_at
    where stream_keys.seen_at < now() - ${windowMs} * interval '1 millisecond'
      or exists (select from batches where batches.id = stream_keys.batch_id
        and batches.state = any(${rowlessStates}))
    returning key`.execute(tx)
  if (rows.length === keys.length) return claim.keys
  return new Set(rows.map(({ key }) => key.replaceAll('-', '')))
}

/** What came with some batches came with another now, which has their rows in its own. */
export async function moveStreamKeys(
  tx: Transaction,
  move: { readonly datasetId: DatasetId; readonly from: readonly BatchId[]; readonly to: BatchId },
): Promise<void> {
  // Locked in the order in which they are claimed.
  await sql`with moved as materialized (
      select key from stream_keys where dataset_id = ${move.datasetId} and batch_id = any(${move.from}::text[])
      order by key for update)
    update stream_keys set batch_id = ${move.to} from moved
    where stream_keys.dataset_id = ${move.datasetId} and stream_keys.key = moved.key`.execute(tx)
}

/** Those of them that are the batch's still. */
export async function deleteStreamKeys(
  tx: Transaction,
  {
    datasetId,
    batchId,
    keys,
  }: { readonly datasetId: DatasetId; readonly batchId: BatchId; readonly keys: readonly string[] },
): Promise<void> {
  if (keys.length === 0) return
  // Locked in the order in which they are claimed.
  await sql`with refused as materialized (
      select key from stream_keys where dataset_id = ${datasetId} and batch_id = ${batchId}
        and key = any(${keys}::uuid[]) order by key for update)
    delete from stream_keys using refused
    where stream_keys.dataset_id = ${datasetId} and stream_keys.key = refused.key`.execute(tx)
}

export async function deleteOldStreamKeys(db: Db, windowMs: number): Promise<void> {
  await sql`delete from stream_keys where seen_at < now() - ${windowMs} * interval '1 millisecond'`.execute(
    db,
  )
}

/** Batches that are to be loaded. */
export async function countUnfinishedBatches(db: Db, nodeId: string): Promise<number> {
  const row = await db
    .selectFrom('batches')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('state', 'in', ['queued', 'processing'])
    .where((where) => where.or([where('node_id', 'is', null), where('node_id', '=', nodeId)]))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}
