import { type ColumnType, type Insertable, type RawBuilder, type Selectable, sql } from 'kysely'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import { jsonRows } from './json-rows.ts'
import type { Db } from './metadata.ts'
import { contains, type PageOf, selectPage, type TimePage } from './page.ts'
import { preparedStatement } from './prepared.ts'
import type { ScheduledQueryTable } from './scheduled-queries.ts'
import type { QueryTemplateTable } from './query-templates.ts'

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
    run_id: RunId | null
    schedule_id: string | null
    template_id: string | null
    template_name: string | null
    node_id: string | null
    incarnation: string | null
    request: ColumnType<unknown, string | null, string | null>
    effective_sql: string | null
    output: 'ctas' | 'insert' | null
    referenced_datasets: ColumnType<string[], string[] | undefined, string[]>
    created_dataset: string | null
    copy_uri: string | null
    is_hidden: ColumnType<boolean, boolean | undefined, boolean>
    deleted_at: Date | null
  }
  scheduled_queries: ScheduledQueryTable
  query_templates: QueryTemplateTable
}

export type QueryLogState = 'SUBMITTED' | 'IN_PROGRESS' | 'SUCCESS' | 'FAILED' | 'KILLED' | 'TIMEOUT'

/** An entry with the state its run has now, if it is of one. */
export type QueryLogRow = Selectable<QueryTables['query_log']> & { readonly run_tick: string | null }

export type NewQueryLogRow = Omit<
  Insertable<QueryTables['query_log']>,
  'code' | 'message' | 'created_dataset' | 'copy_uri' | 'deleted_at' | 'effective_sql' | 'row_count'
> &
  Partial<Pick<Insertable<QueryTables['query_log']>, 'code' | 'message' | 'effective_sql' | 'row_count'>>

/** Of rows as the parameter of that name has them. */
export const insertQueryLogSql = (rows: '$1' | '$2'): string => `
  insert into query_log (id, sandbox_id, principal_id, principal_name, client, sql, state, created_at, updated_at,
    row_count, code, message, run_id, schedule_id, template_id, template_name, node_id, incarnation, request, output,
    effective_sql, referenced_datasets, is_hidden)
  select id, sandbox_id, principal_id, principal_name, client, sql, state, created_at, updated_at,
    coalesce(row_count, 0), code, message, run_id, schedule_id, template_id, template_name, node_id, incarnation,
    request::json, output, effective_sql, coalesce(referenced_datasets, '{}'), coalesce(is_hidden, false)
  from json_to_recordset(${rows}) as entry (id uuid, sandbox_id uuid, principal_id uuid, principal_name text, client text,
    sql text, state text, created_at timestamptz, updated_at timestamptz, row_count bigint, code text, message text,
    run_id uuid, schedule_id uuid, template_id uuid, template_name text, node_id text, incarnation text, request text,
    output text, effective_sql text, referenced_datasets text[], is_hidden boolean)`

const insertRows = preparedStatement<never>(insertQueryLogSql('$1'))

export async function insertQueryLog(db: Db, rows: readonly NewQueryLogRow[]): Promise<void> {
  await insertRows(db, [jsonRows(rows)])
}

export async function updateQueryLog(
  db: Db,
  id: string,
  change: Partial<
    Pick<
      Insertable<QueryTables['query_log']>,
      | 'state'
      | 'updated_at'
      | 'row_count'
      | 'code'
      | 'message'
      | 'effective_sql'
      | 'output'
      | 'referenced_datasets'
      | 'created_dataset'
      | 'copy_uri'
      | 'deleted_at'
    >
  >,
): Promise<void> {
  await db.updateTable('query_log').set(change).where('id', '=', id).execute()
}

/**
 * How statements end that were begun. Whoever asked need not wait for the disk: where the machine loses power within the
 * next half second, the entry is that of a statement that the server's end has ended.
 */
const endRow = preparedStatement<never>(`
  with soon as materialized (select set_config('synchronous_commit', 'off', true))
  update query_log set referenced_datasets = coalesce($2::text[], referenced_datasets),
    created_dataset = coalesce($3, created_dataset), state = $4, updated_at = $5, row_count = $6, code = $7, message = $8
  from soon where id = $1`)

export async function endQueryLog(
  db: Db,
  id: string,
  end: {
    readonly referenced_datasets?: readonly string[]
    readonly created_dataset?: string | null
    readonly state: QueryLogState
    readonly updated_at: Date
    readonly row_count: number
    readonly code: string | null
    readonly message: string | null
  },
): Promise<void> {
  const {
    referenced_datasets = null,
    created_dataset = null,
    state,
    updated_at,
    row_count,
    code,
    message,
  } = end
  await endRow(db, [id, referenced_datasets, created_dataset, state, updated_at, row_count, code, message])
}

/** Ends what earlier lives of the node left behind as running. */
export async function failLeftQueries(
  db: Db,
  node: { readonly id: string; readonly incarnation: string; readonly now: Date; readonly message: string },
): Promise<number> {
  const answer = await db
    .updateTable('query_log')
    .set({ state: 'FAILED', updated_at: node.now, code: 'server.stopping', message: node.message })
    .where('state', '=', 'IN_PROGRESS')
    .where('run_id', 'is', null)
    .where('node_id', '=', node.id)
    .where('incarnation', '<>', node.incarnation)
    .executeTakeFirst()
  return Number(answer.numUpdatedRows)
}

