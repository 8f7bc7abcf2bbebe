import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, open } from '../gateway/app.ts'
import { addOauthErrors, oauthRefusal, refuseSignIn } from '../gateway/oauth.ts'

const fields = z.looseObject({
  grant_type: z.string().optional(),
  client_id: z.string().max(256).optional(),
  client_secret: z.string().max(1024).optional(),
})
const grant = z.object({
  access_token: z.string(),
  token_type: z.literal('bearer'),
  expires_in: z.number(),
  issued_token_type: z.string(),
})

/** Where clients look for tokens by themselves: the catalogue's client credentials are those of the server. */
export function addToken(app: App, { access }: HttpDependencies): void {
  addOauthErrors(app)
  app.post(
    '/v1/oauth/tokens',
    {
      config: open,
      schema: {
        tags: ['Iceberg'],
        summary: 'Get a bearer token for client credentials',
        consumes: ['application/x-www-form-urlencoded'],
        body: fields.nullish(),
        response: { 200: grant, 400: oauthRefusal, 401: oauthRefusal, 429: oauthRefusal },
      },
    },
    async (request, reply) => {
      const { grant_type: kind, client_id: clientId, client_secret: clientSecret } = request.body ?? {}
      if (kind !== 'client_credentials') {
        return await reply.code(400).send({
          error: 'unsupported_grant_type',
          error_description: 'grant_type must be client_credentials.',
        })
      }
      if (!clientId || !clientSecret) {
        return await reply.code(400).send({
          error: 'invalid_request',
          error_description:
            'client_id and client_secret are required: set credential to CLIENT_ID:CLIENT_SECRET.',
        })
      }
      try {
        const token = await access.issueToken({ clientId, clientSecret })
        return await reply.code(200).send({
          access_token: token.accessToken,
          token_type: 'bearer' as const,
          expires_in: token.expiresInSeconds,
          issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        })
      } catch (error) {
        return await refuseSignIn(reply, error)
      }
    },
  )
}
