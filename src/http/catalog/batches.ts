import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { Batch, BatchPage } from '#datasets/datasets.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { batchDocument } from '../gateway/batch-document.ts'
import { callerOf } from '../gateway/caller.ts'
import { batchesQuery, batchPageOf } from './batches-query.ts'
import { dataSetsQuery, trimmed } from './data-sets-query.ts'

const tags = ['Catalog']
const config = guarded('catalog', 'view-datasets')
const batches = z.record(z.string(), z.looseObject({})).describe('Batches by id')

export function addBatches(app: App, { datasets, statistics }: HttpDependencies): void {
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

  app.get(
    '/lastBatches',
    {
      config,
      schema: {
        tags,
        summary: 'The newest batch of each dataset, or of one',
        querystring: dataSetsQuery
          .pick({ limit: true, start: true, properties: true })
          .extend({ dataSetId: z.string().optional(), orderBy: batchesQuery.shape.orderBy }),
        response: { 200: batches },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { dataSetId, limit, start, orderBy = '', properties } = request.query
      const list =
        dataSetId === undefined
          ? await datasets.list(caller, { limit, start })
          : [await datasets.get(caller, parseId('dataset', dataSetId))]
      const numbers = await statistics(
        caller,
        list.map(({ id }) => id),
      )
      const newest = await Promise.all(
        list.flatMap(({ id }) => {
          const lastId = numbers.get(id)?.lastBatchId
          return lastId === undefined ? [] : [datasets.batch(caller, lastId)]
        }),
      )
      const { orderBy: keys = [{ column: 'created_at', isDescending: true }] } = batchPageOf({
        limit,
        start,
        orderBy,
      })
      const documents = newest
        .toSorted((one, other) => compared(one, other, keys))
        .map((batch) => [batch.id, batchDocument(caller, batch)] as const)
      return trimmed(Object.fromEntries(documents), properties)
    },
  )
}

const momentOf = {
  created_at: ({ createdAt }: Batch) => createdAt.getTime(),
  updated_at: ({ updatedAt }: Batch) => updatedAt.getTime(),
}

function compared(one: Batch, other: Batch, keys: NonNullable<BatchPage['orderBy']>): number {
  for (const { column, isDescending } of keys) {
    const difference = momentOf[column](one) - momentOf[column](other)
    if (difference !== 0) return isDescending ? -difference : difference
  }
  return 0
}
