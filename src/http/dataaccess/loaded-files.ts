import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isId, parseId, type BatchId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { recordDownload } from '../gateway/record-download.ts'
import { pageOf, paging } from './page.ts'
import { sendRange } from '../gateway/send-range.ts'

const tags = ['Data access']
const config = guarded('catalog', 'view-datasets')
/** A batch is one dataset file, of one or several Parquet files. */
const ending = '-1'

/** The files a loaded batch was written into. */
export function addLoadedFiles(app: App, { access, datasets, ingest }: HttpDependencies): void {
  app.get(
    '/batches/:id/files',
    {
      config,
      schema: {
        tags,
        summary: 'What a batch was loaded into',
        params: z.object({ id: z.string() }),
        querystring: z.object(paging),
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const batchId = parseId('batch', request.params.id)
      const batch = await datasets.batch(caller, batchId)
      const files = await ingest.loadedFiles(caller, batchId)
      const url = `/data/foundation/export/batches/${batchId}/files`
      return pageOf(
        files.length === 0 ? [] : [batch],
        { ...request.query, url },
        ({ id, datasetId, createdAt, updatedAt, recordCount }) => ({
          dataSetFileId: `${id}${ending}`,
          dataSetViewId: datasetId,
          version: '1.0.0',
          created: String(createdAt.getTime()),
          updated: String(updatedAt.getTime()),
          isValid: true,
          records: recordCount,
          size: files.reduce((sum, { bytes }) => sum + bytes, 0),
          _links: { self: { href: `/data/foundation/export/files/${id}${ending}` } },
        }),
      )
    },
  )

  app.get(
    '/files/:id',
    {
      config,
      schema: {
        tags,
        summary: 'The Parquet files of a loaded batch: their list, or one of them',
        params: z.object({ id: z.string().max(100) }),
        querystring: z.object({ path: z.string().min(1).max(1_100).optional(), ...paging }),
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const batchId = batchIdOf(request.params.id)
      const files = await ingest.loadedFiles(caller, batchId)
      const { path } = request.query
      if (path === undefined) {
        const url = `/data/foundation/export/files/${request.params.id}`
        return await reply.send(
          pageOf(files, { ...request.query, url }, ({ name, bytes }) => ({
            name,
            length: String(bytes),
            _links: { self: { href: `${url}?path=${encodeURIComponent(name)}` } },
          })),
        )
      }
      const file = files.find(({ name }) => name === path)
      if (!file) {
        throw new AppError('object.missing', `The batch has no file ${JSON.stringify(path.slice(0, 200))}.`)
      }
      if (request.method !== 'HEAD') {
        await recordDownload(access, caller, {
          assetType: 'Batch',
          assetId: batchId,
          detail: { place: 'files' },
        })
      }
      return await sendRange(request, reply, file)
    },
  )
}

function batchIdOf(text: string): BatchId {
  const id = text.endsWith(ending) ? text.slice(0, -ending.length) : ''
  if (isId('batch', id)) return id
  throw new AppError(
    'request.invalid',
    `${JSON.stringify(text.slice(0, 80))} is not the id of a dataset file.`,
  )
}
