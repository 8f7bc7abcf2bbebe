import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, open } from '../gateway/app.ts'

const fieldsBytesMax = 16 * 1024

const fields = z.looseObject({
  grant_type: z.string().optional(),
  client_id: z.string().max(256).optional(),
  client_secret: z.string().max(1024).optional(),
  scope: z.string().optional(),
})
const tokenAnswer = z.object({ access_token: z.string(), token_type: z.string(), expires_in: z.number() })
const refusal = z.object({ error: z.string(), error_description: z.string() })

/** OAuth client credentials, as form body or query string: clients of all three versions send either. */
export async function tokenRoutes(app: App, { access }: HttpDependencies): Promise<void> {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: fieldsBytesMax },
    (_request, text, done) => done(null, Object.fromEntries(new URLSearchParams(String(text)))),
  )
  for (const version of ['v1', 'v2', 'v3']) {
    app.post(
      `/ims/token/${version}`,
      {
        config: open,
        schema: {
          tags: ['Authentication'],
          summary: 'Get a bearer token for client credentials',
          consumes: ['application/x-www-form-urlencoded'],
          querystring: fields,
          body: fields.nullish(),
          response: { 200: tokenAnswer, 400: refusal, 401: refusal },
        },
      },
      async (request, reply) => {
        const given = { ...request.query, ...request.body }
        if (given.grant_type !== 'client_credentials') {
          return await reply.code(400).send({
            error: 'unsupported_grant_type',
            error_description: 'grant_type must be client_credentials.',
          })
        }
        if (!given.client_id || !given.client_secret) {
          return await reply.code(400).send({
            error: 'invalid_request',
            error_description: 'client_id and client_secret are required.',
          })
        }
        try {
          const token = await access.issueToken({
            clientId: given.client_id,
            clientSecret: given.client_secret,
          })
          return await reply.code(200).send({
            access_token: token.accessToken,
            token_type: 'bearer',
            expires_in: token.expiresInSeconds,
          })
        } catch (error) {
          if (!(error instanceof AppError && error.code === 'access.unauthenticated')) throw error
          return await reply.code(401).send({
            error: 'invalid_client',
            error_description: 'The client id or the client secret is wrong.',
          })
        }
      },
    )
  }
}
