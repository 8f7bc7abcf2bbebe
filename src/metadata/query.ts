import type { ColumnType, Insertable, Selectable } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface QueryTables {
  query_log: {
    id: string
    sandbox_id: SandboxId
    principal_id: PrincipalId
    principal_name: string
    client: string
    sql: string
    state: QueryLogState
    created_at: Date
    updated_at: Date
    row_count: ColumnType<string, number | undefined, number>
    code: string | null
    message: string | null
  }
  scheduled_queries: {
    id: string
    sandbox_id: SandboxId
    principal_id: PrincipalId
    name: string
    sql: string
    parameters: Json
    schedule: ColumnType<unknown, string | null, string | null>
    is_enabled: boolean
    created_at: Date
  }
}

/** Parsed when read; text when written. */
type Json = ColumnType<unknown, string, string>

export type QueryLogState = 'SUBMITTED' | 'IN_PROGRESS' | 'SUCCESS' | 'FAILED' | 'KILLED'
export type QueryLogRow = Selectable<QueryTables['query_log']>
export type ScheduledQueryRow = Selectable<QueryTables['scheduled_queries']>

export async function insertQueryLog(db: Db, row: Insertable<QueryTables['query_log']>): Promise<void> {
  await db.insertInto('query_log').values(row).execute()
}

export async function finishQueryLog(
  db: Db,
  id: string,
  change: {
    readonly state: QueryLogState
    readonly updated_at: Date
    readonly row_count: number
    readonly code: string | null
    readonly message: string | null
  },
): Promise<void> {
  await db.updateTable('query_log').set(change).where('id', '=', id).execute()
}

/** Newest first. */
export async function selectQueryLog(db: Db, sandboxId: SandboxId, limit: number): Promise<QueryLogRow[]> {
  return await db
    .selectFrom('query_log')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function deleteQueryLogBefore(db: Db, time: Date): Promise<void> {
  await db.deleteFrom('query_log').where('created_at', '<', time).execute()
}

export async function insertScheduledQuery(
  tx: Transaction,
  row: Insertable<QueryTables['scheduled_queries']>,
): Promise<void> {
  await tx.insertInto('scheduled_queries').values(row).execute()
}

export async function selectScheduledQuery(
  db: Db,
  sandboxId: SandboxId,
  id: string,
): Promise<ScheduledQueryRow | undefined> {
  return await db
    .selectFrom('scheduled_queries')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Newest first. */
export async function selectScheduledQueries(
  db: Db,
  sandboxId: SandboxId,
  limit: number,
): Promise<ScheduledQueryRow[]> {
  return await db
    .selectFrom('scheduled_queries')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}
