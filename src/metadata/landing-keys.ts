import type { Selectable } from 'kysely'
import type { OrganizationId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'
import { lockName } from './lock-name.ts'

export interface LandingKeyTables {
  landing_keys: {
    access_key_id: string
    organization_id: OrganizationId
    sandbox_id: SandboxId
    /** Whose it is, and by whose rights it reads. */
    principal_id: PrincipalId
    secret_id: string
    issued_at: Date
    expires_at: Date
  }
}

export type LandingKeyRow = Selectable<LandingKeyTables['landing_keys']>
type Owner = Pick<LandingKeyRow, 'sandbox_id' | 'principal_id'>

export async function insertLandingKey(tx: Transaction, row: LandingKeyRow): Promise<void> {
  await tx.insertInto('landing_keys').values(row).execute()
}

export async function selectLandingKey(db: Db, accessKeyId: string): Promise<LandingKeyRow | undefined> {
  return await db
    .selectFrom('landing_keys')
    .selectAll()
    .where('access_key_id', '=', accessKeyId)
    .executeTakeFirst()
}

/** Of those that somebody has, the one that is good for the longest. */
export async function selectNewestLandingKey(db: Db, owner: Owner): Promise<LandingKeyRow | undefined> {
  return await db
    .selectFrom('landing_keys')
    .selectAll()
    .where('sandbox_id', '=', owner.sandbox_id)
    .where('principal_id', '=', owner.principal_id)
    .orderBy('expires_at', 'desc')
    .limit(1)
    .executeTakeFirst()
}

/** All that somebody has. Returns them: their secrets go with them. */
export async function deleteLandingKeys(tx: Transaction, owner: Owner): Promise<LandingKeyRow[]> {
  return await tx
    .deleteFrom('landing_keys')
    .where('sandbox_id', '=', owner.sandbox_id)
    .where('principal_id', '=', owner.principal_id)
    .returningAll()
    .execute()
}

/** Everybody's that ended before a time, without those that somebody is deleting. */
export async function deleteEndedLandingKeys(tx: Transaction, before: Date): Promise<LandingKeyRow[]> {
  return await tx
    .deleteFrom('landing_keys')
    .where('access_key_id', 'in', (keys) =>
      keys
        .selectFrom('landing_keys')
        .select('access_key_id')
        .where('expires_at', '<', before)
        .forUpdate()
        .skipLocked(),
    )
    .returningAll()
    .execute()
}

/** Of those who make a key for somebody at once, each sees what the one before has made. */
export async function lockLandingKeys(tx: Transaction, owner: Owner): Promise<void> {
  await lockName(tx, `landing keys of ${owner.principal_id} in ${owner.sandbox_id}`)
}

/** All that somebody has in any sandbox, with their secrets. */
export async function endLandingKeys(db: Db, principalId: PrincipalId): Promise<void> {
  const ended = await db
    .deleteFrom('landing_keys')
    .where('principal_id', '=', principalId)
    .returning('secret_id')
    .execute()
  if (ended.length === 0) return
  const secretIds = ended.map((row) => row.secret_id)
  await db.deleteFrom('secrets').where('id', 'in', secretIds).execute()
}
