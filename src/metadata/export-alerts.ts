import { sql } from 'kysely'
import type { FlowId, PrincipalId, RunId, SandboxId } from '#base/ids.ts'
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
