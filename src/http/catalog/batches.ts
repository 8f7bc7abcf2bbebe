import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { batchDocument } from '../gateway/batch-document.ts'
import { callerOf } from '../gateway/caller.ts'
import { batchesQuery, batchPageOf } from './batches-query.ts'
import { trimmed } from './data-sets-query.ts'

const tags = ['Catalog']
const config = guarded('catalog', 'view-datasets')
const batches = z.record(z.string(), z.looseObject({})).describe('Batches by id')

export function addBatches(app: App, { datasets }: HttpDependencies): void {
  app.get(
    '/batches',
    {
      config,
      schema: {
        tags,
        summary: 'List batches, newest first',
        querystring: batchesQuery,
        response: { 200: batches },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const list = await datasets.batches(caller, batchPageOf(request.query))
      const documents = Object.fromEntries(list.map((batch) => [batch.id, batchDocument(caller, batch)]))
      return trimmed(documents, request.query.properties)
    },
  )

  app.get(
    '/batches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Read a batch',
        params: z.object({ id: z.string() }),
        querystring: batchesQuery.pick({ properties: true }),
        response: { 200: batches },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const batch = await datasets.batch(caller, parseId('batch', request.params.id))
      return trimmed({ [batch.id]: batchDocument(caller, batch) }, request.query.properties)
    },
  )
}
