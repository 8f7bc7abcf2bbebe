import { z } from 'zod'
import type { Principal } from '#access/access.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { SharedTables } from '#datasets/shared-tables.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, signedIn } from '../gateway/app.ts'
import { principalOf } from '../gateway/caller.ts'
import { CatalogueError } from './errors.ts'

const tags = ['Iceberg']
const config = signedIn('iceberg')
export const namespaceParams = z.object({ namespace: z.string() })

/** The sandbox that the address names. @throws CatalogueError */
export async function namespaceOf(
  sharedTables: SharedTables,
  principal: Principal,
  namespace: string,
): Promise<Caller> {
  const caller = await sharedTables.open(principal, namespace)
  if (caller) return caller
  throw new CatalogueError(
    404,
    'NoSuchNamespaceException',
    `Namespace does not exist: ${namespace.slice(0, 80).replaceAll('\u001f', '.')}. A namespace is a sandbox.`,
  )
}

export function addNamespaces(app: App, { sharedTables }: HttpDependencies): void {
  app.get(
    '/v1/namespaces',
    {
      config,
      schema: {
        tags,
        summary: 'List namespaces: the sandboxes that are open to you',
        querystring: z.looseObject({ parent: z.string().optional() }),
        response: { 200: z.object({ namespaces: z.array(z.array(z.string())) }) },
      },
    },
    async (request) => {
      const { parent } = request.query
      if (parent === undefined || parent === '') {
        const names = await sharedTables.namespaces(principalOf(request))
        return { namespaces: names.map((name) => [name]) }
      }
      await namespaceOf(sharedTables, principalOf(request), parent)
      return { namespaces: [] }
    },
  )
  app.get(
    '/v1/namespaces/:namespace',
    {
      config,
      exposeHeadRoute: false,
      schema: {
        tags,
        summary: 'Look at a namespace',
        params: namespaceParams,
        response: {
          200: z.object({ namespace: z.array(z.string()), properties: z.record(z.string(), z.string()) }),
        },
      },
    },
    async (request) => {
      const { sandbox } = await namespaceOf(sharedTables, principalOf(request), request.params.namespace)
      return { namespace: [sandbox.name], properties: {} }
    },
  )
  app.head(
    '/v1/namespaces/:namespace',
    { config, schema: { tags, summary: 'Whether a namespace is there', params: namespaceParams } },
    async (request, reply) => {
      await namespaceOf(sharedTables, principalOf(request), request.params.namespace)
      return await reply.code(204).send()
    },
  )
}
