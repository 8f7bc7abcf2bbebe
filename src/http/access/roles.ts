import { z } from 'zod'
import type { Role } from '#access/role-admin.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { operationsOf, patchBody } from './patch.ts'

const tags = ['Access control']
const config = guarded('access', 'administer-organization')
const params = z.object({ id: z.string().max(100) })
const role = z.looseObject({ id: z.string() })
const subjects = z.object({ items: z.array(z.looseObject({})), _links: z.looseObject({}) })

const names = z.array(z.string().max(255)).max(1_000).default([])
const roleBody = z.looseObject({
  name: z.string().min(1).max(255),
  description: z.string().max(4_000).default(''),
  roleType: z.string().optional().describe('Always user-defined'),
  permissionSets: names,
  sandboxes: names.describe('Names; `*` is every sandbox'),
  subjectAttributes: z.looseObject({ labels: names }).optional(),
})

const inputOf = (body: z.infer<typeof roleBody>) => ({
  name: body.name,
  description: body.description,
  permissionSets: body.permissionSets,
  sandboxes: body.sandboxes,
  labels: body.subjectAttributes?.labels ?? [],
})

export function addRoles(app: App, { administration }: HttpDependencies): void {
  const base = '/administration/roles'
  app.get(
    base,
    {
      config,
      schema: { tags, summary: 'List roles', response: { 200: z.looseObject({ items: z.array(role) }) } },
    },
    async (request) => {
      const caller = callerOf(request)
      const items = (await administration.roles(caller)).map((one) => roleDocument(caller, one))
      // One page: a client takes any `next` for another.
      return { items, _page: { limit: items.length, count: items.length }, _links: {} }
    },
  )
  app.post(
    base,
    { config, schema: { tags, summary: 'Create a role', body: roleBody, response: { 200: role } } },
    async (request) => {
      const caller = callerOf(request)
      return roleDocument(caller, await administration.createRole(caller, inputOf(request.body)))
    },
  )
  app.get(
    `${base}/:id`,
    { config, schema: { tags, summary: 'Read a role', params, response: { 200: role } } },
    async (request) => {
      const caller = callerOf(request)
      return roleDocument(caller, await administration.role(caller, request.params.id))
    },
  )
  app.put(
    `${base}/:id`,
    { config, schema: { tags, summary: 'Replace a role', params, body: roleBody, response: { 200: role } } },
    async (request) => {
      const caller = callerOf(request)
      const ifMatch = request.headers['if-match']
      const changed = await administration.replaceRole(
        caller,
        request.params.id,
        inputOf(request.body),
        ifMatch,
      )
      return roleDocument(caller, changed)
    },
  )
  app.patch(
    `${base}/:id`,
    {
      config,
      schema: {
        tags,
        summary: 'Change a role',
        description:
          'JSON Patch on /name, /description, /permissionSets, /sandboxes, /subjectAttributes/labels. With If-Match only the version that was read is changed.',
        params,
        body: patchBody,
        response: { 200: role },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const ifMatch = request.headers['if-match']
      const operations = operationsOf(request.body)
      return roleDocument(
        caller,
        await administration.patchRole(caller, request.params.id, operations, ifMatch),
      )
    },
  )
  app.delete(
    `${base}/:id`,
    { config, schema: { tags, summary: 'Delete a role', params, response: { 204: z.undefined() } } },
    async (request, reply) => {
      await administration.deleteRole(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
  addSubjects(app, base, administration)
}

function addSubjects(app: App, base: string, administration: HttpDependencies['administration']): void {
  app.get(
    `${base}/:id/subjects`,
    { config, schema: { tags, summary: 'Who has a role', params, response: { 200: subjects } } },
    async (request) => ({
      items: (await administration.subjects(callerOf(request), request.params.id)).map((one) => ({ ...one })),
      _links: {},
    }),
  )
  app.patch(
    `${base}/:id/subjects`,
    {
      config,
      schema: {
        tags,
        summary: 'Give a role or take it',
        description: '`add` or `remove` at /user, /user-group or /api-credential with an id as value.',
        params,
        body: patchBody,
        response: { 200: subjects },
      },
    },
    async (request) => {
      const operations = operationsOf(request.body)
      const items = await administration.patchSubjects(callerOf(request), request.params.id, operations)
      return { items: items.map((one) => ({ ...one })), _links: {} }
    },
  )
}

function roleDocument(
  { principal }: ReturnType<typeof callerOf>,
  { labels, createdAt, modifiedAt, ...rest }: Role,
) {
  return {
    ...rest,
    permissionSets: [...rest.permissionSets],
    sandboxes: [...rest.sandboxes],
    recordType: 'role',
    subjectAttributes: { labels: [...labels] },
    imsOrgID: principal.organizationId,
    imsOrgId: principal.organizationId,
    createdAt: createdAt.getTime(),
    modifiedAt: modifiedAt.getTime(),
    _etag: rest.etag,
  }
}
