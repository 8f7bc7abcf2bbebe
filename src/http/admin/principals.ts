import { z } from 'zod'
import type { User } from '#access/principal-admin.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Sluice']
const config = guarded('sluice', 'administer-organization')
const params = z.object({ id: z.string().max(255) })
const user = z.object({
  id: z.string(),
  name: z.string(),
  email: z.string().optional(),
  isEnabled: z.boolean(),
  createdAt: z.string(),
})
const group = z.object({ id: z.string(), name: z.string(), members: z.array(z.string()) })
const members = z
  .array(z.string().max(255))
  .max(10_000)
  .default([])
  .describe('Ids or e-mail addresses of users')
const done = z.undefined()

/** Users, groups and organisations: what the public APIs leave to a console. */
export function addPrincipals(app: App, { administration }: HttpDependencies): void {
  app.get(
    '/users',
    {
      config,
      schema: { tags, summary: 'List users', response: { 200: z.object({ users: z.array(user) }) } },
    },
    async (request) => ({ users: (await administration.users(callerOf(request))).map(userDocument) }),
  )
  app.post(
    '/users',
    {
      config,
      schema: {
        tags,
        summary: 'Create a user',
        description: 'Without a role a user may do nothing; give one at …/roles/{id}/subjects.',
        body: z.strictObject({ name: z.string().min(1).max(255), email: z.string().max(255).optional() }),
        response: { 201: user },
      },
    },
    async (request, reply) =>
      await reply
        .code(201)
        .send(userDocument(await administration.createUser(callerOf(request), request.body))),
  )
  for (const [name, isEnabled] of [
    ['enable', true],
    ['disable', false],
  ] as const) {
    app.post(
      `/users/:id/${name}`,
      {
        config,
        schema: {
          tags,
          summary: isEnabled ? 'Enable a user again' : 'Disable a user: rights and tokens end at once',
          params,
          response: { 204: done },
        },
      },
      async (request, reply) => {
        await administration.setUserEnabled(callerOf(request), request.params.id, isEnabled)
        return await reply.code(204).send()
      },
    )
  }
  addGroups(app, administration)
  addOrganizations(app, administration)
}

function addGroups(app: App, administration: HttpDependencies['administration']): void {
  app.get(
    '/groups',
    {
      config,
      schema: { tags, summary: 'List user groups', response: { 200: z.object({ groups: z.array(group) }) } },
    },
    async (request) => ({ groups: (await administration.groups(callerOf(request))).map(groupDocument) }),
  )
  app.post(
    '/groups',
    {
      config,
      schema: {
        tags,
        summary: 'Create a user group',
        body: z.strictObject({ name: z.string().min(1).max(255), members }),
        response: { 201: group },
      },
    },
    async (request, reply) =>
      await reply
        .code(201)
        .send(groupDocument(await administration.createGroup(callerOf(request), request.body))),
  )
  app.put(
    '/groups/:id/members',
    {
      config,
      schema: {
        tags,
        summary: 'Replace the members of a user group',
        params,
        body: z.strictObject({ members }),
        response: { 204: done },
      },
    },
    async (request, reply) => {
      await administration.setGroupMembers(callerOf(request), request.params.id, request.body.members)
      return await reply.code(204).send()
    },
  )
  app.patch(
    '/groups/:id/members',
    {
      config,
      schema: {
        tags,
        summary: 'Add members to a user group, or take them out',
        description: 'Of two changes at once both stay.',
        params,
        body: z.strictObject({ add: members.default([]), remove: members.default([]) }),
        response: { 204: done },
      },
    },
    async (request, reply) => {
      await administration.changeGroupMembers(callerOf(request), request.params.id, request.body)
      return await reply.code(204).send()
    },
  )
  app.delete(
    '/groups/:id',
    { config, schema: { tags, summary: 'Delete a user group', params, response: { 204: done } } },
    async (request, reply) => {
      await administration.deleteGroup(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
}

function addOrganizations(app: App, administration: HttpDependencies['administration']): void {
  app.post(
    '/organizations',
    {
      config,
      schema: {
        tags,
        summary: 'Create an organisation',
        description:
          'For administrators of the first organisation. Its administrator’s credentials are in the answer and nowhere else.',
        body: z.strictObject({ name: z.string().min(1).max(255) }),
        response: { 201: z.looseObject({ organizationId: z.string() }) },
      },
    },
    async (request, reply) => {
      const made = await administration.createOrganization(callerOf(request), request.body.name)
      return await reply.code(201).send({ ...made })
    },
  )
  app.put(
    '/organizations/:id/entitlements',
    {
      config,
      schema: {
        tags,
        summary: 'Entitle an organisation to batch queries, or not',
        description: 'Without it SELECT alone is open to it. For administrators of the first organisation.',
        params,
        body: z.strictObject({ batchQueries: z.boolean() }),
        response: { 204: done },
      },
    },
    async (request, reply) => {
      const { batchQueries } = request.body
      await administration.setBatchEntitlement(callerOf(request), request.params.id, batchQueries)
      return await reply.code(204).send()
    },
  )
}

function userDocument({ createdAt, email, ...rest }: User) {
  return { ...rest, ...(email === undefined ? {} : { email }), createdAt: createdAt.toISOString() }
}

function groupDocument(group: { id: string; name: string; members: readonly string[] }) {
  return { ...group, members: [...group.members] }
}
