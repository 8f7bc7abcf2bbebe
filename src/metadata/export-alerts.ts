import { sql } from 'kysely'
import type { FlowId, PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { RunRow } from './jobs.ts'
import type { Db } from './metadata.ts'
import { type PageOf, pageOfRows, pageSql, type TimePage } from './page.ts'
import { isHeard, isUntold, type Mailing } from './untold-runs.ts'

/** Rows of the newest full delivery of a dataset before a run's; undefined: there was none. */
export async function selectLastFull(
  db: Db,
  of: { readonly runId: RunId; readonly flowId: string; readonly datasetId: string },
): Promise<number | undefined> {
  const answer = await sql<{ rows: string }>`
    select run.result ->> 'rowCount' as rows
    from export_runs export
    join job_runs run on run.id = export.run_id
    where export.flow_id = ${of.flowId} and export.dataset_id = ${of.datasetId} and export.run_id <> ${of.runId}
      and export.published_at is not null and export.plan ->> 'content' = 'full'
      and export.plan ->> 'repeats' is null
    order by export.published_at desc
    limit 1`.execute(db)
  const [row] = answer.rows
  return row && Number(row.rows)
}

export interface EndingFlow {
  readonly id: FlowId
  readonly sandbox_id: SandboxId
  readonly name: string
  readonly updated_by: PrincipalId
  readonly ends_at: Date
}

export interface TimeRange {
  readonly from: Date
  readonly to: Date
}

/** Enabled flows whose schedule ends within a time, by that. */
export async function selectEndingFlows(
  db: Db,
  range: TimeRange,
  page: TimePage,
): Promise<PageOf<EndingFlow>> {
  const { where, tail } = pageSql(page, { order: sql<Date>`ends_at`, id: sql<string>`id` })
  const answer = await sql<EndingFlow>`
    select id, sandbox_id, document ->> 'name' as name, updated_by, ends_at
    from flow_entities
    cross join lateral (
      select to_timestamp((document -> 'scheduleParams' ->> 'endTime')::bigint) as ends_at
    ) schedule
    where kind = 'flows' and deleted_at is null and document ->> 'state' = 'enabled'
      and ends_at > ${range.from} and ends_at <= ${range.to} and ${where}
    ${tail}`.execute(db)
  return pageOfRows(page, answer.rows)
}

export type DelayedRun = Pick<
  RunRow,
  'id' | 'subject_id' | 'sandbox_id' | 'principal_id' | 'state' | 'message' | 'created_at'
>

const byCreation = { order: sql<Date>`run.created_at`, id: sql<string>`run.id` }

/** Runs of exports that are not over when somebody wants to hear of it and can, and of which nothing has been told. */
export async function selectDelayedRuns(
  db: Db,
  late: Mailing & { readonly now: Date; readonly delayMinutesDefault: number },
  page: TimePage,
): Promise<PageOf<DelayedRun>> {
  const { where, tail } = pageSql(page, byCreation)
  const answer = await sql<DelayedRun>`
    select run.id, run.subject_id, run.sandbox_id, run.principal_id, run.state, run.message, run.created_at
    from job_runs run
    left join alert_subscriptions alert on alert.sandbox_id = run.sandbox_id
      and alert.asset_id::text = split_part(run.subject_id, ':', 1)
      and alert.alert_type = 'delay' and alert.is_enabled
    where run.kind = 'export' and run.state in ('queued', 'running', 'sealed', 'waiting')
      and run.created_at + make_interval(mins => coalesce(alert.delay_minutes, ${late.delayMinutesDefault}::int))
        <= ${late.now}
      and ${isUntold('export', 'delay')} and ${isHeard('export', 'delay', late)}
      and ${where}
    ${tail}`.execute(db)
  return pageOfRows(page, answer.rows)
}

/** Runs of exports that have failed so often in a row and are tried again, as `selectDelayedRuns`. */
export async function selectRetriedRuns(
  db: Db,
  retried: Mailing & { readonly failureCountMin: number },
  page: TimePage,
): Promise<PageOf<DelayedRun>> {
  const { where, tail } = pageSql(page, byCreation)
  const answer = await sql<DelayedRun>`
    select run.id, run.subject_id, run.sandbox_id, run.principal_id, run.state, run.message, run.created_at
    from job_runs run
    where run.kind = 'export' and run.state in ('queued', 'running', 'sealed', 'waiting')
      and run.failure_count >= ${retried.failureCountMin}
      and ${isUntold('export', 'retrying')} and ${isHeard('export', 'retrying', retried)}
      and ${where}
    ${tail}`.execute(db)
  return pageOfRows(page, answer.rows)
}

export type UnfinishedExport = DelayedRun &
  Pick<RunRow, 'payload'> & {
    /** Of one that has not begun: null. */
    readonly plan: Record<string, unknown> | null
  }

/**
 * Runs of sandboxes with delivery windows that mind them, of which somebody wants to hear when they are late, and of
 * which that was not told.
 */
export async function selectRunsInWindows(
  db: Db,
  mailing: Mailing,
  page: TimePage,
): Promise<PageOf<UnfinishedExport>> {
  const { where, tail } = pageSql(page, byCreation)
  const answer = await sql<UnfinishedExport>`
    select run.id, run.subject_id, run.sandbox_id, run.principal_id, run.state, run.message, run.payload, run.created_at,
      export.plan
    from job_runs run
    left join export_runs export on export.run_id = run.id
    where run.kind = 'export' and run.state in ('queued', 'running', 'sealed', 'waiting')
      and run.payload ->> 'overridesWindows' is distinct from 'true'
      and exists (
        select from export_rules
        where sandbox_id = run.sandbox_id and document ->> 'kind' = 'window'
      )
      and ${isUntold('export', 'late')} and ${isHeard('export', 'late', mailing)}
      and ${where}
    ${tail}`.execute(db)
  return pageOfRows(page, answer.rows)
}

export interface ExpiringFlow extends Omit<EndingFlow, 'ends_at'> {
  readonly connection_id: string
  readonly connection_name: string
  readonly expires_at: Date
}

/** Enabled flows that log in by credentials which end within a time, by that. */
export async function selectExpiringFlows(
  db: Db,
  range: TimeRange,
  page: TimePage,
): Promise<PageOf<ExpiringFlow>> {
  const { where, tail } = pageSql(page, { order: sql<Date>`expires_at`, id: sql<string>`flow.id` })
  const answer = await sql<ExpiringFlow>`
    select flow.id, flow.sandbox_id, flow.document ->> 'name' as name, flow.updated_by,
      connection.id as connection_id, connection.document ->> 'name' as connection_name, expires_at
    from flow_entities flow
    join flow_entities target on target.kind = 'targetConnections' and target.deleted_at is null
      and target.sandbox_id = flow.sandbox_id
      and target.id::text = flow.document -> 'targetConnectionIds' ->> 0
    join flow_entities connection on connection.kind = 'connections' and connection.deleted_at is null
      and connection.sandbox_id = flow.sandbox_id
      and connection.id::text = target.document ->> 'baseConnectionId'
    cross join lateral (
      select connection.document -> 'auth' ->> 'expiresAt' as said
    ) auth
    cross join lateral (
      -- As it is stored. One connection that holds anything else must not keep all others from being told of, and
      -- pg_input_is_valid is not there before PostgreSQL 16.
      select case
        when said ~ '^(?!0000)\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d[.]\\d{3}Z$' then said::timestamptz
      end as expires_at
    ) expiry
    where flow.kind = 'flows' and flow.deleted_at is null and flow.document ->> 'state' = 'enabled'
      and expires_at > ${range.from} and expires_at <= ${range.to} and ${where}
    ${tail}`.execute(db)
  return pageOfRows(page, answer.rows)
}
