import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isId, parseId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { Expiration, ExpirationStatus } from '#datasets/expirations.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Data lifecycle']
const view = guarded('catalog', 'view-data-hygiene')
const manage = guarded('catalog', 'manage-data-hygiene')
const params = z.object({ id: z.string().max(100).describe('Of the expiration or of its dataset') })
const document = z.looseObject({ ttlId: z.string(), status: z.string(), expiry: z.string() })
const statuses = ['pending', 'executing', 'cancelled', 'completed'] as const

const expiry = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })], {
    error: 'a date such as 2030-12-31 or a time such as 2030-12-31T23:59:59Z was expected',
  })
  .transform((text) => new Date(text))
  .describe('A date, or a time with its zone')
const change = z.looseObject({
  expiry: expiry.optional(),
  displayName: z.string().nullish(),
  description: z.string().nullish(),
})

const listQuery = z.object({
  page: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(100).default(25),
  status: z
    .string()
    .optional()
    .describe(`With commas between: ${statuses.join(', ')}`),
  datasetId: z.string().optional(),
})

/** `/data/core/hygiene`: ends of datasets. */
export async function hygieneRoutes(app: App, { expirations }: HttpDependencies): Promise<void> {
  app.get(
    '/ttl',
    {
      config: view,
      schema: {
        tags,
        summary: 'List expirations of datasets, newest first',
        querystring: listQuery,
        response: { 200: z.looseObject({ results: z.array(document), total_pages: z.number() }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { page, limit, status, datasetId } = request.query
      const all = await expirations.list(caller, {
        ...(datasetId === undefined ? {} : { datasetId: parseId('dataset', datasetId) }),
        ...(status === undefined ? {} : { statuses: statusesOf(status) }),
      })
      const some = all.slice(page * limit, (page + 1) * limit)
      return {
        results: some.map((row) => documentOf(caller, row)),
        current_page: page,
        // Clients count the pages they have read up to it: no results are one page too.
        total_pages: Math.max(Math.ceil(all.length / limit), 1),
        total_count: all.length,
      }
    },
  )
  app.post(
    '/ttl',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Set the end of a dataset',
        description: 'At that time it is deleted, and its rows are removed for good.',
        body: change.extend({ datasetId: z.string(), expiry }),
        response: { 201: document },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { datasetId, expiry: at, displayName, description } = request.body
      const made = await expirations.create(caller, {
        datasetId: parseId('dataset', datasetId),
        expiry: at,
        displayName: displayName ?? '',
        description: description ?? '',
      })
      return await reply.code(201).send(documentOf(caller, made))
    },
  )
  app.get(
    '/ttl/:id',
    { config: view, schema: { tags, summary: 'Read an expiration', params, response: { 200: document } } },
    async (request) => {
      const caller = callerOf(request)
      return documentOf(caller, await expirations.get(caller, request.params.id))
    },
  )
  app.put(
    '/ttl/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Change an expiration that is pending; by the id of a dataset without one, set it',
        params,
        body: change,
        response: { 200: document, 201: document },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id } = request.params
      const { expiry: at, displayName, description } = request.body
      const texts = {
        ...(displayName === undefined || displayName === null ? {} : { displayName }),
        ...(description === undefined || description === null ? {} : { description }),
      }
      if (isId('dataset', id) && at && (await hasNone(caller, id))) {
        const given = { datasetId: id, expiry: at, displayName: '', description: '', ...texts }
        return await reply.code(201).send(documentOf(caller, await expirations.create(caller, given)))
      }
      const changed = await expirations.update(caller, id, { ...(at ? { expiry: at } : {}), ...texts })
      return await reply.code(200).send(documentOf(caller, changed))
    },
  )
  app.delete(
    '/ttl/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Cancel an expiration that is pending',
        params,
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await expirations.cancel(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )

  async function hasNone(caller: Caller, id: string): Promise<boolean> {
    const open = await expirations.list(caller, {
      datasetId: parseId('dataset', id),
      statuses: ['pending', 'executing'],
    })
    return open.length === 0
  }
}

function statusesOf(text: string): ExpirationStatus[] {
  return text.split(',').map((word) => {
    const status = statuses.find((one) => one === word.trim().toLowerCase())
    if (status) return status
    throw new AppError('request.invalid', `status: one of ${statuses.join(', ')} was expected.`)
  })
}

/** `2030-12-31T00:00:00Z` */
function timeText(at: Date): string {
  return at.toISOString().replace(/\.\d{3}Z$/, 'Z')
}

function documentOf({ principal, sandbox }: Caller, row: Expiration): z.infer<typeof document> {
  return {
    ttlId: row.id,
    datasetId: row.dataset_id,
    datasetName: row.dataset_name,
    sandboxName: sandbox.name,
    displayName: row.display_name,
    description: row.description,
    imsOrg: principal.organizationId,
    status: row.status,
    expiry: timeText(row.expiry),
    createdAt: timeText(row.created_at),
    updatedAt: timeText(row.updated_at),
    updatedBy: row.updated_by,
  }
}
