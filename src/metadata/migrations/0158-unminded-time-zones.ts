import { type Kysely, sql } from 'kysely'

/**
 * Schedules of exports were taken with any `timeZone`, which nobody minded. Now one that is not of a cron expression is
 * refused, and what is stored is read as what comes: without it the exports go on as they did.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- A migration precedes the row types.
export async function up(db: Kysely<any>): Promise<void> {
  await sql`
    update flow_entities flow
    set document = flow.document #- '{scheduleParams,timeZone}'
    where flow.kind = 'flows' and flow.document -> 'scheduleParams' ? 'timeZone'
      and not exists (
        select from job_schedules schedule
        where schedule.kind = 'export' and schedule.subject_id = flow.id::text
          and schedule.rule ->> 'timeZone' = flow.document -> 'scheduleParams' ->> 'timeZone'
      )`.execute(db)
}
