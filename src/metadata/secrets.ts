import { type Selectable, sql } from 'kysely'
import type { OrganizationId, SandboxId } from '#base/ids.ts'
import type { AccessTables } from './access-tables.ts'
import type { Db } from './metadata.ts'

export type SecretRow = Selectable<AccessTables['secrets']>

/** Whose a secret is; without a sandbox the organisation's. */
export interface SecretOwner {
  readonly organizationId: OrganizationId
  readonly sandboxId: SandboxId | undefined
}

/** Any number that nobody else uses. */
const keysLock = 8_710_873_204

/** Until the end of the transaction no master key is forgotten (`share`), or nothing is sealed (`alone`). */
export async function lockMasterKeys(tx: Db, how: 'share' | 'alone'): Promise<void> {
  const statement =
    how === 'share'
      ? sql`select pg_advisory_xact_lock_shared(${keysLock}::bigint)`
      : sql`select pg_advisory_xact_lock(${keysLock}::bigint)`
  await statement.execute(tx)
}

/** Any number that nobody else uses. */
const rotationLock = 8_710_873_205

/** Until the end of the transaction nobody else, of all who have this database, changes the master keys. */
export async function awaitKeyRotation(tx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${rotationLock}::bigint)`.execute(tx)
}

export async function insertSecret(db: Db, secret: SecretRow): Promise<void> {
  await db.insertInto('secrets').values(secret).execute()
}

export async function selectSecret(db: Db, id: string, owner: SecretOwner): Promise<SecretRow | undefined> {
  return await db
    .selectFrom('secrets')
    .selectAll()
    .where('id', '=', id)
    .where('organization_id', '=', owner.organizationId)
    .where('sandbox_id', owner.sandboxId === undefined ? 'is' : '=', owner.sandboxId ?? null)
    .executeTakeFirst()
}

export async function deleteSecret(db: Db, id: string, owner: SecretOwner): Promise<void> {
  await db
    .deleteFrom('secrets')
    .where('id', '=', id)
    .where('organization_id', '=', owner.organizationId)
    .where('sandbox_id', owner.sandboxId === undefined ? 'is' : '=', owner.sandboxId ?? null)
    .execute()
}

/** Secrets sealed with another key, locked until the end of the transaction. */
export async function selectSealedOtherwise(db: Db, keyId: string, limit: number): Promise<SecretRow[]> {
  return await db
    .selectFrom('secrets')
    .selectAll()
    .where('key_id', '<>', keyId)
    .orderBy('id')
    .limit(limit)
    .forUpdate()
    .execute()
}

export async function reseal(
  db: Db,
  id: string,
  { sealed, keyId }: { readonly sealed: string; readonly keyId: string },
): Promise<void> {
  await db.updateTable('secrets').set({ sealed, key_id: keyId }).where('id', '=', id).execute()
}

export async function selectKeyIds(db: Db): Promise<string[]> {
  const rows = await db.selectFrom('secrets').select('key_id').distinct().execute()
  return rows.map((row) => row.key_id)
}
