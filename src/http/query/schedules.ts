import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { ScheduledQuery } from '#query/query.ts'
import type { HttpDependencies, QueryRun } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { checkSyntax, queryBody } from './queries.ts'

const tags = ['Query Service']
const view = guarded('query', 'manage-queries')
const batch = guarded('query', 'batch-queries')
const params = z.object({ id: z.string().max(100) })

const instant = z.union([z.iso.datetime({ offset: true }), z.number()]).transform((value) => new Date(value))

const newSchedule = z.looseObject({
  query: queryBody,
  schedule: z.looseObject({
    schedule: z.string().max(200).describe('Five-field cron expression in UTC, or `@once`'),
    startDate: instant.optional(),
    endDate: instant.optional(),
  }),
})

const scheduleAnswer = z.looseObject({ id: z.string(), state: z.string() })
const runAnswer = z.looseObject({ id: z.string(), state: z.string() })

export function addSchedules(app: App, dependencies: HttpDependencies): void {
  const { query, clock, fillTemplate } = dependencies
  const scheduled = async (caller: Caller) =>
    (await query.scheduledQueries(caller)).filter((stored) => stored.schedule !== undefined)

  app.get(
    '/schedules',
    {
      config: view,
      schema: {
        tags,
        summary: 'List scheduled queries',
        response: { 200: z.looseObject({ schedules: z.array(scheduleAnswer) }) },
      },
    },
    async (request) => {
      const list = (await scheduled(callerOf(request))).map((stored) =>
        scheduleDocument(callerOf(request), stored),
      )
      return { schedules: list, _page: { orderby: '-created', count: list.length }, _links: {}, version: 1 }
    },
  )

  app.post(
    '/schedules',
    {
      config: batch,
      schema: { tags, summary: 'Schedule a query', body: newSchedule, response: { 202: scheduleAnswer } },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { query: wanted, schedule } = request.body
      const parameters = wanted.queryParameters ?? {}
      await checkSyntax(query, caller, { sql: fillTemplate(wanted.sql, parameters), database: wanted.dbName })
      const stored = await query.createScheduledQuery(caller, {
        name: wanted.name ?? 'Scheduled query',
        sql: wanted.sql,
        parameters,
        schedule: {
          cron: schedule.schedule,
          startAt: schedule.startDate ?? clock.now(),
          ...(schedule.endDate === undefined ? {} : { endAt: schedule.endDate }),
        },
      })
      return await reply.code(202).send(scheduleDocument(caller, stored))
    },
  )

  app.get(
    '/schedules/:id',
    {
      config: view,
      schema: { tags, summary: 'Read a scheduled query', params, response: { 200: scheduleAnswer } },
    },
    async (request) =>
      scheduleDocument(callerOf(request), found(await scheduled(callerOf(request)), request.params.id)),
  )
  addRuns(app, dependencies, scheduled)
}

function addRuns(
  app: App,
  { query, runs }: HttpDependencies,
  scheduled: (caller: Caller) => Promise<readonly ScheduledQuery[]>,
): void {
  app.get(
    '/schedules/:id/runs',
    {
      config: view,
      schema: {
        tags,
        summary: 'Runs of a scheduled query, newest first',
        params,
        response: { 200: z.looseObject({ runsSchedules: z.array(runAnswer) }) },
      },
    },
    async (request) => {
      const { id } = found(await scheduled(callerOf(request)), request.params.id)
      const list = (await runs.ofSchedule(id)).map(runDocument)
      return {
        runsSchedules: list,
        _page: { orderby: '-created', count: list.length },
        _links: {},
        version: 1,
      }
    },
  )
  app.post(
    '/schedules/:id/runs',
    {
      config: batch,
      schema: {
        tags,
        summary: 'Run a scheduled query now',
        params,
        response: { 202: z.looseObject({ id: z.string() }) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const stored = found(await scheduled(caller), request.params.id)
      const id = await query.runScheduledQuery(caller, stored.id)
      return await reply
        .code(202)
        .send({ id, message: 'Request to trigger run of a scheduled query accepted.', statusCode: 202 })
    },
  )
  app.get(
    '/schedules/:id/runs/:runId',
    {
      config: view,
      schema: {
        tags,
        summary: 'Read a run of a scheduled query',
        params: params.extend({ runId: z.string().max(100) }),
        response: { 200: runAnswer },
      },
    },
    async (request) => {
      const { id } = found(await scheduled(callerOf(request)), request.params.id)
      const run = await runs.get(parseId('run', request.params.runId))
      if (run?.scheduleId === id) return runDocument(run)
      throw new AppError('query.unknown', `The scheduled query ${id} has no run ${request.params.runId}.`)
    },
  )
}

function found(list: readonly ScheduledQuery[], id: string): ScheduledQuery {
  const stored = list.find((candidate) => candidate.id === id)
  if (stored) return stored
  throw new AppError('query.unknown', `There is no scheduled query ${JSON.stringify(id)}.`)
}

function scheduleDocument({ sandbox }: Caller, stored: ScheduledQuery) {
  return {
    id: stored.id,
    state: stored.isEnabled ? 'ENABLED' : 'DISABLED',
    query: {
      dbName: `${sandbox.name}:all`,
      name: stored.name,
      sql: stored.sql,
      queryParameters: stored.parameters ?? {},
    },
    schedule: {
      schedule: stored.schedule?.cron,
      startDate: stored.schedule?.startAt.toISOString(),
      ...(stored.schedule?.endAt === undefined ? {} : { endDate: stored.schedule.endAt.toISOString() }),
      maxActiveRuns: 1,
    },
    created: stored.createdAt.toISOString(),
    version: 1,
  }
}

function runDocument(run: QueryRun) {
  return {
    id: run.id,
    scheduleId: run.scheduleId,
    state: run.state,
    externalTrigger: run.isManual,
    created: run.createdAt.toISOString(),
    ...(run.startedAt === undefined ? {} : { started: run.startedAt.toISOString() }),
    ...(run.finishedAt === undefined ? {} : { completed: run.finishedAt.toISOString() }),
    ...(run.message === undefined ? {} : { message: run.message }),
    version: 1,
  }
}
