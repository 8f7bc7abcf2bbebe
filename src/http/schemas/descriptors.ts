import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { descriptorListForm, type DescriptorListForm } from './accept.ts'
import { listQuery, listQueryOf } from './list-query.ts'
import { pageDocument } from './resources.ts'

const tags = ['Schema registry']
const view = guarded('schemaregistry', 'view-schemas')
const params = z.object({ id: z.string().max(200) })
const descriptor = z.looseObject({})
const path = '/tenant/descriptors'

export function addDescriptors(app: App, { descriptors }: HttpDependencies): void {
  app.get(
    path,
    {
      config: view,
      schema: { tags, summary: 'List descriptors', querystring: listQuery, response: { 200: descriptor } },
    },
    async (request) => {
      const form = descriptorListForm(request.headers.accept)
      const page = await descriptors.list(callerOf(request), listQueryOf(request.query))
      if (!form.isGrouped) {
        return pageDocument(
          { ...page, results: page.results.map((entry) => shown(entry, form) as never) },
          path,
        )
      }
      const groups = Map.groupBy(page.results, (entry) => String(entry['@type']))
      return Object.fromEntries(
        [...groups].map(([type, entries]) => [type, entries.map((entry) => shown(entry, form))]),
      )
    },
  )
  app.get(
    `${path}/:id`,
    { config: view, schema: { tags, summary: 'Read a descriptor', params, response: { 200: descriptor } } },
    async (request) => ({ ...(await descriptors.get(callerOf(request), request.params.id)) }),
  )
  app.post(
    path,
    {
      config: view,
      schema: {
        tags,
        summary: 'Say something of a field',
        description:
          'Needs manage-schemas; identities also manage-identity-metadata, relationships manage-relationships, instead; labels apply-data-usage-labels.',
        body: z.unknown(),
        response: { 201: descriptor },
      },
    },
    async (request, reply) =>
      await reply.code(201).send({ ...(await descriptors.create(callerOf(request), request.body)) }),
  )
  app.put(
    `${path}/:id`,
    {
      config: view,
      schema: {
        tags,
        summary: 'Replace a descriptor',
        params,
        body: z.unknown(),
        response: { 201: descriptor },
      },
    },
    async (request, reply) => {
      const changed = await descriptors.replace(callerOf(request), request.params.id, request.body)
      return await reply.code(201).send({ '@id': changed['@id'] })
    },
  )
  app.delete(
    `${path}/:id`,
    { config: view, schema: { tags, summary: 'Delete a descriptor', params } },
    async (request, reply) => {
      await descriptors.delete(callerOf(request), request.params.id)
      return await reply.code(204).send()
    },
  )
}

function shown(entry: Readonly<Record<string, unknown>>, { entry: form }: DescriptorListForm): unknown {
  if (form === 'whole') return entry
  const id = String(entry['@id'])
  return form === 'id' ? id : `${path}/${id}`
}
