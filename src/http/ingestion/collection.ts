import { isUtf8 } from 'node:buffer'
import { AppError, toAppError } from '#base/errors.ts'
import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Accepted, MessageResult } from '#ingest/streaming.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, open } from '../gateway/app.ts'
import { callerFrom } from '../gateway/authenticate.ts'

const tags = ['Streaming ingestion']
const bodyBytesMax = 1024 * 1024
const params = z.object({ inletId: z.string().max(200) })
const querystring = z.object({
  syncValidation: z
    .string()
    .optional()
    .describe('true: a message that does not fit the schema is refused at once'),
})
type CollectionRequest = FastifyRequest & {
  readonly params: z.infer<typeof params>
  readonly query: z.infer<typeof querystring>
}
/** Of who sends through an inlet that asks. */
const guard = { permissions: ['manage-datasets'], api: 'catalog' } as const

/**
 * `/collection`: messages through an inlet, on its own or several at a time. Public, because the inlet says whether it asks
 * who sends.
 */
export async function collectionRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  const { streaming, access } = dependencies
  app.removeAllContentTypeParsers()
  // Whatever it is called: senders leave the type out, or have it as text. What a pattern takes is found faster than by `*`.
  app.addContentTypeParser(/^/, { parseAs: 'buffer', bodyLimit: bodyBytesMax }, (_request, bytes, done) => {
    // Text made of other bytes holds other characters than were sent, and nobody would know.
    if (isUtf8(bytes as Buffer)) done(null, bytes.toString('utf8'))
    else done(new AppError('request.invalid', 'The body of the request is not UTF-8.'))
  })

  async function accept(request: CollectionRequest, isSeveral: boolean): Promise<Accepted> {
    const inlet = await streaming.opened(request.params.inletId)
    const sender = inlet.requiresAuthentication ? await callerFrom(request, guard, access) : undefined
    if (sender && sender.sandbox.id !== inlet.maker.sandbox.id) {
      throw new AppError('inlet.unknown', 'There is no such inlet.', {
        hint: 'x-sandbox-name must name the sandbox of the inlet.',
      })
    }
    const text = typeof request.body === 'string' ? request.body : ''
    const isSynchronous = request.query.syncValidation?.toLowerCase() === 'true'
    const flowId = request.headers['x-adobe-flow-id']?.toString()
    return await streaming.accept(inlet, { text, isSeveral }, { sender, isSynchronous, flowId })
  }

  app.post(
    '/collection/:inletId',
    {
      config: open,
      bodyLimit: bodyBytesMax,
      schema: {
        tags,
        summary: 'Send a message',
        description:
          'Durable when it was answered with 200; its batch becomes visible within about a minute. 429 and 503: send it again after Retry-After.',
        params,
        querystring,
      },
    },
    async (request) => {
      const { receivedAt, transactionId, results } = await accept(request, false)
      const [result] = results
      if (result?.isTaken === false) throw result.reason
      return {
        inletId: request.params.inletId,
        xactionId: transactionId,
        receivedTimeMs: String(receivedAt.getTime()),
      }
    },
  )

  app.post(
    '/collection/batch/:inletId',
    {
      config: open,
      bodyLimit: bodyBytesMax,
      schema: {
        tags,
        summary: 'Send several messages',
        description: 'Answers 207 with what became of each, in their order.',
        params,
        querystring,
      },
    },
    async (request, reply) => {
      const answer = await accept(request, true)
      void reply.code(207)
      return {
        inletId: request.params.inletId,
        batchId: answer.transactionId,
        receivedTimeMs: answer.receivedAt.getTime(),
        responses: answer.results.map(responseOf),
      }
    },
  )
}

function responseOf(result: MessageResult): Record<string, unknown> {
  if (result.isTaken) return { xactionId: result.transactionId }
  const { code, message, meaning } = toAppError(result.reason)
  return { status: meaning.http, title: 'The message was refused', detail: message, code }
}