/** The run decides what became of its query. */
const entries = sql`(
  select log.id, log.sandbox_id, log.principal_id, log.principal_name, log.client, log.sql, log.row_count,
    log.created_at, log.run_id, log.schedule_id, log.template_id, log.template_name, log.node_id, log.incarnation,
    log.request, log.effective_sql, log.output, log.referenced_datasets, log.created_dataset, log.copy_uri,
    log.is_hidden, log.deleted_at, run.tick as run_tick,
    greatest(log.updated_at, run.updated_at, run.finished_at) as updated_at,
    coalesce(case run.state
      when 'queued' then 'SUBMITTED'
      when 'succeeded' then 'SUCCESS'
      when 'failed' then case when run.code = 'query.timeout' then 'TIMEOUT' else 'FAILED' end
      when 'cancelled' then 'KILLED'
      when 'running' then 'IN_PROGRESS' when 'sealed' then 'IN_PROGRESS' when 'waiting' then 'IN_PROGRESS'
    end, log.state) as state,
    case when run.id is null then log.code when run.state in ('failed', 'waiting') then run.code end as code,
    case when run.id is null then log.message when run.state in ('failed', 'waiting') then run.message end as message
  from query_log log left join job_runs run on run.id = log.run_id
)`

export interface QueryFilter {
  readonly field:
    | 'created'
    | 'updated'
    | 'state'
    | 'id'
    | 'referenced_datasets'
    | 'userId'
    | 'client'
    | 'templateId'
    | 'templateName'
    | 'scheduleId'
    | 'scheduleRunTick'
    | 'sql'
  readonly operator: '>' | '<' | '>=' | '<=' | '==' | '!=' | '~'
  readonly values: readonly (string | Date)[]
}

export async function selectQueries(
  db: Db,
  sandboxId: SandboxId,
  options: {
    readonly page: TimePage
    readonly order: 'created' | 'updated'
    readonly filters: readonly QueryFilter[]
    readonly withDeleted: boolean
    readonly withHidden: boolean
  },
): Promise<PageOf<QueryLogRow>> {
  const order = options.order === 'created' ? sql<Date>`created_at` : sql<Date>`updated_at`
  return await selectPage<QueryLogRow>(db, options.page, {
    from: sql`${entries} as entry`,
    conditions: [
      sql<boolean>`sandbox_id = ${sandboxId}`,
      ...(options.withDeleted ? [] : [sql<boolean>`deleted_at is null`]),
      ...(options.withHidden ? [] : [sql<boolean>`not is_hidden`]),
      ...options.filters.map(conditionOf),
    ],
    order,
    bytes: sql`octet_length(sql) + coalesce(octet_length(effective_sql), 0) + coalesce(octet_length(request::text), 0)`,
  })
}

const columns = {
  created: sql`created_at`,
  updated: sql`updated_at`,
  state: sql`state`,
  id: sql`id::text`,
  userId: sql`principal_id::text`,
  client: sql`client`,
  templateId: sql`template_id::text`,
  templateName: sql`template_name`,
  scheduleId: sql`schedule_id::text`,
  scheduleRunTick: sql`run_tick`,
  sql: sql`coalesce(effective_sql, sql)`,
} as const

function conditionOf({ field, operator, values }: QueryFilter): RawBuilder<boolean> {
  if (field === 'referenced_datasets') return sql<boolean>`referenced_datasets && ${values}::text[]`
  const column = columns[field]
  const [value = ''] = values
  if (operator === '~') {
    // As times are shown.
    const isTime = field === 'created' || field === 'updated'
    const text = isTime
      ? sql`to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
      : sql`${column}::text`
    return contains(text, String(value))
  }
  if (operator === '==') return sql<boolean>`${column} = ${value}`
  if (operator === '!=') return sql<boolean>`${column} is distinct from ${value}`
  return sql<boolean>`${column} ${sql.raw(operator)} ${value}`
}

export async function selectQuery(
  db: Db,
  sandboxId: SandboxId,
  id: string,
): Promise<QueryLogRow | undefined> {
  const { rows } = await sql<QueryLogRow>`
    select * from ${entries} as entry where sandbox_id = ${sandboxId} and id = ${id}`.execute(db)
  return rows[0]
}

export async function selectQueryOfRun(db: Db, runId: RunId): Promise<QueryLogRow | undefined> {
  const { rows } = await sql<QueryLogRow>`select * from ${entries} as entry where run_id = ${runId}`.execute(
    db,
  )
  return rows[0]
}

/** What no run keeps alive any more. */
export async function deleteQueryLogBefore(db: Db, time: Date): Promise<void> {
  await sql`delete from query_log log where created_at < ${time} and not exists (
    select from job_runs run where run.id = log.run_id and run.state not in ('succeeded', 'failed', 'cancelled')
  )`.execute(db)
}
