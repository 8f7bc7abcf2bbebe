import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import { previewRowsMax } from '#ingest/ingest.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { recordDownload } from '../gateway/record-download.ts'
import { csvForm } from './csv-form.ts'

/** A preview reads CSV as the load will. */
const querystring = z.object({
  nrow: z.coerce.number().int().min(1).max(previewRowsMax).default(5).describe('Rows, refused ones included'),
  ...csvForm,
})

/** What the files of a batch hold, before it is loaded. */
export function addPreviews(app: App, { access, ingest }: HttpDependencies): void {
  app.get(
    '/batches/:batchId/datasets/:datasetId/preview',
    {
      config: guarded('catalog', 'view-datasets'),
      schema: {
        tags: ['Batch ingestion'],
        summary: 'The first rows of the files uploaded so far, as a load would give and refuse them',
        params: z.object({ batchId: z.string(), datasetId: z.string() }),
        querystring,
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const batchId = parseId('batch', request.params.batchId)
      const { rows, refused } = await ingest.preview(caller, {
        batchId,
        datasetId: parseId('dataset', request.params.datasetId),
        rowCountMax: request.query.nrow,
        signal: signalOf(reply),
      })
      await recordDownload(access, caller, {
        assetType: 'Batch',
        assetId: batchId,
        detail: { place: 'preview' },
      })
      return await reply.send({
        data: rows,
        refused: refused.map(({ fileName, ...rest }) => ({ file: fileName, ...rest })),
      })
    },
  )
}
