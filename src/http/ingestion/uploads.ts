import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import type { FilePlace } from '#ingest/ingest.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { bytesOf, checkLength, takeBodiesAsStreams } from '../gateway/bodies.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'

const tags = ['Batch ingestion']
const config = guarded('catalog', 'manage-datasets')
const path = '/batches/:batchId/datasets/:datasetId/files/*'
const params = z.object({ batchId: z.string(), datasetId: z.string(), '*': z.string().min(1).max(1024) })
/** Of a file that comes in parts: what one load can be expected to end. */
const fileBytesMax = 1024 ** 4

/** Files of an open batch, whole or in parts. */
export function addUploads(app: App, dependencies: HttpDependencies): void {
  takeBodiesAsStreams(app)
  addWholeFiles(app, dependencies)
  addParts(app, dependencies)
}

function addWholeFiles(app: App, { ingest, limits }: HttpDependencies): void {
  app.put(
    path,
    {
      config,
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        tags,
        summary: 'Upload a file of a batch',
        description: 'The body is the file itself; it is stored durably before the answer.',
        consumes: ['application/octet-stream'],
        params,
      },
    },
    async (request, reply) => {
      if (request.headers['content-range'] !== undefined) throw notWhole()
      checkLength(request.headers['content-length'], limits.uploadBytesMax)
      const stored = await ingest.upload(callerOf(request), {
        ...placeOf(request.params),
        bytes: bytesOf(request.body, limits.uploadBytesMax),
        signal: signalOf(reply),
      })
      void reply.header('etag', `"${stored.sha256}"`)
      return await reply.code(200).send()
    },
  )

  app.head(
    path,
    { config, schema: { tags, summary: 'How much of a file is there', params } },
    async (request, reply) => {
      const status = await ingest.fileStatus(callerOf(request), placeOf(request.params))
      void reply.header('content-length', status.bytes).header('content-type', 'application/octet-stream')
      void reply.header('upload-complete', status.isWhole ? '?1' : '?0')
      if (status.isWhole) void reply.header('etag', `"${status.sha256}"`)
      return await reply.code(200).send()
    },
  )
}

function addParts(app: App, { ingest, limits }: HttpDependencies): void {
  app.post(
    path,
    {
      config,
      schema: {
        tags,
        summary: 'Begin or complete a file that comes in parts',
        params,
        querystring: z.object({ action: z.string().describe('INITIALIZE or COMPLETE') }),
      },
    },
    async (request, reply) => {
      const place = placeOf(request.params)
      const caller = callerOf(request)
      switch (request.query.action.toUpperCase()) {
        case 'INITIALIZE':
          await ingest.beginFile(caller, place)
          return await reply.code(201).send()
        case 'COMPLETE':
          await ingest.completeFile(caller, place, signalOf(reply))
          return await reply.code(200).send()
        default:
          throw new AppError('request.invalid', 'action is INITIALIZE or COMPLETE.')
      }
    },
  )

  app.patch(
    path,
    {
      config,
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        tags,
        summary: 'Upload a part of a file',
        description:
          'The header Content-Range says which bytes: `bytes 0-99/1000`. Parts may come in any order.',
        consumes: ['application/octet-stream'],
        params,
      },
    },
    async (request, reply) => {
      checkLength(request.headers['content-length'], limits.uploadBytesMax)
      await ingest.uploadPart(callerOf(request), {
        ...placeOf(request.params),
        ...rangeOf(request),
        bytes: bytesOf(request.body, limits.uploadBytesMax),
        signal: signalOf(reply),
      })
      // The reference platform's client reads a body of JSON from this call alone.
      return await reply.code(200).send({})
    },
  )
}

function notWhole(): AppError {
  return new AppError(
    'request.invalid',
    'PUT stores a whole file; a Content-Range says that this is a part of one.',
    {
      hint: 'Begin the file with POST and action=INITIALIZE and send its parts with PATCH, or leave the header out.',
    },
  )
}

function placeOf(params: { batchId: string; datasetId: string; '*': string }): FilePlace {
  return {
    batchId: parseId('batch', params.batchId),
    datasetId: parseId('dataset', params.datasetId),
    fileName: params['*'],
  }
}

function rangeOf({ headers }: FastifyRequest): { firstByte: number; lastByte: number; totalBytes: number } {
  const given = headers['content-range']
  const [, first, last, total] = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(given ?? '') ?? []
  const range = { firstByte: Number(first), lastByte: Number(last), totalBytes: Number(total) }
  if (given === undefined || total === undefined) {
    const problem =
      given === undefined
        ? 'A part needs the header Content-Range.'
        : `Content-Range: ${JSON.stringify(given.slice(0, 100))} does not say which bytes of how many.`
    throw new AppError('request.invalid', problem, {
      hint: 'Write `bytes FIRST-LAST/TOTAL`, for example `bytes 0-1048575/5242880`.',
    })
  }
  if (range.firstByte > range.lastByte || range.lastByte >= range.totalBytes) {
    throw new AppError('request.invalid', `Content-Range: ${given} is no part of a file.`)
  }
  if (range.totalBytes > fileBytesMax) {
    throw new AppError('request.too_large', `A file may have at most ${fileBytesMax} bytes.`, {
      hint: 'Load it in several files.',
    })
  }
  return range
}
