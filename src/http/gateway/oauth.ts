import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { retryAfterOf } from './errors.ts'

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
