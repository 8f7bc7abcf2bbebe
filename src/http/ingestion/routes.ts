import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { batchDocument } from '../gateway/batch-document.ts'
import { bytesOf, checkLength, takeBodiesAsStreams } from '../gateway/bodies.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'

const tags = ['Batch ingestion']
const config = guarded('catalog', 'manage-datasets')

const newBatch = z.looseObject({
  datasetId: z.string(),
  inputFormat: z.looseObject({
    format: z
      .string()
      .transform((text) => text.toLowerCase())
      .pipe(z.enum(['json', 'parquet', 'csv'])),
  }),
  partialIngestionPercentage: z.coerce.number().min(0).max(100).optional(),
  tags: z.record(z.string(), z.unknown()).optional(),
})

/** `/data/foundation/import`: files into an open batch, then COMPLETE. */
export async function ingestionRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  const { ingest } = dependencies
  app.post(
    '/batches',
    {
      config,
      schema: {
        tags,
        summary: 'Open a batch',
        body: newBatch,
        response: { 201: z.looseObject({ id: z.string(), status: z.string() }) },
      },
    },
    async (request, reply) => {
      const { datasetId, inputFormat, partialIngestionPercentage, tags } = request.body
      const caller = callerOf(request)
      const batch = await ingest.open(caller, {
        datasetId: parseId('dataset', datasetId),
        format: inputFormat.format,
        ...(partialIngestionPercentage === undefined ? {} : { partialIngestionPercentage }),
        ...(tags === undefined ? {} : { tags }),
      })
      return await reply
        .code(201)
        .send({ id: batch.id, status: batch.state, ...batchDocument(caller, batch) })
    },
  )

  app.post(
    '/batches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Complete or abort a batch',
        description: 'COMPLETE makes a job that checks and loads the files; doing it twice is harmless.',
        params: z.object({ id: z.string() }),
        querystring: z.object({ action: z.string().describe('COMPLETE or ABORT') }),
        response: { 200: z.undefined() },
      },
    },
    async (request, reply) => {
      const batchId = parseId('batch', request.params.id)
      const action = request.query.action.toUpperCase()
      if (action === 'COMPLETE') await ingest.complete(callerOf(request), batchId)
      else if (action === 'ABORT') await ingest.abort(callerOf(request), batchId)
      else {
        throw new AppError('request.invalid', `action is COMPLETE or ABORT, ${JSON.stringify(action)} came.`)
      }
      return await reply.code(200).send()
    },
  )

  await app.register(async (uploads: App) => addUpload(uploads, dependencies))
}

function addUpload(app: App, { ingest, limits }: HttpDependencies): void {
  takeBodiesAsStreams(app)
  app.put(
    '/batches/:batchId/datasets/:datasetId/files/*',
    {
      config,
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        tags,
        summary: 'Upload a file of a batch',
        description: 'The body is the file itself; it is stored durably before the answer.',
        consumes: ['application/octet-stream'],
        params: z.object({ batchId: z.string(), datasetId: z.string(), '*': z.string().min(1).max(1024) }),
      },
    },
    async (request, reply) => {
      checkLength(request.headers['content-length'], limits.uploadBytesMax)
      const stored = await ingest.upload(callerOf(request), {
        batchId: parseId('batch', request.params.batchId),
        datasetId: parseId('dataset', request.params.datasetId),
        fileName: request.params['*'],
        bytes: bytesOf(request.body, limits.uploadBytesMax),
        signal: signalOf(reply),
      })
      void reply.header('etag', `"${stored.sha256}"`)
      return await reply.code(200).send()
    },
  )
}
