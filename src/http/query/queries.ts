import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { QueryLogEntry, QueryService, ScheduledQuery } from '#query/query.ts'
import type { HttpDependencies, QueryRun } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { limit } from '../gateway/page.ts'

const tags = ['Query Service']
const logLengthMax = 1_000

/** What a query is made of, alone or in a schedule. */
export const queryBody = z.looseObject({
  dbName: z.string().max(200).default('all'),
  sql: z.string().min(1).max(1_000_000),
  name: z.string().max(255).optional(),
  description: z.string().max(4_000).optional(),
  queryParameters: z
    .record(z.string(), z.coerce.string())
    .optional()
    .describe('Values of the `$key` placeholders in the text'),
})

const queryAnswer = z.looseObject({ id: z.string(), state: z.string() })

export function addQueries(app: App, { query, runs, fillTemplate }: HttpDependencies): void {
  app.post(
    '/queries',
    {
      config: guarded('query', 'batch-queries'),
      schema: {
        tags,
        summary: 'Run a query in the background',
        description:
          'Rows are not returned: the query creates or appends to a dataset. For rows use the PostgreSQL protocol or POST /sluice/v1/sql.',
        body: queryBody,
        response: { 202: queryAnswer },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { sql, dbName, name, queryParameters = {} } = request.body
      await checkSyntax(query, caller, { sql: fillTemplate(sql, queryParameters), database: dbName })
      // A scheduled query without a schedule: durable, and run like one.
      const stored = await query.createScheduledQuery(caller, {
        name: name ?? 'API query',
        sql,
        parameters: queryParameters,
      })
      const id = await query.runScheduledQuery(caller, stored.id)
      const run = await runs.get(id)
      return await reply.code(202).send(runDocument(caller, { id, run, stored }))
    },
  )

  app.get(
    '/queries',
    {
      config: guarded('query', 'manage-queries'),
      schema: {
        tags,
        summary: 'What runs and what ran, newest first',
        querystring: z.object({ limit }),
        response: { 200: z.looseObject({ queries: z.array(queryAnswer) }) },
      },
    },
    async (request) => {
      const list = (await query.log(callerOf(request), request.query)).map(logDocument)
      return { queries: list, _page: { orderby: '-created', count: list.length }, _links: {}, version: 1 }
    },
  )

  app.get(
    '/queries/:id',
    {
      config: guarded('query', 'manage-queries'),
      schema: {
        tags,
        summary: 'Read a query',
        params: z.object({ id: z.string().max(100) }),
        response: { 200: queryAnswer },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { id } = request.params
      const run = isId('run', id) ? await runs.get(id) : undefined
      const stored = run && (await query.scheduledQueries(caller)).find((one) => one.id === run.scheduleId)
      if (stored) return runDocument(caller, { id, run, stored })
      const entry = (await query.log(caller, { limit: logLengthMax })).find((entry) => entry.id === id)
      if (entry) return logDocument(entry)
      throw new AppError('query.unknown', `There is no query ${JSON.stringify(id)}.`)
    },
  )
}

/** @throws AppError 'query.syntax' before anything is stored. */
export async function checkSyntax(
  query: QueryService,
  caller: Caller,
  { sql, database }: { readonly sql: string; readonly database: string },
): Promise<void> {
  await using session = await query.openSession({
    caller,
    database: databaseName(caller, database),
    client: 'API',
  })
  session.parse(sql)
}

/**
 * The part after `prod:`.
 * @throws AppError 'request.invalid' when another sandbox is named than the header's
 */
export function databaseName(caller: Caller, dbName: string): string {
  const [sandbox, database] = dbName.includes(':') ? dbName.split(':', 2) : [caller.sandbox.name, dbName]
  if (sandbox !== caller.sandbox.name) {
    throw new AppError(
      'request.invalid',
      `dbName names the sandbox ${JSON.stringify(sandbox)}, the header x-sandbox-name ${JSON.stringify(caller.sandbox.name)}.`,
    )
  }
  return database === undefined || database === '' ? 'all' : database
}

function runDocument(
  { sandbox }: Caller,
  { id, run, stored }: { id: string; run: QueryRun | undefined; stored: ScheduledQuery },
) {
  const state = run?.state ?? 'SUBMITTED'
  return {
    id,
    request: { dbName: `${sandbox.name}:all`, sql: stored.sql, name: stored.name },
    state: state === 'QUEUED' ? 'SUBMITTED' : state,
    created: (run?.createdAt ?? stored.createdAt).toISOString(),
    updated: (run?.finishedAt ?? run?.startedAt ?? run?.createdAt ?? stored.createdAt).toISOString(),
    elapsedTime: run?.finishedAt === undefined ? 0 : run.finishedAt.getTime() - run.createdAt.getTime(),
    client: 'API',
    errors:
      run?.message === undefined ? [] : [{ code: '58000', message: run.message, errorType: 'USER_ERROR' }],
    version: 1,
  }
}

function logDocument(entry: QueryLogEntry) {
  return {
    id: entry.id,
    request: { sql: entry.sql },
    effectiveSQL: entry.sql,
    state: entry.state,
    created: entry.createdAt.toISOString(),
    updated: new Date(entry.createdAt.getTime() + entry.elapsedMs).toISOString(),
    elapsedTime: entry.elapsedMs,
    rowCount: entry.rowCount,
    userId: entry.principalName,
    client: entry.client,
    errors: entry.error === undefined ? [] : [{ ...entry.error, errorType: 'USER_ERROR' }],
    version: 1,
  }
}
