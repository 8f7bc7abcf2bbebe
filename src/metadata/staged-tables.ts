import type { ColumnType, Insertable, Selectable } from 'kysely'
import type { DatasetId, PrincipalId, SandboxId, TableId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface StagedTableTables {
  lake_staged_tables: {
    id: TableId
    dataset_id: DatasetId
    sandbox_id: SandboxId
    principal_id: PrincipalId
    /** Of the table to be. */
    name: string
    /** Iceberg's, as it was given to the engine. Parsed when read; text when written. */
    metadata: ColumnType<unknown, string, never>
    created_at: Date
  }
}

type StagedTableRow = Selectable<StagedTableTables['lake_staged_tables']>

export async function insertStagedTable(
  db: Db,
  row: Insertable<StagedTableTables['lake_staged_tables']>,
): Promise<void> {
  await db.insertInto('lake_staged_tables').values(row).execute()
}

export async function countStagedTables(db: Db, sandboxId: SandboxId): Promise<number> {
  const row = await db
    .selectFrom('lake_staged_tables')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('sandbox_id', '=', sandboxId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Nobody else makes it, and no sweep takes it, until the transaction ends. */
export async function lockStagedTable(
  tx: Transaction,
  tableId: TableId,
): Promise<StagedTableRow | undefined> {
  return await tx
    .selectFrom('lake_staged_tables')
    .selectAll()
    .where('id', '=', tableId)
    .forUpdate()
    .executeTakeFirst()
}

export async function deleteStagedTable(tx: Transaction, tableId: TableId): Promise<void> {
  await tx.deleteFrom('lake_staged_tables').where('id', '=', tableId).execute()
}

/** One that was staged before the time and that nobody is making, oldest first. */
export async function lockOldStagedTable(tx: Transaction, before: Date): Promise<StagedTableRow | undefined> {
  return await tx
    .selectFrom('lake_staged_tables')
    .selectAll()
    .where('created_at', '<', before)
    .orderBy('created_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst()
}
