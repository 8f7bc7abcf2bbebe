import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { IssuedToken } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, open } from '../gateway/app.ts'
import { addOauthErrors, oauthRefusal, refuseSignIn } from '../gateway/oauth.ts'

const fieldsBytesMax = 16 * 1024
const tags = ['Authentication']
const consumes = ['application/x-www-form-urlencoded', 'multipart/form-data']

const fields = z.looseObject({
  grant_type: z.string().optional(),
  client_id: z.string().max(256).optional(),
  client_secret: z.string().max(1024).optional(),
  scope: z.string().optional(),
})
const assertionFields = fields.extend({ jwt_token: z.string().max(8_192).optional() })
const revocationFields = z.looseObject({ token: z.string().max(1_024).optional() })
const tokenAnswer = z.object({ access_token: z.string(), token_type: z.string(), expires_in: z.number() })
const response = { 200: tokenAnswer, 400: oauthRefusal, 401: oauthRefusal, 429: oauthRefusal }

/**
 * Bearer tokens for client credentials, or for a signed assertion. Fields come as form body or query string: clients
 * of all versions send either.
 */
export async function tokenRoutes(app: App, { access }: HttpDependencies): Promise<void> {
  addOauthErrors(app)
  takeForms(app)
  for (const version of ['v1', 'v2', 'v3']) {
    app.post(
      `/ims/token/${version}`,
      {
        config: open,
        schema: {
          tags,
          summary: 'Get a bearer token for client credentials',
          consumes,
          querystring: fields,
          body: fields.nullish(),
          response,
        },
      },
      async (request, reply) => {
        const given = { ...request.query, ...request.body }
        if (given.grant_type !== 'client_credentials') {
          return await refused(reply, 'unsupported_grant_type', 'grant_type must be client_credentials.')
        }
        const { client_id: clientId, client_secret: clientSecret } = given
        if (!clientId || !clientSecret) {
          return await refused(reply, 'invalid_request', 'client_id and client_secret are required.')
        }
        return await answer(reply, 1, () => access.issueToken({ clientId, clientSecret }))
      },
    )
  }
  app.post(
    '/ims/exchange/jwt',
    {
      config: open,
      schema: {
        tags,
        summary: 'Get a bearer token for a signed assertion',
        description: 'expires_in is in milliseconds here, as clients of this address expect.',
        consumes,
        querystring: assertionFields,
        body: assertionFields.nullish(),
        response,
      },
    },
    async (request, reply) => {
      const given = { ...request.query, ...request.body }
      const { client_id: clientId, client_secret: clientSecret, jwt_token: assertion } = given
      if (!clientId || !clientSecret || !assertion) {
        const text = 'client_id, client_secret and jwt_token are required.'
        return await refused(reply, 'invalid_request', text)
      }
      return await answer(reply, 1_000, () => access.exchangeAssertion({ clientId, clientSecret, assertion }))
    },
  )
  app.post(
    '/ims/revoke',
    {
      config: open,
      schema: {
        tags,
        summary: 'End a bearer token',
        description: 'A token that is unknown is as ended: the answer is the same.',
        consumes,
        querystring: revocationFields,
        body: revocationFields.nullish(),
        response: { 200: z.object({}) },
      },
    },
    async (request) => {
      const { token } = { ...request.query, ...request.body }
      if (token !== undefined && token !== '') await access.revokeToken(token)
      return {}
    },
  )
}

function takeForms(app: App): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: fieldsBytesMax },
    (_request, text, done) => done(null, Object.fromEntries(new URLSearchParams(String(text)))),
  )
  app.addContentTypeParser(
    'multipart/form-data',
    { parseAs: 'buffer', bodyLimit: fieldsBytesMax },
    async (request: FastifyRequest, bytes: Buffer) => {
      const headers = { 'content-type': request.headers['content-type'] ?? '' }
      try {
        const form = await new Response(new Uint8Array(bytes), { headers }).formData()
        return Object.fromEntries([...form].filter(([, value]) => typeof value === 'string'))
      } catch (cause) {
        throw new AppError('request.invalid', 'The body is no multipart form.', { cause })
      }
    },
  )
}

async function answer(
  reply: FastifyReply,
  unitsPerSecond: number,
  issue: () => Promise<IssuedToken>,
): Promise<FastifyReply> {
  try {
    const token = await issue()
    return await reply.code(200).send({
      access_token: token.accessToken,
      token_type: 'bearer',
      expires_in: token.expiresInSeconds * unitsPerSecond,
    })
  } catch (error) {
    return await refuseSignIn(reply, error)
  }
}

async function refused(reply: FastifyReply, error: string, description: string): Promise<FastifyReply> {
  return await reply.code(400).send({ error, error_description: description })
}
