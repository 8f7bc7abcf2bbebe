import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { ScheduleChange, ScheduleFilter } from '#query/background.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { type Filters, filtersOf, listDocument, listQuery, orderOf } from './list.ts'
import { base } from './query-document.ts'
import { orNull, queryBody, requestOf } from './request.ts'
import { scheduleDocument } from './schedule-document.ts'
import { accepted, acceptedShape, listShape, registeringShape, scheduleShape } from './shapes.ts'
import { utcText } from './utc-text.ts'

const tags = ['Query Service']
const view = guarded('query', 'manage-queries')
const batch = guarded('query', 'batch-queries')
const params = z.object({ id: z.string().max(100) })

const wantedTime = 'Expected a time like 2026-01-31T06:00:00Z'
/** What is written without an offset is of UTC, as schedules are. */
const instant = z
  .union([z.iso.datetime({ offset: true, local: true, error: wantedTime }), z.number()], wantedTime)
  .transform((value) => new Date(typeof value === 'string' ? utcText(value) : value))
  .refine((time) => time.getUTCFullYear() > 0 && time.getUTCFullYear() < 10_000, wantedTime)

const newSchedule = z.looseObject({
  query: queryBody,
  schedule: z.looseObject({
    schedule: z
      .string()
      .max(200)
      .describe('Five-field cron expression, `L` for the last day of the month, or `@once`: at startDate'),
    startDate: orNull(instant),
    endDate: orNull(instant),
    timeZone: orNull(z.string().max(60)).describe(
      'Of the IANA database; whose wall clocks the expression means. UTC by default',
    ),
    quarantineAfter: orNull(z.int().min(1).max(1_000)).describe(
      'Failures one after the other after which the schedule is disabled; never by default',
    ),
  }),
})

const operation = z.looseObject({
  op: z.literal('replace'),
  path: z.enum([
    '/state',
    '/schedule/schedule',
    '/schedule/startDate',
    '/schedule/endDate',
    '/schedule/timeZone',
    '/schedule/quarantineAfter',
  ]),
  value: z.union([z.string(), z.number(), z.null()]),
})
const changes = z.array(operation).min(1).max(10)

const filters: Filters<ScheduleFilter['field']> = {
  created: { field: 'created', operators: ['>', '<'], kind: 'time' },
  updated: { field: 'updated', operators: ['>', '<'], kind: 'time' },
  templateId: { field: 'templateId', operators: ['=='], kind: 'text' },
  userId: { field: 'userId', operators: ['=='], kind: 'text' },
}

export function addSchedules(app: App, { query: { schedules }, clock }: HttpDependencies): void {
  app.get(
    '/schedules',
    {
      config: view,
      schema: {
        tags,
        summary: 'List scheduled queries',
        querystring: listQuery,
        response: { 200: listShape.extend({ schedules: z.array(scheduleShape) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { query } = request
      const { order, page } = orderOf(query)
      const found = await schedules.list(caller, {
        order,
        page,
        filters: filtersOf<ScheduleFilter>(query.property, filters),
      })
      const list = { path: `${base}/schedules`, key: 'schedules', query, order } as const
      return listDocument(list, found, (one) => scheduleDocument(caller, one))
    },
  )

  app.post(
    '/schedules',
    {
      config: batch,
      schema: { tags, summary: 'Schedule a query', body: newSchedule, response: { 202: registeringShape } },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { query, schedule } = request.body
      const made = await schedules.create(caller, {
        request: requestOf(caller, query),
        timing: {
          cron: schedule.schedule,
          startAt: schedule.startDate ?? clock.now(),
          endAt: schedule.endDate,
          timeZone: schedule.timeZone,
          quarantineAfter: schedule.quarantineAfter,
        },
      })
      const { created: _created, updated: _updated, ...rest } = scheduleDocument(caller, made)
      return await reply.code(202).send({ ...rest, state: 'REGISTERING' as const })
    },
  )

  app.get(
    '/schedules/:id',
    {
      config: view,
      schema: { tags, summary: 'Read a scheduled query', params, response: { 200: scheduleShape } },
    },
    async (request) => {
      const caller = callerOf(request)
      return scheduleDocument(caller, await schedules.get(caller, request.params.id))
    },
  )

  app.patch(
    '/schedules/:id',
    {
      config: batch,
      schema: {
        tags,
        summary: 'Enable, disable or re-time a schedule',
        description:
          'Enabled again, a schedule makes up for all ticks it missed by one run; a new time begins from now on.',
        params,
        body: z.union([z.looseObject({ body: changes }), changes]),
        response: { 202: acceptedShape },
      },
    },
    async (request, reply) => {
      const operations = Array.isArray(request.body) ? request.body : request.body.body
      await schedules.change(callerOf(request), request.params.id, changeOf(operations))
      return await reply.code(202).send(accepted('Request to patch accepted'))
    },
  )

  app.delete(
    '/schedules/:id',
    {
      config: batch,
      schema: {
        tags,
        summary: 'Delete a disabled schedule without runs under way',
        params,
        response: { 202: acceptedShape },
      },
    },
    async (request, reply) => {
      await schedules.delete(callerOf(request), request.params.id)
      return await reply.code(202).send(accepted('Request to delete accepted'))
    },
  )
}

/** @throws AppError 'request.invalid' */
function changeOf(operations: z.output<typeof changes>): ScheduleChange {
  let change: ScheduleChange = {}
  const retime = (timing: NonNullable<ScheduleChange['timing']>) => {
    change = { ...change, timing: { ...change.timing, ...timing } }
  }
  for (const { path, value } of operations) {
    switch (path) {
      case '/state':
        change = { ...change, isEnabled: stateOf(value) }
        break
      case '/schedule/schedule':
        retime({ cron: String(value) })
        break
      case '/schedule/startDate':
        retime({ startAt: timeOf(path, value) })
        break
      case '/schedule/endDate':
        retime({ endAt: value === null ? undefined : timeOf(path, value) })
        break
      case '/schedule/timeZone':
        retime({ timeZone: value === null ? undefined : String(value) })
        break
      default:
        retime({ quarantineAfter: value === null ? undefined : Number(value) })
    }
  }
  return change
}

function stateOf(value: unknown): boolean {
  if (value === 'enable' || value === 'disable') return value === 'enable'
  throw new AppError('request.invalid', '/state becomes "enable" or "disable".')
}

function timeOf(path: string, value: string | number | null): Date {
  const time = instant.safeParse(value)
  if (time.success) return time.data
  throw new AppError('request.invalid', `${path}: ${JSON.stringify(value)} is no time.`)
}
