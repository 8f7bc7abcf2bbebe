import { type ColumnType, type Insertable, type RawBuilder, type Selectable, sql } from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { RunRow } from './jobs.ts'
import type { Db, Transaction } from './metadata.ts'
import { type PageOf, pageOfRows, pageSql, selectPage, type TimePage } from './page.ts'

export interface ScheduledQueryTable {
  id: string
  sandbox_id: SandboxId
  /** As whom it runs. */
  principal_id: PrincipalId
  name: string
  /** With templates and parameters filled in, as they were when it was made. */
  sql: string
  /** Of schedules whose text was filled in at each run, when that was how it was done. */
  parameters: Json
  schedule: ColumnType<unknown, string | null, string | null>
  is_enabled: boolean
  created_at: Date
  /** What was asked for. */
  request: Json
  template_id: string | null
  template_name: string | null
  updated_at: Date
  updated_by: PrincipalId
  /** Runs that failed one after the other. */
  failure_count: ColumnType<number, number | undefined, number>
  is_quarantined: ColumnType<boolean, boolean | undefined, boolean>
}

/** Parsed when read; text when written. */
type Json = ColumnType<unknown, string, string>

export type ScheduledQueryRow = Selectable<ScheduledQueryTable>

export async function insertScheduledQuery(
  tx: Transaction,
  row: Insertable<ScheduledQueryTable>,
): Promise<void> {
  await tx.insertInto('scheduled_queries').values(row).execute()
}

export async function selectScheduledQuery(
  db: Db,
  sandboxId: SandboxId,
  id: string,
  { isLocked = false }: { readonly isLocked?: boolean } = {},
): Promise<ScheduledQueryRow | undefined> {
  return await db
    .selectFrom('scheduled_queries')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .where('schedule', 'is not', null)
    .$if(isLocked, (query) => query.forUpdate())
    .executeTakeFirst()
}

export async function updateScheduledQuery(
  tx: Transaction,
  id: string,
  change: Partial<
    Pick<
      Insertable<ScheduledQueryTable>,
      'schedule' | 'is_enabled' | 'updated_at' | 'updated_by' | 'failure_count' | 'is_quarantined'
    >
  >,
): Promise<void> {
  await tx.updateTable('scheduled_queries').set(change).where('id', '=', id).execute()
}

export async function deleteScheduledQuery(tx: Transaction, id: string): Promise<void> {
  await tx.deleteFrom('scheduled_queries').where('id', '=', id).execute()
}

export interface ScheduleFilter {
  readonly field: 'created' | 'updated' | 'templateId' | 'userId' | 'name'
  readonly operator: '>' | '<' | '=='
  readonly values: readonly (string | Date)[]
}

const scheduleColumns = {
  created: sql`created_at`,
  updated: sql`updated_at`,
  templateId: sql`template_id::text`,
  userId: sql`principal_id::text`,
  name: sql`name`,
} as const

export async function selectScheduledQueries(
  db: Db,
  sandboxId: SandboxId,
  options: {
    readonly page: TimePage
    readonly order: 'created' | 'updated'
    readonly filters: readonly ScheduleFilter[]
  },
): Promise<PageOf<ScheduledQueryRow>> {
  const order = options.order === 'created' ? sql<Date>`created_at` : sql<Date>`updated_at`
  return await selectPage<ScheduledQueryRow>(db, options.page, {
    from: sql`scheduled_queries`,
    conditions: [
      sql<boolean>`sandbox_id = ${sandboxId}`,
      sql<boolean>`schedule is not null`,
      ...options.filters.map(({ field, operator, values: [value = ''] }) =>
        operator === '=='
          ? sql<boolean>`${scheduleColumns[field]} = ${value}`
          : sql<boolean>`${scheduleColumns[field]} ${sql.raw(operator)} ${value}`,
      ),
    ],
    order,
    bytes: sql`octet_length(sql) + octet_length(request::text)`,
  })
}

/** Those of a sandbox that have ticks to come, in no order. */
export async function selectEnabledScheduledQueries(
  db: Db,
  sandboxId: SandboxId,
  limit: number,
): Promise<ScheduledQueryRow[]> {
  return await db
    .selectFrom('scheduled_queries')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('is_enabled', '=', true)
    .where('schedule', 'is not', null)
    .limit(limit)
    .execute()
}

