import type { ColumnType, Insertable, Selectable } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface ScratchCopyTables {
  scratch_copies: {
    id: string
    sandbox_id: SandboxId
    principal_id: PrincipalId
    /** Whose machine has the files. */
    node_id: string
    folder: string
    format: string
    row_count: ColumnType<string, number, never>
    /** Parsed when read; text when written. */
    files: ColumnType<unknown, string, never>
    created_at: Date
  }
}

export type ScratchCopyRow = Selectable<ScratchCopyTables['scratch_copies']>

/** Whose copies: each sees his own alone. */
interface Owner {
  readonly sandboxId: SandboxId
  readonly principalId: PrincipalId
}

export async function insertScratchCopy(
  tx: Transaction,
  row: Insertable<ScratchCopyTables['scratch_copies']>,
): Promise<void> {
  await tx.insertInto('scratch_copies').values(row).execute()
}

/** Newest first. */
export async function selectScratchCopies(
  db: Db,
  { sandboxId, principalId }: Owner,
  limit: number,
): Promise<ScratchCopyRow[]> {
  return await db
    .selectFrom('scratch_copies')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('principal_id', '=', principalId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

export async function selectScratchCopy(
  db: Db,
  { sandboxId, principalId }: Owner,
  id: string,
): Promise<ScratchCopyRow | undefined> {
  return await db
    .selectFrom('scratch_copies')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('principal_id', '=', principalId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** False: there is none. */
export async function deleteScratchCopy(
  db: Db,
  { sandboxId, principalId }: Owner,
  id: string,
): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('scratch_copies')
    .where('sandbox_id', '=', sandboxId)
    .where('principal_id', '=', principalId)
    .where('id', '=', id)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** How many there were. */
export async function deleteScratchCopiesBefore(db: Db, time: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('scratch_copies')
    .where('created_at', '<', time)
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** Which of the ids are of copies. */
export async function selectScratchCopyIds(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db.selectFrom('scratch_copies').select('id').where('id', 'in', ids).execute()
  return new Set(rows.map(({ id }) => id))
}
