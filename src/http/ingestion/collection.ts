import { AppError, toAppError } from '#base/errors.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { parseJson } from '#ingest/raw-json.ts'
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
    .transform((text) => text?.toLowerCase() === 'true')
    .describe('true: a message that does not fit the schema is refused at once'),
})
/** Of who sends through an inlet that asks. */
const guard = { permission: 'manage-datasets', api: 'catalog' } as const

/**
 * `/collection`: messages through an inlet, on its own or several at a time. Public, because the inlet says whether it asks
 * who sends.
 */
export async function collectionRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  const { streaming, access } = dependencies
  app.removeAllContentTypeParsers()
  // Whatever it is called: senders leave the type out, or have it as text.
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: bodyBytesMax }, (_request, text, done) =>
    done(null, text),
  )

  async function accept(
    request: FastifyRequest,
    messages: (body: unknown) => readonly unknown[],
    { inletId, isSynchronous }: { readonly inletId: string; readonly isSynchronous: boolean },
  ): Promise<Accepted> {
    const inlet = await streaming.opened(inletId)
    const sender = inlet.requiresAuthentication ? await callerFrom(request, guard, access) : undefined
    if (sender && sender.sandbox.id !== inlet.maker.sandbox.id) {
      throw new AppError('inlet.unknown', 'There is no such inlet.', {
        hint: 'x-sandbox-name must name the sandbox of the inlet.',
      })
    }
    return await streaming.accept(inlet, messages(bodyOf(request)), { sender, isSynchronous })
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
    async (request, reply) => {
      const { inletId } = request.params
      const { receivedAt, transactionId, results } = await accept(request, (body) => [body], {
        inletId,
        isSynchronous: request.query.syncValidation,
      })
      const [result] = results
      if (result?.isTaken === false) throw result.reason
      return await reply.send({
        inletId,
        xactionId: transactionId,
        receivedTimeMs: String(receivedAt.getTime()),
      })
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
    async (request, reply): Promise<FastifyReply> => {
      const { inletId } = request.params
      const answer = await accept(request, messagesOf, {
        inletId,
        isSynchronous: request.query.syncValidation,
      })
      return await reply.code(207).send({
        inletId,
        batchId: answer.transactionId,
        receivedTimeMs: answer.receivedAt.getTime(),
        responses: answer.results.map(responseOf),
      })
    },
  )
}

function bodyOf({ body }: FastifyRequest): unknown {
  try {
    return parseJson(typeof body === 'string' ? body : '')
  } catch (error) {
    throw new AppError(
      'request.invalid',
      `The body of the request is not JSON: ${error instanceof Error ? error.message : ''}.`,
    )
  }
}

function messagesOf(body: unknown): readonly unknown[] {
  const { messages } = (body ?? {}) as { readonly messages?: unknown }
  if (Array.isArray(messages) && messages.length > 0) return messages
  throw new AppError('request.invalid', '$.messages: an array of messages was expected.')
}

function responseOf(result: MessageResult): Record<string, unknown> {
  if (result.isTaken) return { xactionId: result.transactionId }
  const { code, message, meaning } = toAppError(result.reason)
  return { status: meaning.http, title: 'The message was refused', detail: message, code }
}
