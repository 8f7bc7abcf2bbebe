import { type Selectable, sql } from 'kysely'
import type { OrganizationId, SandboxId } from '#base/ids.ts'
import type { AuditTable } from './access-tables.ts'
import type { Db } from './metadata.ts'

export type AuditRow = Selectable<AuditTable>

export async function insertAudit(db: Db, entries: readonly Omit<AuditRow, 'id'>[]): Promise<void> {
  await db
    .insertInto('audit')
    .values((build) =>
      entries.map((entry) => ({
        ...entry,
        detail: JSON.stringify(entry.detail),
        organization_id:
          entry.organization_id ??
          build.selectFrom('principals').select('organization_id').where('id', '=', entry.principal_id),
      })),
    )
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
