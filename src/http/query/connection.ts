import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const answer = z.looseObject({
  username: z.string(),
  dbName: z.string(),
  host: z.string(),
  version: z.number(),
  port: z.number(),
  token: z.string(),
  compressedToken: z.string(),
  websocketHost: z.string(),
  websoketHost: z.string(),
})

export function addConnectionParameters(app: App, { postgresAddress }: HttpDependencies): void {
  app.get(
    '/connection_parameters',
    {
      config: guarded('query', 'manage-queries'),
      schema: {
        tags: ['Query Service'],
        summary: 'How to connect by the PostgreSQL protocol',
        description: 'The password is the access token of this very request, and lasts as long.',
        response: { 200: answer },
      },
    },
    async (request) => {
      const { principal, sandbox } = callerOf(request)
      const { hostname, port } = new URL(`postgres://${postgresAddress()}`)
      const token = (request.headers.authorization ?? '').replace(/^Bearer +/i, '')
      const host = hostname.replaceAll(/^\[|\]$/g, '')
      return {
        username: principal.organizationId,
        dbName: `${sandbox.name}:all`,
        host,
        version: 1,
        port: Number(port),
        token,
        compressedToken: token,
        websocketHost: host,
        // As the reference platform's own description spells it.
        websoketHost: host,
      }
    },
  )
}
