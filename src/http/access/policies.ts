import { z } from 'zod'
import type { StoredPolicy } from '#access/policy-admin.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { operationsOf, patchBody } from './patch.ts'

const tags = ['Access control']
const config = guarded('access', 'administer-organization')
const params = z.object({ id: z.string().max(100) })
const policy = z.looseObject({ id: z.string() })
const body = z.looseObject({})

export function addPolicies(app: App, { administration }: HttpDependencies): void {
  const base = '/administration/policies'
  app.get(
    base,
    {
      config,
      schema: {
        tags,
        summary: 'List access policies',
        response: { 200: z.looseObject({ items: z.array(policy) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const items = (await administration.policies(caller)).map((one) => policyDocument(caller, one))
      return { items, _page: { limit: items.length, count: items.length }, _links: {} }
    },
  )
  app.post(
    base,
    {
      config,
      schema: {
        tags,
        summary: 'Store an access policy',
        description: 'Policies are kept as documents; this version does not evaluate them.',
        body,
        response: { 201: policy },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const made = await administration.createPolicy(caller, request.body)
      return await reply.code(201).send(policyDocument(caller, made))
    },
  )
  app.get(
    `${base}/:id`,
    { config, schema: { tags, summary: 'Read an access policy', params, response: { 200: policy } } },
    async (request) => {
      const caller = callerOf(request)
      return policyDocument(caller, await administration.policy(caller, request.params.id))
    },
  )
  app.put(
    `${base}/:id`,
    {
      config,
      schema: { tags, summary: 'Replace an access policy', params, body, response: { 200: policy } },
    },
    async (request) => {
      const caller = callerOf(request)
      const ifMatch = request.headers['if-match']
      return policyDocument(
        caller,
        await administration.replacePolicy(caller, request.params.id, request.body, ifMatch),
      )
    },
  )
  app.patch(
    `${base}/:id`,
    {
      config,
      schema: {
        tags,
        summary: 'Change an access policy',
        params,
        body: patchBody,
        response: { 200: policy },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const ifMatch = request.headers['if-match']
      const operations = operationsOf(request.body)
      return policyDocument(
        caller,
        await administration.patchPolicy(caller, request.params.id, operations, ifMatch),
      )
    },
  )
  app.delete(
    `${base}/:id`,
    {
      config,
      schema: { tags, summary: 'Delete an access policy', params, response: { 204: z.undefined() } },
    },
    async (request, reply) => {
      await administration.deletePolicy(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
}

function policyDocument(
  { principal }: ReturnType<typeof callerOf>,
  { createdAt, modifiedAt, etag, ...rest }: StoredPolicy,
) {
  return {
    ...rest,
    imsOrgId: principal.organizationId,
    isDefault: false,
    createdAt: createdAt.getTime(),
    modifiedAt: modifiedAt.getTime(),
    etag,
    _etag: etag,
  }
}
