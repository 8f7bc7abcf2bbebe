import { sql } from 'kysely'
import type { RunRow } from './jobs.ts'
import type { Db } from './metadata.ts'
import { isHeard, isUntold, type Mailing } from './untold-runs.ts'

/**
 * Runs of queries that nobody works on yet though they should be over, of which somebody wants to hear and nothing has
 * been told; oldest first. What is worked on is minded where that is done.
 */
export async function selectLateWaitingQueries(
  db: Db,
  late: Mailing & { readonly now: Date; readonly delayMinutesDefault: number },
  limit: number,
): Promise<RunRow[]> {
  const answer = await sql<RunRow>`
    select run.*
    from job_runs run
    left join alert_subscriptions alert on alert.sandbox_id = run.sandbox_id
      and alert.asset_id::text = run.subject_id and alert.alert_type = 'delay' and alert.is_enabled
    where run.kind = 'query' and run.state = 'queued'
      and run.created_at + make_interval(mins => coalesce(alert.delay_minutes, ${late.delayMinutesDefault}::int))
        <= ${late.now}
      and ${isUntold('query', 'delay')} and ${isHeard('query', 'delay', late)}
    order by run.created_at, run.id
    limit ${limit}`.execute(db)
  return answer.rows
}
