import { sql } from 'kysely'
import type { FlowId } from '#base/ids.ts'
import type { RunRow } from './jobs.ts'
import type { Db } from './metadata.ts'

/** Runs of an export for windows of record time, oldest first. */
export async function selectWindowRuns(db: Db, flowId: FlowId): Promise<RunRow[]> {
  return await db
    .selectFrom('job_runs')
    .selectAll()
    .where('kind', '=', 'export')
    .where(sql<string>`split_part(subject_id, ':', 1)`, '=', flowId)
    .where(sql<boolean>`payload ? 'window'`)
    .orderBy('sequence')
    .execute()
}
