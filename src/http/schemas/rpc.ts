import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Schema registry']
const view = guarded('schemaregistry', 'view-schemas')
const manage = guarded('schemaregistry', 'manage-schemas')
const params = z.object({ id: z.string().max(1_000) })
const resources = z.array(z.looseObject({}))

/** Statistics, export, import, sample data and the log of changes: no container, no Accept. */
export function addRpc(app: App, { schemas }: HttpDependencies): void {
  app.get(
    '/stats',
    {
      config: view,
      schema: { tags, summary: 'Tenant id, counts, recent changes', response: { 200: z.looseObject({}) } },
    },
    async (request) => ({ ...(await schemas.stats(callerOf(request))) }),
  )
  app.get(
    '/rpc/export/:id',
    {
      config: view,
      schema: { tags, summary: 'A resource with all it needs', params, response: { 200: resources } },
    },
    async (request) => [...(await schemas.exportResources(callerOf(request), request.params.id))],
  )
  for (const path of ['/rpc/import', '/rpc/export']) {
    app.post(
      path,
      {
        config: manage,
        schema: {
          tags,
          ...(path === '/rpc/export' ? { hide: true } : {}),
          summary: 'Take in what another sandbox exported',
          body: z.unknown(),
          response: { 200: resources },
        },
      },
      async (request) => {
        const taken = await schemas.importResources(callerOf(request), request.body)
        return taken.map((resource) => ({ ...resource.document }))
      },
    )
  }
  app.get(
    '/rpc/sampledata/:id',
    {
      config: view,
      schema: { tags, summary: 'One made-up object', params, response: { 200: z.looseObject({}) } },
    },
    async (request) => ({ ...(await schemas.sample(callerOf(request), request.params.id)) }),
  )
  app.get(
    '/rpc/auditlog/:id',
    {
      config: view,
      schema: { tags, summary: 'Changes, newest first', params, response: { 200: resources } },
    },
    async (request) => [...(await schemas.changes(callerOf(request), request.params.id))],
  )
}
