import { z } from 'zod'
import {
  actionsOf,
  type CataloguePermission,
  catalogue,
  entryOf,
  permissions,
  resourceTypes,
} from '#access/permissions.ts'
import { AppError } from '#base/errors.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded, signedIn } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Access control']
const config = guarded('access', 'administer-organization')
const actions = z.record(z.string(), z.array(z.string()))
const entriesMax = 1_000

/** The one product there is: under the name clients of the reference platform look for. */
const product = { id: 'platform', name: 'Adobe Experience Platform', serviceCode: 'acp' } as const

export function addReference(app: App, { administration }: HttpDependencies): void {
  app.get(
    '/acl/reference',
    {
      config,
      schema: {
        tags,
        summary: 'Every permission and what it contains',
        response: {
          200: z.object({ permissions: z.record(z.string(), actions), 'resource-types': actions }),
        },
      },
    },
    async () => ({
      permissions: Object.fromEntries(permissions.map((name) => [name, contentsOf(name)])),
      'resource-types': Object.fromEntries(
        resourceTypes.map((type) => [type, actionsOf(permissions, type)] as const),
      ),
    }),
  )
  const effective = {
    config: signedIn('access'),
    schema: {
      tags,
      summary: 'What you may do in the sandbox',
      description:
        'Entries are `/permissions/<name>` and `/resource-types/<name>`; what you may not is left out.',
      body: z.array(z.string().max(255)).max(entriesMax),
      response: { 200: z.object({ policies: actions }) },
    },
  } as const
  for (const name of ['effective-policies', 'active-permissions']) {
    app.post(`/acl/${name}`, effective, async (request) => ({
      policies: await administration.effectivePolicies(callerOf(request), request.body),
    }))
  }
  addProducts(app)
}

function addProducts(app: App): void {
  const params = z.object({ id: z.string().max(100) })
  const check = (id: string) => {
    if (id !== product.id) throw new AppError('admin.unknown', `There is no product ${JSON.stringify(id)}.`)
  }
  app.get(
    '/administration/products',
    {
      config,
      schema: {
        tags,
        summary: 'What permissions belong to',
        response: { 200: z.object({ products: z.array(z.looseObject({})) }) },
      },
    },
    async () => ({ products: [{ ...product }] }),
  )
  app.get(
    '/administration/products/:id/categories',
    {
      config,
      schema: {
        tags,
        summary: 'Categories of permissions',
        params,
        response: { 200: z.object({ categories: z.array(z.object({ name: z.string() })) }) },
      },
    },
    async (request) => {
      check(request.params.id)
      const names = new Set(Object.values(catalogue).map((entry) => entry.category))
      return { categories: [...names].map((name) => ({ name })) }
    },
  )
  app.get(
    '/administration/products/:id/permission-sets',
    {
      config,
      schema: {
        tags,
        summary: 'Permissions as roles take them',
        params,
        response: { 200: z.object({ 'permission-sets': z.array(z.looseObject({})) }) },
      },
    },
    async (request) => {
      check(request.params.id)
      return { 'permission-sets': permissions.map(permissionSet) }
    },
  )
}

function permissionSet(id: CataloguePermission) {
  const { name, category } = entryOf(id)
  return {
    id,
    name,
    category,
    permissions: Object.entries(contentsOf(id)).map(([resource, allowed]) => ({
      resource,
      actions: allowed,
    })),
  }
}

function contentsOf(name: CataloguePermission): Record<string, string[]> {
  return Object.fromEntries(Object.entries(entryOf(name).contains).map(([type, given]) => [type, [...given]]))
}
