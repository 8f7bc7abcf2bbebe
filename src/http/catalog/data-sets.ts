import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { Caller, Dataset } from '#datasets/datasets.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { isKept, patched, replacement } from './change.ts'
import { dataSetDocument } from './data-set-document.ts'
import { dataSetsQuery, observableSchema, pageOf, trimmed } from './data-sets-query.ts'

const tags = ['Catalog']
const view = guarded('catalog', 'view-datasets')
const manage = guarded('catalog', 'manage-datasets')

const params = z.object({ id: z.string() })
const changeText = 'A JSON Patch, or the parts to change as an object, which is merged into what is there.'

const newDataSet = z
  .looseObject({
    name: z.string().min(1).max(255).describe('Shown to people; the SQL table is named after it'),
    description: z.string().max(4000).optional(),
    schemaRef: z
      .looseObject({ id: z.string().min(1), contentType: z.string().optional() })
      .describe('A schema of the registry'),
    tags: z.record(z.string(), z.array(z.string())).optional(),
  })
  .describe('A dataset to be made')

const dataSets = z.record(z.string(), z.looseObject({})).describe('Datasets by id')

export function addDataSets(app: App, { datasets, statistics, exports }: HttpDependencies): void {
  const documents = async (caller: Caller, list: readonly Dataset[]) => {
    const numbers = await statistics(
      caller,
      list.map((dataset) => dataset.id),
    )
    return Object.fromEntries(
      list.map((dataset) => [dataset.id, dataSetDocument(caller, dataset, numbers.get(dataset.id))]),
    )
  }

  app.get(
    '/dataSets',
    {
      config: view,
      schema: {
        tags,
        summary: 'List datasets',
        querystring: dataSetsQuery,
        response: { 200: dataSets },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const list = await documents(caller, await datasets.list(caller, pageOf(request.query)))
      return trimmed(list, request.query.properties)
    },
  )

  app.post(
    '/dataSets',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Create a dataset',
        body: newDataSet,
        response: { 201: z.array(z.string()).describe('`@/dataSets/<id>`') },
      },
    },
    async (request, reply) => {
      const { name, description, schemaRef, tags, ...more } = request.body
      const properties = Object.fromEntries(Object.entries(more).filter(([key]) => isKept(key)))
      const table = tags?.['adobe/pqs/table']?.[0]
      const dataset = await datasets.create(callerOf(request), {
        name,
        schema: { kind: 'registered', id: schemaRef.id },
        ...(description === undefined ? {} : { description }),
        ...(tags === undefined ? {} : { tags }),
        properties,
        ...(table === undefined ? {} : { tableName: table }),
      })
      return await reply.code(201).send([`@/dataSets/${dataset.id}`])
    },
  )

  app.get(
    '/dataSets/:id',
    {
      config: view,
      schema: {
        tags,
        summary: 'Read a dataset',
        params,
        querystring: z.object({ properties: z.string().optional() }),
        response: { 200: dataSets },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const dataset = await datasets.get(caller, parseId('dataset', request.params.id))
      const { properties } = request.query
      const list = await documents(caller, [dataset])
      if (properties?.includes('observableSchema') !== true) return trimmed(list, properties)
      const observed = { ...list[dataset.id], observableSchema: observableSchema(dataset) }
      return trimmed({ [dataset.id]: observed }, properties)
    },
  )

  const changed = { 200: z.array(z.string()).describe('`@/dataSets/<id>`') }
  const change = async (caller: Caller, idText: string, body: unknown): Promise<string[]> => {
    const id = parseId('dataset', idText)
    await datasets.update(caller, id, (current) => patched(current, body))
    return [`@/dataSets/${id}`]
  }
  app.patch(
    '/dataSets/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Change a dataset',
        description: changeText,
        params,
        body: z.unknown(),
        response: changed,
      },
    },
    async (request) => await change(callerOf(request), request.params.id, request.body),
  )
  app.patch(
    '/v2/dataSets/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Change a dataset by parts of it',
        params,
        body: z.unknown(),
        response: changed,
      },
    },
    async (request) => await change(callerOf(request), request.params.id, request.body),
  )
  app.put(
    '/dataSets/:id',
    {
      config: manage,
      schema: { tags, summary: 'Replace a dataset', params, body: newDataSet, response: changed },
    },
    async (request) => {
      const caller = callerOf(request)
      const id = parseId('dataset', request.params.id)
      const dataset = await datasets.get(caller, id)
      await datasets.update(caller, id, () => replacement(dataset, request.body))
      return [`@/dataSets/${id}`]
    },
  )

  app.delete(
    '/dataSets/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Delete a dataset',
        description: 'A header `warning` says that flows export it: their runs of it fail from now on.',
        params: z.object({ id: z.string() }),
        response: { 200: z.array(z.string()) },
      },
    },
    async (request, reply) => {
      const id = parseId('dataset', request.params.id)
      const caller = callerOf(request)
      await datasets.delete(caller, id)
      const flowCount = await exports.flowCount(caller, id)
      // What is deleted is gone; who deleted it hears what that ends.
      if (flowCount > 0)
        void reply.header('warning', `199 sluice "Exported by ${flowCount} flow(s): remove it from them"`)
      return [`@/dataSets/${id}`]
    },
  )
}
