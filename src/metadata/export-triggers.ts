import { sql } from 'kysely'
import type { DatasetId, FlowId, PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { Db } from './metadata.ts'

/** A flow that is enabled and waits for something else than a moment. */
export interface TriggeredFlow {
  readonly id: FlowId
  readonly sandbox_id: SandboxId
  readonly document: Record<string, unknown>
  readonly created_at: Date
  readonly updated_by: PrincipalId
}

export async function selectTriggeredFlows(db: Db, limit: number): Promise<TriggeredFlow[]> {
  const answer = await sql<TriggeredFlow>`
    select id, sandbox_id, document, created_at, updated_by from flow_entities
    where kind = 'flows' and deleted_at is null
      and document ->> 'state' = 'enabled'
      and document -> 'scheduleParams' ->> 'timeUnit' in ('query', 'arrival')
    order by id
    limit ${limit}`.execute(db)
  return answer.rows
}

/** The newest run of a scheduled query that succeeded, and when it ended. */
export async function selectQueryRunEnd(
  db: Db,
  query: { readonly scheduleId: string; readonly sandboxId: SandboxId },
): Promise<{ readonly runId: RunId; readonly at: Date } | undefined> {
  const row = await db
    .selectFrom('job_runs')
    .select(['id', 'finished_at'])
    .where('kind', '=', 'query')
    .where('subject_id', '=', query.scheduleId)
    .where('sandbox_id', '=', query.sandboxId)
    .where('state', '=', 'succeeded')
    .orderBy('finished_at', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.finished_at ? { runId: row.id, at: row.finished_at } : undefined
}

/** When rows first and last arrived in a dataset that the flow has not delivered; undefined: there are none. */
export async function selectArrival(
  db: Db,
  flow: {
    readonly id: FlowId
    readonly datasetId: DatasetId
    readonly sandboxId: SandboxId
    /** The last commit that it does not deliver, until it has delivered something. */
    readonly afterSequence: number
  },
): Promise<{ readonly first: Date; readonly last: Date } | undefined> {
  const answer = await sql<{ first: Date | null; last: Date | null }>`
    select min(lake_commit.committed_at) as first, max(lake_commit.committed_at) as last
    from datasets dataset
    join lake_commits lake_commit on lake_commit.table_id = dataset.table_id
    left join export_chains chain on chain.flow_id = ${flow.id} and chain.dataset_id = dataset.id
    where dataset.id = ${flow.datasetId} and dataset.sandbox_id = ${flow.sandboxId}
      and lake_commit.operation in ('append', 'overwrite') and lake_commit.added_rows > 0
      and lake_commit.sequence > case when chain.begins_anew is false then chain.watermark_sequence
        else ${flow.afterSequence} end`.execute(db)
  const { first, last } = answer.rows[0] ?? {}
  return first && last ? { first, last } : undefined
}
