import { type ColumnType, type RawBuilder, sql } from 'kysely'
import type { Db } from './metadata.ts'

export interface RunTotalTables {
  /** What runs that are not kept any more add up to, so that figures over all runs never fall. */
  run_totals: {
    kind: string
    /** `succeeded`, `failed`, `lastSuccessMs` since 1970, or `result.NAME` of what runs ended with. */
    name: string
    value: ColumnType<string, number, number>
  }
}

/** What is removed at a time. */
interface Old {
  /** What ended before. */
  readonly before: Date
  readonly limit: number
}

/**
 * Removes the oldest runs that ended before, and adds up what they did; how many. Those of exports are the record of what
 * was delivered, and those in the query log give its entries their states: both are kept.
 */
export async function deleteEndedRuns(db: Db, { before, limit }: Old): Promise<number> {
  const answer = await sql<{ count: number }>`
    with gone as (
      delete from job_runs where id in (
        select id from job_runs run
        where finished_at < ${before} and kind <> 'export' and state in ('succeeded', 'failed', 'cancelled')
          and not exists (select from query_log log where log.run_id = run.id)
        order by finished_at
        limit ${limit}
        for update skip locked
      )
      returning kind, state, result, finished_at
    ), figures as (
      select kind, state::text as name, count(*)::numeric as value
        from gone where state in ('succeeded', 'failed') group by kind, state
      union all
      select kind, 'lastSuccessMs', max(floor(extract(epoch from finished_at) * 1000))
        from gone where state = 'succeeded' group by kind
      union all
      select kind, 'result.' || figure.key, sum((figure.value #>> '{}')::numeric)
        from gone cross join lateral jsonb_each(
          case when jsonb_typeof(gone.result) = 'object' then gone.result end
        ) figure
        where jsonb_typeof(figure.value) = 'number'
        group by kind, figure.key
    ), added as (
      insert into run_totals (kind, name, value) select kind, name, value from figures
      on conflict (kind, name) do update set value = case excluded.name
        when 'lastSuccessMs' then greatest(run_totals.value, excluded.value)
        else run_totals.value + excluded.value
      end
    )
    select count(*)::int as count from gone`.execute(db)
  return answer.rows[0]?.count ?? 0
}

/** Removes the record of staged parts of which nothing is left, of runs that ended before; how many. */
export async function deleteGoneParts(db: Db, { before, limit }: Old): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from export_parts where id in (
      select part.id from export_parts part
      join job_runs run on run.id = part.run_id
      where part.state = 'gone' and part.created_at < ${before} and run.finished_at < ${before}
      order by part.created_at
      limit ${limit}
      for update of part skip locked
    )`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

/** Of the runs of one kind that are not kept any more; 0 when there were none. */
export function removedTotal(kind: string, name: string): RawBuilder<number> {
  return sql<number>`coalesce(
    (select value from run_totals where run_totals.kind = ${kind} and run_totals.name = ${name}), 0)::float8`
}
