import { type Selectable, sql } from 'kysely'
import type { OrganizationId, SandboxId } from '#base/ids.ts'
import type { AuditTable } from './access-tables.ts'
import type { Db } from './metadata.ts'

export type AuditRow = Selectable<AuditTable>

export async function insertAudit(db: Db, entry: Omit<AuditRow, 'id'>): Promise<void> {
  await db
    .insertInto('audit')
    .values((build) => ({
      ...entry,
      detail: JSON.stringify(entry.detail),
      organization_id:
        entry.organization_id ??
        build.selectFrom('principals').select('organization_id').where('id', '=', entry.principal_id),
    }))
    .execute()
}

export interface AuditFilter {
  readonly organizationId: OrganizationId
  /** Entries of these sandboxes, and those of no sandbox. */
  readonly sandboxIds: readonly SandboxId[]
  /** All must hold. Names of `filterColumns`. */
  readonly conditions: readonly AuditCondition[]
  readonly isAscending: boolean
  readonly limit: number
  readonly start: number
}

export interface AuditCondition {
  readonly column: AuditFilterColumn
  readonly operator: '=' | '!=' | '<' | '>' | '<=' | '>='
  readonly value: string
}
export const auditFilterColumns = [
  'at',
  'action',
  'asset_type',
  'asset_id',
  'status',
  'principal_id',
  'sandbox_id',
  'request_id',
] as const
export type AuditFilterColumn = (typeof auditFilterColumns)[number]

export interface AuditEventRow extends AuditRow {
  readonly principal_name: string | null
  readonly principal_email: string | null
}

function filtered(db: Db, filter: AuditFilter) {
  let query = db
    .selectFrom('audit')
    .where('audit.organization_id', '=', filter.organizationId)
    .where((check) =>
      filter.sandboxIds.length === 0
        ? check('audit.sandbox_id', 'is', null)
        : check.or([
            check('audit.sandbox_id', 'is', null),
            check('audit.sandbox_id', 'in', filter.sandboxIds),
          ]),
    )
  for (const { column, operator, value } of filter.conditions) {
    const reference = sql.ref(`audit.${column}`)
    // Times are compared as times; all else as people write it, in any case.
    query =
      column === 'at'
        ? query.where(sql<boolean>`${reference} ${sql.raw(operator)} ${value}::timestamptz`)
        : query.where(sql<boolean>`lower(${reference}::text) ${sql.raw(operator)} lower(${value})`)
  }
  return query
}

/** Newest first unless told otherwise. */
export async function selectAudit(db: Db, filter: AuditFilter): Promise<AuditEventRow[]> {
  return await filtered(db, filter)
    .leftJoin('principals', 'principals.id', 'audit.principal_id')
    .selectAll('audit')
    .select(['principals.name as principal_name', 'principals.email as principal_email'])
    .orderBy('audit.id', filter.isAscending ? 'asc' : 'desc')
    .limit(filter.limit)
    .offset(filter.start)
    .execute()
}

export async function countAudit(db: Db, filter: AuditFilter): Promise<number> {
  const row = await filtered(db, filter)
    .select((select) => select.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

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

/** Links with their entries; an entry that is gone has no text. */
export async function selectChain(
  db: Db,
  page: { readonly after: bigint; readonly limit: number },
): Promise<
  readonly {
    readonly sequence: bigint
    readonly auditId: string
    readonly hash: Buffer
    readonly text: string | undefined
  }[]
> {
  const { rows } = await sql<{
    sequence: string
    audit_id: string
    hash: Buffer
    id: string | null
    text: string
  }>`
    select chain.sequence, chain.audit_id, chain.hash, audit.id, ${entryText} as text
    from audit_chain as chain left join audit on audit.id = chain.audit_id
    where chain.sequence > ${String(page.after)}::bigint order by chain.sequence limit ${page.limit}`.execute(
    db,
  )
  return rows.map((row) => ({
    sequence: BigInt(row.sequence),
    auditId: row.audit_id,
    hash: row.hash,
    text: row.id === null ? undefined : row.text,
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
