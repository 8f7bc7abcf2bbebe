import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { batchDocument } from '../gateway/batch-document.ts'
import { callerOf } from '../gateway/caller.ts'
import { limit, start } from '../gateway/page.ts'

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
        querystring: z.object({ limit, start, dataSet: z.string().optional() }),
        response: { 200: batches },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { dataSet, ...page } = request.query
      const list = await datasets.batches(
        caller,
        dataSet === undefined || dataSet === '' ? page : { ...page, datasetId: parseId('dataset', dataSet) },
      )
      return Object.fromEntries(list.map((batch) => [batch.id, batchDocument(caller, batch)]))
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
        response: { 200: batches },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const batch = await datasets.batch(caller, parseId('batch', request.params.id))
      return { [batch.id]: batchDocument(caller, batch) }
    },
  )
}
