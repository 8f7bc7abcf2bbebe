import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { changeAnswer, entityQuery, listAnswer, listDocument, listQuery, oneAnswer } from './page.ts'

const tags = ['Flow Service']
const view = guarded('flowservice', 'view-destinations')

export function addRuns(app: App, { exports }: HttpDependencies): void {
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
      items: [await exports.runDocument(callerOf(request), parseId('run', request.params.id))],
    }),
  )
  app.post(
    '/runs',
    {
      config: guarded('flowservice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: 'Run a flow now',
        body: z.looseObject({ flowId: z.string() }),
        response: { 201: changeAnswer },
      },
    },
    async (request, reply) => {
      const id = await exports.runNow(callerOf(request), parseId('flow', request.body.flowId))
      return await reply.code(201).send({ id, etag: `"${id}"` })
    },
  )
}
