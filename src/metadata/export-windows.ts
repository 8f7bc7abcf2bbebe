import { sql } from 'kysely'
import type { FlowId } from '#base/ids.ts'
import type { RunRow } from './jobs.ts'
import type { Db } from './metadata.ts'

/** Which windows of record time; what is not said is not minded. */
export interface WindowReach {
  readonly datasetIds?: readonly string[]
  /** Those that have a moment in common with [from, before). */
  readonly overlapping?: { readonly from: string; readonly before: string }
  readonly limit: number
  readonly offset?: number
}

const datasetOf = sql<string>`payload ->> 'datasetId'`
const fromOf = sql<string>`(payload -> 'window' ->> 'from') collate "C"`
const beforeOf = sql<string>`(payload -> 'window' ->> 'before') collate "C"`

/** The newest run of each window of an export, by dataset and time. */
export async function selectWindowRuns(
  db: Db,
  flowId: FlowId,
  { datasetIds, overlapping, limit, offset = 0 }: WindowReach,
): Promise<RunRow[]> {
  let query = db
    .selectFrom('job_runs')
    .selectAll()
    .distinctOn([datasetOf, fromOf, beforeOf])
    .where('kind', '=', 'export')
    .where(sql<string>`split_part(subject_id, ':', 1)`, '=', flowId)
    .where(sql<boolean>`payload ? 'window'`)
    // What was asked for ad hoc is delivered as often as it is asked for.
    .where(sql<boolean>`not payload ? 'isAdHoc'`)
  if (datasetIds) query = query.where(datasetOf, 'in', datasetIds)
  if (overlapping)
    query = query
      .where(sql<Date>`${fromOf}::timestamptz`, '<', new Date(overlapping.before))
      .where(sql<Date>`${beforeOf}::timestamptz`, '>', new Date(overlapping.from))
  return await query
    .orderBy(datasetOf)
    .orderBy(fromOf)
    .orderBy(beforeOf)
    .orderBy('sequence', 'desc')
    .limit(limit)
    .offset(offset)
    .execute()
}
