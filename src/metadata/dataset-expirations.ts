import { type Insertable, type Selectable, sql, type Updateable } from 'kysely'
import type { DatasetId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface DatasetExpirationTables {
  dataset_expirations: {
    /** `SD-` and a UUID. */
    id: string
    sandbox_id: SandboxId
    dataset_id: DatasetId
    /** As it was when its end was set: what is gone has no name of its own. */
    dataset_name: string
    display_name: string
    description: string
    status: ExpirationStatus
    expiry: Date
    created_at: Date
    updated_at: Date
    updated_by: PrincipalId
  }
}

export type ExpirationStatus = 'pending' | 'executing' | 'cancelled' | 'completed'
export type DatasetExpirationRow = Selectable<DatasetExpirationTables['dataset_expirations']>

/** False when the dataset has one that is not over. */
export async function insertDatasetExpiration(
  tx: Transaction,
  row: Insertable<DatasetExpirationTables['dataset_expirations']>,
): Promise<boolean> {
  const result = await tx
    .insertInto('dataset_expirations')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** By its id, or the newest of the dataset. */
export async function selectDatasetExpiration(
  db: Db,
  sandboxId: SandboxId,
  id: string,
): Promise<DatasetExpirationRow | undefined> {
  return await db
    .selectFrom('dataset_expirations')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where((where) => where.or([where('id', '=', id), where('dataset_id', '=', id as DatasetId)]))
    .orderBy('created_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export interface ExpirationFilter {
  readonly datasetId?: DatasetId | undefined
  readonly statuses?: readonly ExpirationStatus[] | undefined
}

/** Newest first. */
export async function selectDatasetExpirations(
  db: Db,
  sandboxId: SandboxId,
  { datasetId, statuses }: ExpirationFilter,
): Promise<DatasetExpirationRow[]> {
  if (statuses?.length === 0) return []
  let query = db.selectFrom('dataset_expirations').selectAll().where('sandbox_id', '=', sandboxId)
  if (datasetId !== undefined) query = query.where('dataset_id', '=', datasetId)
  if (statuses !== undefined) query = query.where('status', 'in', statuses)
  return await query.orderBy('created_at', 'desc').orderBy('id').limit(10_000).execute()
}

/** Whether its time has come by the database's clock, which is one for all nodes and is not set by any of them. */
export async function lockDatasetExpiration(
  tx: Transaction,
  id: string,
): Promise<(DatasetExpirationRow & { readonly is_due: boolean }) | undefined> {
  return await tx
    .selectFrom('dataset_expirations')
    .selectAll()
    .select(sql<boolean>`expiry <= now()`.as('is_due'))
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

/** Of datasets that were deleted before their time. */
export async function cancelDatasetExpirations(
  tx: Transaction,
  datasetIds: readonly DatasetId[],
  by: { readonly updated_at: Date; readonly updated_by: PrincipalId },
): Promise<void> {
  await tx
    .updateTable('dataset_expirations')
    .set({ status: 'cancelled', ...by })
    .where('dataset_id', 'in', datasetIds)
    .where('status', '=', 'pending')
    .execute()
}

export async function updateDatasetExpiration(
  tx: Transaction,
  id: string,
  change: Updateable<DatasetExpirationTables['dataset_expirations']>,
): Promise<void> {
  await tx.updateTable('dataset_expirations').set(change).where('id', '=', id).execute()
}
