import { type Selectable, sql } from 'kysely'
import type { OrganizationId, SandboxId } from '#base/ids.ts'
import type { AuditTable } from './access-tables.ts'
import { jsonRows } from './json-rows.ts'
import type { Db } from './metadata.ts'
import { preparedStatement } from './prepared.ts'

export type AuditRow = Selectable<AuditTable>
export type NewAuditRow = Omit<AuditRow, 'id'>

/** Of rows as the first parameter has them. */
export const insertAuditSql = `
  insert into audit (at, organization_id, principal_id, sandbox_id, action, asset_type, asset_id, status, detail,
    request_id, client_id, address)
  select entry.at,
    coalesce(entry.organization_id, (select organization_id from principals where id = entry.principal_id)),
    entry.principal_id, entry.sandbox_id, entry.action, entry.asset_type, entry.asset_id, entry.status, entry.detail,
    entry.request_id, entry.client_id, entry.address
  from json_to_recordset($1) as entry (at timestamptz, organization_id text, principal_id uuid, sandbox_id uuid,
    action text, asset_type text, asset_id text, status text, detail jsonb, request_id text, client_id text, address text)`

const insertRows = preparedStatement<never>(insertAuditSql)

/** In their order. */
export async function insertAudit(db: Db, entries: readonly NewAuditRow[]): Promise<void> {
  await insertRows(db, [jsonRows(entries)])
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
