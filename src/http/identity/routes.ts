import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import type { IdentityNamespace } from '#schemas/namespaces.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Identity namespaces']
const view = guarded('identity', 'view-identity-namespaces')
const manage = guarded('identity', 'manage-identity-namespaces')
const path = '/idnamespace/identities'
const params = z.object({ id: z.string().max(20) })
const namespace = z.looseObject({})
const body = z.looseObject({
  name: z.string(),
  code: z.string(),
  idType: z.string(),
  description: z.string().nullish(),
})

/** `/data/core`: identity namespaces, and names of identities. */
export async function identityRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  const { namespaces } = dependencies
  addLookUps(app, dependencies)
  app.get(
    path,
    {
      config: view,
      schema: { tags, summary: 'List identity namespaces', response: { 200: z.array(namespace) } },
    },
    async (request) => (await namespaces.list(callerOf(request))).map(documentOf),
  )
  app.get(
    '/idnamespace/orgs/:organization/identities',
    {
      config: view,
      schema: {
        tags,
        summary: 'List identity namespaces',
        params: z.object({ organization: z.string() }),
        response: { 200: z.array(namespace) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      // Of another organisation nothing is shared.
      if (request.params.organization !== caller.principal.organizationId) return []
      return (await namespaces.list(caller)).map(documentOf)
    },
  )
  app.get(
    `${path}/:id`,
    {
      config: view,
      schema: { tags, summary: 'Read an identity namespace', params, response: { 200: namespace } },
    },
    async (request) => documentOf(await namespaces.get(callerOf(request), idOf(request.params.id))),
  )
  app.post(
    path,
    {
      config: manage,
      schema: { tags, summary: 'Make an identity namespace', body, response: { 200: namespace } },
    },
    async (request) => {
      const { description, ...given } = request.body
      return documentOf(
        await namespaces.create(callerOf(request), { ...given, description: description ?? undefined }),
      )
    },
  )
  app.put(
    `${path}/:id`,
    {
      config: manage,
      schema: { tags, summary: 'Rename an identity namespace', params, body, response: { 200: namespace } },
    },
    async (request) => {
      const { description, ...given } = request.body
      const changed = { ...given, description: description ?? undefined }
      return documentOf(await namespaces.replace(callerOf(request), idOf(request.params.id), changed))
    },
  )
}

/** Look-ups of identities. */
function addLookUps(app: App, { namespaces }: HttpDependencies): void {
  app.get(
    '/identity/identity',
    {
      config: guarded('identity', 'view-identity-graph'),
      schema: {
        tags,
        summary: 'An opaque name for an id of a namespace',
        querystring: z.object({
          namespace: z.string().optional().describe('Code of the namespace'),
          nsid: z.string().optional().describe('Or its id'),
          id: z.string(),
        }),
        response: { 200: z.object({ xid: z.string() }) },
      },
    },
    async (request) => {
      const { namespace, nsid, id } = request.query
      const named = [
        ...(nsid === undefined ? [] : [{ id: idOf(nsid) }]),
        ...(namespace === undefined ? [] : [{ code: namespace }]),
      ]
      const xids = new Set<string>()
      for (const each of named) xids.add(await namespaces.xid(callerOf(request), { namespace: each, id }))
      const [xid, other] = xids
      if (xid !== undefined && other === undefined) return { xid }
      throw new AppError('request.invalid', 'namespace or nsid was expected, or both of the same namespace.')
    },
  )
}

function idOf(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new AppError(
    'namespace.unknown',
    `There is no identity namespace ${JSON.stringify(text)} in this sandbox.`,
  )
}

function documentOf(found: IdentityNamespace) {
  return {
    id: found.id,
    code: found.code,
    name: found.name,
    description: found.description,
    idType: found.idType,
    status: 'ACTIVE',
    custom: found.isCustom,
    createTime: found.createdAt.getTime(),
    updateTime: found.updatedAt.getTime(),
  }
}
