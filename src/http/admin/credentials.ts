import { z } from 'zod'
import { overlapHoursMax, secretDaysMax } from '#access/credential-admin.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sluice']
const administer = guarded('sluice', 'administer-organization')
const query = guarded('sluice', 'manage-queries')
const clientParams = z.object({ clientId: z.string().max(100) })
const loginParams = z.object({ sqlUser: z.string().max(100) })
const done = z.undefined()

const expiresInDays = z
  .number()
  .int()
  .min(1)
  .max(secretDaysMax)
  .optional()
  .describe('Absent: it does not expire')
const overlapHours = z
  .number()
  .min(0)
  .max(overlapHoursMax)
  .default(24)
  .describe('How long the old one works beside the new; 0: it ends at once')
const newSecret = z.object({
  clientId: z.string(),
  clientSecret: z.string().describe('Told here and never again'),
  expiresAt: z.string().optional(),
})
const newLogin = z.object({
  sqlUser: z.string(),
  sqlPassword: z.string().describe('Told here and never again'),
  expiresAt: z.string().optional(),
})

/** API clients and SQL logins: made, rotated with an overlap, ended. */
export function addCredentials(app: App, { administration }: HttpDependencies): void {
  app.get(
    '/api-clients',
    {
      config: administer,
      schema: {
        tags,
        summary: 'List API clients',
        response: { 200: z.object({ clients: z.array(z.looseObject({ clientId: z.string() })) }) },
      },
    },
    async (request) => ({
      clients: (await administration.clients(callerOf(request))).map((client) => ({
        ...client,
        createdAt: client.createdAt.toISOString(),
        secrets: client.secrets.map((secret) => ({
          createdAt: secret.createdAt.toISOString(),
          ...until(secret.expiresAt),
        })),
      })),
    }),
  )
  app.post(
    '/api-clients',
    {
      config: administer,
      schema: {
        tags,
        summary: 'Create an API client',
        body: z.strictObject({
          name: z.string().min(1).max(255),
          roles: z.array(z.string().max(255)).max(100).default([]).describe('Names or ids'),
          expiresInDays,
        }),
        response: { 201: newSecret },
      },
    },
    async (request, reply) => {
      const { expiresAt, ...made } = await administration.createClient(callerOf(request), request.body)
      return await reply.code(201).send({ ...made, ...until(expiresAt) })
    },
  )
  app.post(
    '/api-clients/:clientId/rotation',
    {
      config: administer,
      schema: {
        tags,
        summary: 'A new secret for an API client',
        params: clientParams,
        body: z.strictObject({ overlapHours, expiresInDays }).prefault({}),
        response: { 200: newSecret },
      },
    },
    async (request) => {
      const { clientId } = request.params
      const rotated = await administration.rotateClientSecret(callerOf(request), clientId, request.body)
      const { expiresAt, ...made } = rotated
      return { ...made, ...until(expiresAt) }
    },
  )
  app.post(
    '/api-clients/:clientId/keys',
    {
      config: administer,
      schema: {
        tags,
        summary: 'Register a public key for signed assertions',
        description: 'RSA as PEM. An assertion (JWT, RS256) is exchanged at /ims/exchange/jwt.',
        params: clientParams,
        body: z.strictObject({ publicKey: z.string().max(10_000), expiresInDays }),
        response: { 204: done },
      },
    },
    async (request, reply) => {
      await administration.addClientKey(callerOf(request), request.params.clientId, request.body)
      return await reply.code(204).send()
    },
  )
  app.delete(
    '/api-clients/:clientId',
    {
      config: administer,
      schema: {
        tags,
        summary: 'End an API client and its tokens',
        params: clientParams,
        response: { 204: done },
      },
    },
    async (request, reply) => {
      await administration.revokeClient(callerOf(request), request.params.clientId)
      return await reply.code(204).send()
    },
  )
  addLogins(app, administration)
}

function addLogins(app: App, administration: HttpDependencies['administration']): void {
  app.get(
    '/sql-logins',
    {
      config: query,
      schema: {
        tags,
        summary: 'List your SQL logins; for organisation administrators all',
        response: { 200: z.object({ logins: z.array(z.looseObject({ sqlUser: z.string() })) }) },
      },
    },
    async (request) => ({
      logins: (await administration.sqlLogins(callerOf(request))).map(
        ({ createdAt, expiresAt, ...login }) => ({
          ...login,
          createdAt: createdAt.toISOString(),
          ...until(expiresAt),
        }),
      ),
    }),
  )
  app.post(
    '/sql-logins',
    {
      config: query,
      schema: {
        tags,
        summary: 'Create a SQL login',
        description:
          'Expires after 24 hours. One that does not needs the permission manage-query-service-integration.',
        body: z.strictObject({
          prefix: z.string().max(40).default('sql').describe('How the user name begins'),
          isExpiring: z.boolean().default(true),
          userId: z
            .string()
            .max(255)
            .optional()
            .describe('For somebody else: for organisation administrators'),
        }),
        response: { 201: newLogin },
      },
    },
    async (request, reply) => {
      const { expiresAt, ...made } = await administration.createSqlLogin(callerOf(request), request.body)
      return await reply.code(201).send({ ...made, ...until(expiresAt) })
    },
  )
  app.post(
    '/sql-logins/:sqlUser/rotation',
    {
      config: query,
      schema: {
        tags,
        summary: 'A new password for a SQL login',
        params: loginParams,
        body: z.strictObject({ overlapHours }).prefault({}),
        response: { 200: newLogin },
      },
    },
    async (request) => {
      const { sqlUser } = request.params
      const { expiresAt, ...made } = await administration.rotateSqlLogin(
        callerOf(request),
        sqlUser,
        request.body,
      )
      return { ...made, ...until(expiresAt) }
    },
  )
  app.delete(
    '/sql-logins/:sqlUser',
    {
      config: query,
      schema: { tags, summary: 'End a SQL login', params: loginParams, response: { 204: done } },
    },
    async (request, reply) => {
      await administration.deleteSqlLogin(callerOf(request), request.params.sqlUser)
      return await reply.code(204).send()
    },
  )
}

function until(expiresAt: Date | undefined) {
  return expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }
}
