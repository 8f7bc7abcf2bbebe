import { must } from '#base/assert.ts'
import { AppError, type ErrorCode, meanings } from '#base/errors.ts'
import { isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { type QueryLogRow, selectQueries, selectQuery, updateQueryLog } from '#metadata/query.ts'
import type { LoggedQuery, Queries, QueryRequest } from '../background.ts'
import { enqueueQuery } from './enqueue-query.ts'
import { focusOf } from '../names/focus.ts'
import { outputOf, outputText } from '../tables/output-text.ts'
import type { QueryLog } from './query-log.ts'
import { resolveText } from './resolve-text.ts'
import { runIdText } from '../schedule-run.ts'
import type { QueryServiceOptions } from '../services.ts'
import { readRequest } from './stored-request.ts'

/** The job kind of queries in the background: a submitted one is its run's subject, a schedule that of its runs. */
export const queryKind = 'query'

type Services = QueryServiceOptions

export function createQueries(services: Services, log: QueryLog): Queries {
  const { access, clock, jobs, metadata } = services
  const require = async ({ principal, sandbox }: Caller, permission: 'batch-queries' | 'manage-queries') => {
    await access.require({ principal, permission, sandboxId: sandbox.id })
  }

  async function found(caller: Caller, id: string): Promise<QueryLogRow> {
    await log.settled()
    const row = isUuid(id) ? await selectQuery(metadata.db, caller.sandbox.id, id) : undefined
    if (row) return row
    throw new AppError('query.unknown', `There is no query ${JSON.stringify(id.slice(0, 80))}.`)
  }

  return {
    submit: async (caller, request) => {
      await require(caller, 'batch-queries')
      const focus = await focusOf(services, { caller, database: request.database })
      const resolved = await resolveText(services, caller, request)
      const text = await outputText(
        { services, caller, focus },
        { text: resolved.text, request, appends: false },
      )
      const output = outputOf(services.sql.split(text).map((scanned) => services.sql.parse(scanned)))
      const id = await enqueueQuery(services, caller, {
        kind: queryKind,
        request,
        resolved,
        effective: { sql: text, output },
      })
      const row = must(await selectQuery(metadata.db, caller.sandbox.id, id), 'a query is there once stored')
      return queryOf(row, row.created_at)
    },
    get: async (caller, id) => {
      await require(caller, 'manage-queries')
      return queryOf(await found(caller, id), clock.now())
    },
    list: async (caller, options) => {
      await require(caller, 'manage-queries')
      await log.settled()
      const { rows, next, hasPrevious } = await selectQueries(metadata.db, caller.sandbox.id, options)
      const now = clock.now()
      return { rows: rows.map((row) => queryOf(row, now)), next: next && queryOf(next, now), hasPrevious }
    },
    cancel: async (caller, id) => {
      await require(caller, 'manage-queries')
      const row = await found(caller, id)
      if (!isUnderWay(row)) throw ended(id, `ended as ${row.state} already`)
      await record(caller, 'cancel', id)
      if (row.run_id !== null) await jobs.cancel(row.run_id, caller.principal.id)
      else await log.cancel(id)
    },
    softDelete: async (caller, id) => {
      await require(caller, 'manage-queries')
      const row = await found(caller, id)
      if (isUnderWay(row)) throw ended(id, 'is still under way: cancel it first')
      await record(caller, 'delete', id)
      await updateQueryLog(metadata.db, id, { deleted_at: clock.now() })
    },
  }

  async function record({ principal, sandbox }: Caller, action: string, id: string): Promise<void> {
    await access.audit({
      principalId: principal.id,
      sandboxId: sandbox.id,
      action,
      assetType: 'Query',
      assetId: id,
      status: 'Allow',
    })
  }
}

function isUnderWay({ state }: QueryLogRow): boolean {
  return state === 'SUBMITTED' || state === 'IN_PROGRESS'
}

function ended(id: string, what: string): AppError {
  return new AppError('query.ended', `The query ${id} ${what}.`)
}

function queryOf(row: QueryLogRow, now: Date): LoggedQuery {
  const end = isUnderWay(row) ? now : row.updated_at
  const request: QueryRequest | undefined = row.request === null ? undefined : readRequest(row.request)
  return {
    id: row.id,
    sql: row.sql,
    effectiveSql: row.effective_sql ?? undefined,
    request,
    state: row.state,
    output: row.output ?? undefined,
    client: row.client,
    userId: row.principal_id,
    userName: row.principal_name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    elapsedMs: Math.max(0, end.getTime() - row.created_at.getTime()),
    rowCount: Number(row.row_count),
    templateId: row.template_id ?? undefined,
    templateName: row.template_name ?? undefined,
    scheduleId: row.schedule_id ?? undefined,
    scheduleRunId: row.schedule_id === null || row.run_tick === null ? undefined : runIdText(row.run_tick),
    referencedDatasets: row.referenced_datasets,
    createdDataset: row.created_dataset ?? undefined,
    copyUri: row.copy_uri ?? undefined,
    isDeleted: row.deleted_at !== null,
    error: row.code === null ? undefined : { code: codeOf(row.code), message: row.message ?? '' },
  }
}

/** A code of a newer version is still a failure. */
function codeOf(code: string): ErrorCode {
  return Object.hasOwn(meanings, code) ? (code as ErrorCode) : 'internal'
}
