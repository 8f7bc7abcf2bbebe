import { AppError } from '#base/errors.ts'
import type { Run } from '#jobs/jobs.ts'
import type { Db } from '#metadata/metadata.ts'
import { selectQueryOfRun } from '#metadata/query.ts'
import { selectScheduledQuery } from '#metadata/scheduled-queries.ts'
import { fillTemplate } from '#sql/template.ts'
import type { QueryRequest } from '../background.ts'
import { readRequest } from './stored-request.ts'

/** What a run is to run. */
export interface RunTask {
  readonly name: string
  readonly isScheduled: boolean
  readonly request: QueryRequest
  /** Without placeholders and templates. */
  readonly sql: string
  readonly template: { readonly id: string; readonly name: string } | undefined
}

/** @throws AppError 'query.unknown' when the schedule is gone */
export async function taskOf(db: Db, run: Run): Promise<RunTask> {
  const schedule = await selectScheduledQuery(db, run.sandboxId, run.subjectId)
  const row = schedule ?? (await selectQueryOfRun(db, run.id))
  if (!row) throw new AppError('query.unknown', `There is no query ${run.subjectId} any more.`)
  const request = readRequest(row.request ?? {})
  const left = (schedule?.parameters ?? {}) as Readonly<Record<string, string>>
  const { template_id: templateId, template_name: templateName } = row
  return {
    name: (schedule?.name ?? request.name ?? templateName) || 'API query',
    isScheduled: schedule !== undefined,
    request,
    sql: Object.keys(left).length === 0 ? row.sql : fillTemplate(row.sql, left),
    template: templateId === null ? undefined : { id: templateId, name: templateName ?? '' },
  }
}
