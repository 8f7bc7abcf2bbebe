import { sql } from 'kysely'
import type { FlowId, PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { RunRow } from './jobs.ts'
import type { Db } from './metadata.ts'

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

/** Enabled flows whose schedule ends within a time. */
export async function selectEndingFlows(
  db: Db,
  range: { readonly from: Date; readonly to: Date; readonly limit: number },
): Promise<EndingFlow[]> {
  const answer = await sql<EndingFlow>`
    select id, sandbox_id, document ->> 'name' as name, updated_by, ends_at
    from flow_entities
    cross join lateral (
      select to_timestamp((document -> 'scheduleParams' ->> 'endTime')::bigint) as ends_at
    ) schedule
    where kind = 'flows' and deleted_at is null and document ->> 'state' = 'enabled'
      and ends_at > ${range.from} and ends_at <= ${range.to}
    order by ends_at
    limit ${range.limit}`.execute(db)
  return answer.rows
}

export type DelayedRun = Pick<
  RunRow,
  'id' | 'subject_id' | 'sandbox_id' | 'principal_id' | 'state' | 'message'
>

/** Runs of exports that are not over when somebody wants to hear of it, and of which nothing has been told. */
export async function selectDelayedRuns(
  db: Db,
  late: { readonly now: Date; readonly delayMinutesDefault: number; readonly limit: number },
): Promise<DelayedRun[]> {
  const answer = await sql<DelayedRun>`
    select run.id, run.subject_id, run.sandbox_id, run.principal_id, run.state, run.message
    from job_runs run
    join alert_subscriptions alert on alert.sandbox_id = run.sandbox_id
      and alert.asset_id::text = split_part(run.subject_id, ':', 1)
    where run.kind = 'export' and run.state in ('queued', 'running', 'sealed', 'waiting')
      and alert.alert_type = 'delay' and alert.is_enabled
      and run.created_at + make_interval(mins => coalesce(alert.delay_minutes, ${late.delayMinutesDefault}::int))
        <= ${late.now}
      and not exists (
        select from notifications
        where sandbox_id = run.sandbox_id and key = 'export run ' || run.id::text || ' delay'
      )
    order by run.created_at
    limit ${late.limit}`.execute(db)
  return answer.rows
}
