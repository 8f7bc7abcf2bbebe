import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { App } from './app.ts'
import { failureOf, retryAfterOf } from './errors.ts'

/** As token endpoints refuse. @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2 */
export const oauthRefusal = z.object({ error: z.string(), error_description: z.string() })

/** Answers what a sign-in failed for; throws what is none of its failures. */
export async function refuseSignIn(reply: FastifyReply, error: unknown): Promise<FastifyReply> {
  if (!(error instanceof AppError)) throw error
  const text = error.hint === undefined ? error.message : `${error.message} ${error.hint}`
  switch (error.code) {
    case 'access.unauthenticated':
      return await reply.code(401).send({ error: 'invalid_client', error_description: error.message })
    case 'access.too_many':
      return await reply
        .code(429)
        .header('retry-after', retryAfterOf(error))
        .send({ error: 'temporarily_unavailable', error_description: text })
    default:
      throw error
  }
}

/** In a scope of token endpoints, whatever else is wrong with a request is said in their form, too. */
export function addOauthErrors(app: App): void {
  app.setErrorHandler(async (error, _request, reply) => {
    const { meaning, message } = failureOf(error)
    if (meaning.http >= 500) throw error
    await reply.code(meaning.http).send({ error: 'invalid_request', error_description: message })
  })
}
