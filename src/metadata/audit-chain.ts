import { sql } from 'kysely'
import type { Db } from './metadata.ts'

/** Any number that nobody else uses: one sealer at a time. */
const sealLock = 8_710_873_203

/** An entry as it is hashed: every column as text, in an order that never changes. */
export interface SealableEntry {
  readonly id: string
  readonly text: string
}

const entryText = sql<string>`json_build_array(
  audit.id, to_char(audit.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US'), audit.organization_id,
  audit.principal_id, audit.sandbox_id, audit.action, audit.asset_type, audit.asset_id, audit.status,
  audit.detail::text, audit.request_id, audit.client_id, audit.address)::text`

/** False: somebody else seals now. Until the end of the transaction. */
export async function lockSealing(db: Db): Promise<boolean> {
  const { rows } = await sql<{ is_locked: boolean }>`
    select pg_try_advisory_xact_lock(${sealLock}::bigint) as is_locked`.execute(db)
  return rows[0]?.is_locked === true
}

/** As `lockSealing`, but waits for its turn. */
export async function awaitSealing(db: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sealLock}::bigint)`.execute(db)
}

/** Takes the oldest entries that wait out of the queue. */
export async function takeUnsealed(db: Db, limit: number): Promise<SealableEntry[]> {
  const { rows } = await sql<SealableEntry>`
    with taken as (
      delete from audit_unsealed where audit_id in (
        select audit_id from audit_unsealed order by audit_id limit ${limit})
      returning audit_id)
    select audit.id, ${entryText} as text from audit join taken on taken.audit_id = audit.id
    order by audit.id`.execute(db)
  return rows
}

export interface ChainLink {
  readonly sequence: bigint
  readonly hash: Buffer
}

export async function selectChainHead(db: Db): Promise<ChainLink | undefined> {
  const row = await db
    .selectFrom('audit_chain')
    .select(['sequence', 'hash'])
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row && { sequence: BigInt(row.sequence), hash: row.hash }
}

export async function insertChain(
  db: Db,
  links: readonly { readonly sequence: bigint; readonly auditId: string; readonly hash: Buffer }[],
): Promise<void> {
  await db
    .insertInto('audit_chain')
    .values(
      links.map((link) => ({ sequence: String(link.sequence), audit_id: link.auditId, hash: link.hash })),
    )
    .execute()
}

export interface ChainEntry extends ChainLink {
  readonly auditId: string
  /** Absent, as `at` is then: the entry is gone. */
  readonly text: string | undefined
  readonly at: Date | undefined
}

/** Links with their entries. */
export async function selectChain(
  db: Db,
  page: { readonly after: bigint; readonly limit: number },
): Promise<ChainEntry[]> {
  const { rows } = await sql<{
    sequence: string
    audit_id: string
    hash: Buffer
    id: string | null
    text: string
    at: Date | null
  }>`
    select chain.sequence, chain.audit_id, chain.hash, audit.id, audit.at, ${entryText} as text
    from audit_chain as chain left join audit on audit.id = chain.audit_id
    where chain.sequence > ${String(page.after)}::bigint order by chain.sequence limit ${page.limit}`.execute(
    db,
  )
  return rows.map((row) => ({
    sequence: BigInt(row.sequence),
    auditId: row.audit_id,
    hash: row.hash,
    text: row.id === null ? undefined : row.text,
    at: row.at ?? undefined,
  }))
}

/** Entries that neither wait nor are in the chain: put in by somebody else, after the fact. */
export async function selectUnchained(db: Db, limit: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select audit.id from audit
    where not exists (select 1 from audit_chain as chain where chain.audit_id = audit.id)
      and not exists (select 1 from audit_unsealed as waiting where waiting.audit_id = audit.id)
    order by audit.id limit ${limit}`.execute(db)
  return rows.map((row) => row.id)
}

/** What `deleteExpired` removes is told by an entry of this kind, with an `ExpiryDetail`. */
export const expiryEntry = { action: 'expire', assetType: 'Audit Log' } as const

/** Where the chain begins since entries were removed for their age. */
export interface ExpiryDetail {
  /** The last place that was removed, and its hash, which the next one's covers. */
  readonly through: string
  readonly hash: string
  /** All that was removed was older. */
  readonly before: string
  readonly count: number
}

/** What the chain itself, in a place that it still has, says of the removal of all up to that place. */
export async function selectExpiry(db: Db, through: bigint): Promise<unknown> {
  const { rows } = await sql<{ detail: unknown }>`
    select audit.detail from audit join audit_chain as chain on chain.audit_id = audit.id
    where audit.action = ${expiryEntry.action} and audit.asset_type = ${expiryEntry.assetType}
      and audit.detail ->> 'through' = ${String(through)} and chain.sequence > ${String(through)}::bigint
    order by chain.sequence desc limit 1`.execute(db)
  return rows[0]?.detail
}

/**
 * Deletes all entries up to that place of the chain, and their links. The database itself refuses where one of them is
 * not older.
 */
export async function deleteExpired(
  tx: Db,
  { through, before }: { readonly through: bigint; readonly before: Date },
): Promise<void> {
  const last = sql`${String(through)}::bigint`
  await sql`select set_config('sluice.audit_expires_before', ${before.toISOString()}, true)`.execute(tx)
  await sql`delete from audit using audit_chain as chain
    where chain.audit_id = audit.id and chain.sequence <= ${last}`.execute(tx)
  await sql`delete from audit_chain where sequence <= ${last}`.execute(tx)
  await sql`select set_config('sluice.audit_expires_before', '', true)`.execute(tx)
}
