import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { type BatchId, parseId } from '#base/ids.ts'
import { externalIdLengthMax, replacedMax, replayReasonLengthMax } from '#ingest/ingest.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { batchDocument } from '../gateway/batch-document.ts'
import { callerOf } from '../gateway/caller.ts'
import { csvForm } from './csv-form.ts'
import { addPreviews } from './preview.ts'
import { addUploads } from './uploads.ts'

const tags = ['Batch ingestion']
const config = guarded('catalog', 'manage-datasets')

const newBatch = z.looseObject({
  datasetId: z.string(),
  inputFormat: z.looseObject({
    format: z
      .string()
      .transform((text) => text.toLowerCase())
      .pipe(z.enum(['json', 'parquet', 'csv'])),
    isMultiLineJson: z.boolean().optional().describe('JSON objects may take several lines'),
    takesNul: z.boolean().optional().describe('Texts of JSON and CSV may hold U+0000; ours'),
    ...csvForm,
  }),
  enableErrorDiagnostics: z
    .boolean()
    .optional()
    .describe('Keep refused rows with their reasons; default true'),
  partialIngestionPercentage: z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d+(\.\d+)?$/, 'a number was expected')
        .transform(Number),
    ])
    .pipe(z.number().min(0).max(100))
    .optional(),
  tags: z.record(z.string(), z.unknown()).optional(),
  externalId: z
    .string()
    .min(1)
    .max(externalIdLengthMax)
    .optional()
    .describe(
      'A name of yours: opening again gives the same batch, unless it failed, was aborted or reverted',
    ),
  replay: z
    .looseObject({
      predecessors: z.array(z.string()).min(1).max(replacedMax),
      reason: z
        .string()
        .max(replayReasonLengthMax)
        .refine((text) => !text.includes('\0'), 'It holds a NUL.')
        .nullish()
        .describe('Default `replace`'),
    })
    .nullish()
    .describe('Loaded batches whose rows go when those of this one come'),
})

const actions = { COMPLETE: 'complete', ABORT: 'abort', FAIL: 'fail', REVERT: 'revert' } as const

/** `/data/foundation/import`: files into an open batch, then COMPLETE. */
export async function ingestionRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  const { ingest } = dependencies
  // The public client replays batches with PATCH.
  for (const method of ['POST', 'PATCH'] as const) {
    app.route({
      method,
      url: '/batches',
      config,
      schema: {
        tags,
        summary: method === 'POST' ? 'Open a batch' : 'Open a batch that replays others',
        body: newBatch,
        response: { 201: z.looseObject({ id: z.string(), status: z.string() }) },
      },
      handler: async (request, reply) => {
        const {
          datasetId,
          inputFormat,
          enableErrorDiagnostics,
          partialIngestionPercentage,
          replay,
          tags,
          externalId,
        } = request.body
        const caller = callerOf(request)
        const batch = await ingest.open(caller, {
          datasetId: parseId('dataset', datasetId),
          format: inputFormat.format,
          ...(partialIngestionPercentage === undefined ? {} : { partialIngestionPercentage }),
          ...(tags === undefined ? {} : { tags: withoutOwn(tags) }),
          ...(externalId === undefined ? {} : { externalId }),
          ...(enableErrorDiagnostics === undefined ? {} : { hasDiagnostics: enableErrorDiagnostics }),
          isMultiLineJson: inputFormat.isMultiLineJson ?? false,
          takesNul: inputFormat.takesNul ?? false,
          ...(replay ? { replaces: replay.predecessors.map(replacedId) } : {}),
          ...(typeof replay?.reason === 'string' ? { replayReason: replay.reason } : {}),
        })
        return await reply
          .code(201)
          .send({ id: batch.id, status: batch.state, ...batchDocument(caller, batch) })
      },
    })
  }

  app.post(
    '/batches/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Complete, abort, fail or revert a batch',
        description:
          'COMPLETE makes a job that checks and loads the files, REVERT one that takes the rows of a loaded batch back, for good. Each twice is harmless.',
        params: z.object({ id: z.string() }),
        querystring: z.object({ action: z.string().describe(Object.keys(actions).join(', ')) }),
        response: { 200: z.undefined() },
      },
    },
    async (request, reply) => {
      const batchId = parseId('batch', request.params.id)
      const name = request.query.action.toUpperCase()
      const action = Object.hasOwn(actions, name) ? actions[name as keyof typeof actions] : undefined
      if (action === undefined) {
        throw new AppError(
          'request.invalid',
          `action is one of ${Object.keys(actions).join(', ')}; ${JSON.stringify(name.slice(0, 40))} came.`,
        )
      }
      await ingest[action](callerOf(request), batchId)
      return await reply.code(200).send()
    },
  )

  addPreviews(app, dependencies)
  await app.register(async (uploads: App) => addUploads(uploads, dependencies))
}

/** Clients write a `$` before it. */
function replacedId(text: string): BatchId {
  return parseId('batch', text.replace(/^\$/, ''))
}

/** Tags by which we tell batches of ours apart are not a client's to give. */
function withoutOwn(tags: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(tags).filter(([name]) => !name.startsWith('sluice/')))
}
