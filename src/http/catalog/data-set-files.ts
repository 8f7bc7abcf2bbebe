import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { type DatasetId, parseId } from '#base/ids.ts'
import type { Batch, Caller } from '#datasets/datasets.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { limit, start } from '../gateway/page.ts'

const tags = ['Catalog']
const config = guarded('catalog', 'view-datasets')
const paging = { limit, start }
type Page = z.output<z.ZodObject<typeof paging>>

const byId = z.record(z.string(), z.looseObject({}))
const viewParams = z.object({ id: z.string(), viewId: z.string() })

/** What a dataset's document names: its files, a loaded batch each, and its one view, which has its id and all of them. */
export function addDataSetFiles(app: App, { datasets }: HttpDependencies): void {
  const files = async (caller: Caller, datasetId: DatasetId, page: Page) => {
    const loaded = await datasets.batches(caller, { ...page, datasetId, states: ['success'] })
    return Object.fromEntries(loaded.map((batch) => [`${batch.id}-1`, fileDocument(batch)]))
  }
  /** @throws AppError 'dataset.unknown', 'object.missing' */
  const viewOf = async (
    caller: Caller,
    { id, viewId }: { readonly id: string; readonly viewId?: string },
  ) => {
    const dataset = await datasets.get(caller, parseId('dataset', id))
    if (viewId !== undefined && viewId !== dataset.id) {
      throw new AppError(
        'object.missing',
        `The dataset has no view ${JSON.stringify(viewId.slice(0, 100))}.`,
        {
          hint: 'Its one view has the id of the dataset.',
        },
      )
    }
    return dataset
  }

  app.get(
    '/dataSetFiles',
    {
      config,
      schema: {
        tags,
        summary: 'What a dataset was loaded from, newest first: a file for each batch',
        querystring: z.object({ dataSetId: z.string(), ...paging }),
        response: { 200: byId },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { dataSetId, ...page } = request.query
      const { id } = await viewOf(caller, { id: dataSetId })
      return await files(caller, id, page)
    },
  )

  const views = async (caller: Caller, place: { readonly id: string; readonly viewId?: string }) => {
    const { id, createdAt, updatedAt } = await viewOf(caller, place)
    return {
      [id]: { dataSetId: id, created: createdAt.getTime(), updated: updatedAt.getTime(), version: '1.0.0' },
    }
  }
  app.get(
    '/dataSets/:id/views',
    {
      config,
      schema: {
        tags,
        summary: 'The views of a dataset',
        params: z.object({ id: z.string() }),
        response: { 200: byId },
      },
    },
    async (request) => await views(callerOf(request), request.params),
  )
  app.get(
    '/dataSets/:id/views/:viewId',
    {
      config,
      schema: { tags, summary: 'A view of a dataset', params: viewParams, response: { 200: byId } },
    },
    async (request) => await views(callerOf(request), request.params),
  )
  app.get(
    '/dataSets/:id/views/:viewId/files',
    {
      config,
      schema: {
        tags,
        summary: 'The files of a view of a dataset',
        params: viewParams,
        querystring: z.object(paging),
        response: { 200: byId },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { id } = await viewOf(caller, request.params)
      return await files(caller, id, request.query)
    },
  )
}

function fileDocument({ id, datasetId, createdAt, updatedAt, recordCount, bytes }: Batch) {
  return {
    dataSetId: datasetId,
    dataSetViewId: datasetId,
    batchId: id,
    version: '1.0.0',
    created: createdAt.getTime(),
    updated: updatedAt.getTime(),
    isValid: true,
    records: recordCount,
    size: bytes,
  }
}
