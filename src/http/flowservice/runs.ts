import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isId, type RunId } from '#base/ids.ts'
import type { RunAction } from '#exports/exports.ts'
import { unknownResource } from '#exports/unknown-resource.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { changeAnswer, entityQuery, listAnswer, listDocument, listQuery, oneAnswer } from './page.ts'

const tags = ['Flow Service']
const view = guarded('flowservice', 'view-destinations')

export function addRuns(app: App, dependencies: HttpDependencies): void {
  const { exports } = dependencies
  addRunAction(app, dependencies)
  app.get(
    '/runs',
    {
      config: view,
      schema: {
        tags,
        summary: 'List runs, newest first',
        querystring: listQuery,
        response: { 200: listAnswer },
      },
    },
    async (request) => {
      const query = entityQuery(request.query)
      return listDocument('runs', await exports.runDocuments(callerOf(request), query), query.count === true)
    },
  )
  app.get(
    '/runs/:id',
    {
      config: view,
      schema: {
        tags,
        summary: 'Read a run',
        params: z.object({ id: z.string() }),
        response: { 200: oneAnswer },
      },
    },
    async (request) => ({
      items: [await exports.runDocument(callerOf(request), runIdOf(request.params.id))],
    }),
  )
  app.post(
    '/runs',
    {
      config: guarded('flowservice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: 'Run a flow now',
        body: z.looseObject({
          flowId: z.string(),
          overridesWindows: z.boolean().optional().describe('Deliver though a window is closed'),
        }),
        response: { 201: changeAnswer },
      },
    },
    async (request, reply) => {
      const { flowId, overridesWindows = false } = request.body
      if (!isId('flow', flowId)) throw unknownResource('flows', flowId)
      const id = await exports.runNow(callerOf(request), flowId, { overridesWindows })
      const { etag } = await exports.runDocument(callerOf(request), id)
      return await reply.code(201).send({ id, etag: String(etag) })
    },
  )
}

const actions: Readonly<Record<string, RunAction>> = {
  re_trigger: 'retry',
  retry: 'retry',
  cancel: 'cancel',
  pause: 'pause',
  resume: 'resume',
}

function addRunAction(app: App, { exports }: HttpDependencies): void {
  app.post(
    '/runs/:id/action',
    {
      config: guarded('flowservice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: 'Pause, resume, cancel or repeat a run',
        description:
          'RE_TRIGGER tries a run that waits again at once; of one that is over it makes a new run, whose id is answered.',
        params: z.object({ id: z.string() }),
        querystring: z.object({
          op: z.string().describe('RE_TRIGGER, CANCEL, PAUSE or RESUME'),
          'if-match': z.string().optional(),
        }),
        response: { 200: changeAnswer },
      },
    },
    async (request) => {
      const action = actions[request.query.op.toLowerCase()]
      if (action === undefined) {
        const came = JSON.stringify(request.query.op.slice(0, 80))
        throw new AppError('request.invalid', `op is RE_TRIGGER, CANCEL, PAUSE or RESUME, ${came} came.`)
      }
      return await exports.controlRun(
        callerOf(request),
        runIdOf(request.params.id),
        action,
        request.headers['if-match'] ?? request.query['if-match'],
      )
    },
  )
}

function runIdOf(id: string): RunId {
  if (isId('run', id)) return id
  throw unknownResource('runs', id)
}
