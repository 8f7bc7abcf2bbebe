import { type Insertable, type Selectable, sql } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface ViewTables {
  views: {
    id: string
    sandbox_id: SandboxId
    principal_id: PrincipalId
    name: string
    sql: string
    created_at: Date
    updated_at: Date
  }
}

export type ViewRow = Selectable<ViewTables['views']>

/** Upper and lower case are the same. */
export async function selectView(db: Db, sandboxId: SandboxId, name: string): Promise<ViewRow | undefined> {
  return await db
    .selectFrom('views')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where(sql<boolean>`lower(name) = lower(${name})`)
    .executeTakeFirst()
}

export async function selectViewById(db: Db, sandboxId: SandboxId, id: string): Promise<ViewRow | undefined> {
  return await db
    .selectFrom('views')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Which of the names are taken, in lower case. */
export async function selectTakenViewNames(
  db: Db,
  sandboxId: SandboxId,
  names: readonly string[],
): Promise<Set<string>> {
  const rows = await db
    .selectFrom('views')
    .select(sql<string>`lower(name)`.as('name'))
    .where('sandbox_id', '=', sandboxId)
    .where(sql<string>`lower(name)`, 'in', names)
    .execute()
  return new Set(rows.map((row) => row.name))
}

/** By name. */
export async function selectViews(db: Db, sandboxId: SandboxId): Promise<ViewRow[]> {
  return await db
    .selectFrom('views')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('name')
    .execute()
}

/** Whether it is new: a name that is taken changes nothing. */
export async function insertView(tx: Transaction, row: Insertable<ViewTables['views']>): Promise<boolean> {
  const result = await tx
    .insertInto('views')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export async function updateView(
  tx: Transaction,
  id: string,
  change: { readonly sql: string; readonly updated_at: Date; readonly principal_id: PrincipalId },
): Promise<void> {
  await tx.updateTable('views').set(change).where('id', '=', id).execute()
}

export async function deleteView(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('views').where('id', '=', id).execute()
}
