import { z } from 'zod'
import type { RunFilter } from '#query/background.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { type Filters, filtersOf, listDocument, listQuery, orderOf } from './list.ts'
import { base } from './query-document.ts'
import { runDetails, runDocument } from './schedule-document.ts'
import { accepted, acceptedShape, listShape, runShape } from './shapes.ts'

const tags = ['Query Service']
const view = guarded('query', 'manage-queries')
const params = z.object({ id: z.string().max(100) })
const runParams = params.extend({ runId: z.string().max(200) })

const filters: Filters<RunFilter['field']> = {
  created: { field: 'created', operators: ['>', '<'], kind: 'time' },
  state: { field: 'state', operators: ['==', '!='], kind: 'text' },
  externalTrigger: { field: 'externalTrigger', operators: ['==', '!='], kind: 'boolean' },
}

export function addScheduleRuns(app: App, { query: { schedules } }: HttpDependencies): void {
  app.get(
    '/schedules/:id/runs',
    {
      config: view,
      schema: {
        tags,
        summary: 'Runs of a scheduled query',
        params,
        querystring: listQuery,
        response: { 200: listShape.extend({ runsSchedules: z.array(runShape) }) },
      },
    },
    async (request) => {
      const { query } = request
      const { id } = request.params
      const { page } = orderOf(query)
      const found = await schedules.runs(callerOf(request), id, {
        page,
        filters: filtersOf<RunFilter>(query.property, filters),
      })
      const path = `${base}/schedules/${encodeURIComponent(id)}/runs`
      const list = { path, key: 'runsSchedules', query, order: 'created' } as const
      return listDocument(list, found, runDocument, ({ runId }) => runId)
    },
  )

  app.post(
    '/schedules/:id/runs',
    {
      config: guarded('query', 'batch-queries'),
      schema: {
        tags,
        summary: 'Run a scheduled query now, with the rights of who asks',
        params,
        response: { 202: acceptedShape },
      },
    },
    async (request, reply) => {
      const { id } = await schedules.trigger(callerOf(request), request.params.id)
      const message = 'Request to trigger run of a scheduled query accepted.'
      return await reply.code(202).send({ ...accepted(message), id })
    },
  )

  app.get(
    '/schedules/:id/runs/:runId',
    {
      config: view,
      schema: {
        tags,
        summary: 'Why a run ran, what it did and how it ended',
        params: runParams,
        response: { 200: runShape },
      },
    },
    async (request) => {
      const { id, runId } = request.params
      return runDetails(await schedules.run(callerOf(request), id, runId))
    },
  )

  app.patch(
    '/schedules/:id/runs/:runId',
    {
      config: view,
      schema: {
        tags,
        summary: 'Cancel a run',
        params: runParams,
        body: z.looseObject({ op: z.literal('cancel') }),
        response: { 202: acceptedShape },
      },
    },
    async (request, reply) => {
      const { id, runId } = request.params
      await schedules.cancelRun(callerOf(request), id, runId)
      return await reply.code(202).send(accepted('Request to cancel run of a scheduled query accepted.'))
    },
  )
}