/** How long the longest of a schedule's newest runs took from its tick on, and whether one is under way. */
export async function selectRunPace(
  db: Db,
  query: { readonly kind: string; readonly subjectId: string; readonly runsMax: number },
): Promise<{ readonly longestMs: number | undefined; readonly isUnderWay: boolean }> {
  const { rows } = await sql<{ longest: string | null; running: boolean }>`
    select max(extract(epoch from finished_at - created_at)) filter (where state = 'succeeded') * 1000 as longest,
      coalesce(bool_or(state in ('running', 'sealed', 'waiting') and started_at is not null), false) as running
    from (
      select * from job_runs where kind = ${query.kind} and subject_id = ${query.subjectId}
      order by sequence desc limit ${query.runsMax}
    ) newest`.execute(db)
  const [row] = rows
  return {
    longestMs: row?.longest == null ? undefined : Number(row.longest),
    isUnderWay: row?.running === true,
  }
}

export interface RunFilter {
  readonly field: 'created' | 'state' | 'externalTrigger'
  readonly operator: '>' | '<' | '==' | '!='
  readonly values: readonly (string | Date | boolean)[]
}

/** Of a run by hand the tick says so. */
export const manualTickPrefix = 'manual__'

/** Runs of one schedule. */
export async function selectScheduleRuns(
  db: Db,
  subject: { readonly kind: string; readonly id: string },
  options: { readonly page: TimePage; readonly filters: readonly RunFilter[] },
): Promise<PageOf<RunRow>> {
  const { where, tail } = pageSql(options.page, { order: sql<Date>`created_at`, id: sql<string>`id` })
  const conditions = [
    where,
    sql<boolean>`kind = ${subject.kind}`,
    sql<boolean>`subject_id = ${subject.id}`,
    ...options.filters.map(runCondition),
  ]
  const { rows } = await sql<RunRow>`
    select * from job_runs where ${sql.join(conditions, sql` and `)} ${tail}`.execute(db)
  return pageOfRows(options.page, rows)
}

const runStates: RawBuilder<string> = sql<string>`case state
  when 'queued' then 'QUEUED' when 'waiting' then 'QUEUED_FOR_RETRY' when 'succeeded' then 'SUCCESS'
  when 'failed' then 'FAILED' when 'cancelled' then 'FAILED' else 'IN_PROGRESS' end`

function runCondition({ field, operator, values: [value = ''] }: RunFilter): RawBuilder<boolean> {
  const isEqual = operator === '=='
  switch (field) {
    case 'created':
      return sql<boolean>`created_at ${sql.raw(operator)} ${value}`
    case 'state':
      return isEqual ? sql<boolean>`${runStates} = ${value}` : sql<boolean>`${runStates} <> ${value}`
    default: {
      const isManual = sql<boolean>`starts_with(tick, ${manualTickPrefix})`
      return value === isEqual ? isManual : sql<boolean>`not ${isManual}`
    }
  }
}

/** Also by a tick it had before newer ones took its place: it is due since the first of them. */
export async function selectRunByTick(
  db: Db,
  run: { readonly kind: string; readonly subjectId: string; readonly tick: string },
): Promise<RunRow | undefined> {
  const ofSubject = db
    .selectFrom('job_runs')
    .selectAll()
    .where('kind', '=', run.kind)
    .where('subject_id', '=', run.subjectId)
  const found = await ofSubject.where('tick', '=', run.tick).executeTakeFirst()
  const time = new Date(run.tick)
  if (found || Number.isNaN(time.getTime())) return found
  return await ofSubject
    .where('tick', '~', '^[0-9]{4}-')
    .where('tick', '>', run.tick)
    .where('due_at', '<=', time)
    .orderBy('tick')
    .limit(1)
    .executeTakeFirst()
}

export async function hasUnfinishedRuns(db: Db, kind: string, subjectId: string): Promise<boolean> {
  const row = await db
    .selectFrom('job_runs')
    .select('id')
    .where('kind', '=', kind)
    .where('subject_id', '=', subjectId)
    .where('state', 'not in', ['succeeded', 'failed', 'cancelled'])
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
