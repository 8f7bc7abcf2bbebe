import { z } from 'zod'
import type { Template, TemplateFilter } from '#query/background.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { type Filters, filtersOf, listDocument, listQuery, orderOf } from './list.ts'
import { parameterValues } from './parameter-values.ts'
import { base } from './query-document.ts'
import { accepted, acceptedShape, listShape, templateShape } from './shapes.ts'

const tags = ['Query Service']
const config = guarded('query', 'manage-queries')
const params = z.object({ id: z.string().max(100) })

const templateBody = z.looseObject({
  name: z.string().min(1).max(255).describe('Unique in the sandbox: `#name` stands for the text in others'),
  sql: z.string().min(1).max(1_000_000),
  queryParameters: parameterValues
    .nullish()
    .describe('What `$key` placeholders are where nothing else is said'),
})

const filters: Filters<TemplateFilter['field']> = {
  name: { field: 'name', operators: ['~'], kind: 'text' },
  userId: { field: 'userId', operators: ['=='], kind: 'text' },
  lastUpdatedBy: { field: 'lastUpdatedBy', operators: ['=='], kind: 'text' },
}

export function addTemplates(app: App, { query: { templates } }: HttpDependencies): void {
  app.get(
    '/query-templates',
    {
      config,
      schema: {
        tags,
        summary: 'List query templates',
        querystring: listQuery,
        response: { 200: listShape.extend({ templates: z.array(templateShape) }) },
      },
    },
    async (request) => {
      const { query } = request
      const { order, page } = orderOf(query)
      const wanted = {
        order,
        page,
        filters: filtersOf<TemplateFilter>(query.property, filters),
      }
      const found = await templates.list(callerOf(request), wanted)
      const list = { path: `${base}/query-templates`, key: 'templates', query, order } as const
      return listDocument(list, found, templateDocument)
    },
  )
  app.get(
    '/query-templates/count',
    {
      config,
      schema: {
        tags,
        summary: 'How many query templates there are',
        querystring: listQuery.pick({ property: true }),
        response: { 200: z.object({ totalCount: z.number(), version: z.literal(1) }) },
      },
    },
    async (request) => {
      const wanted = filtersOf<TemplateFilter>(request.query.property, filters)
      return { totalCount: await templates.count(callerOf(request), wanted), version: 1 as const }
    },
  )
  app.post(
    '/query-templates',
    {
      config,
      schema: {
        tags,
        summary: 'Save a query template',
        body: templateBody,
        response: { 202: templateShape },
      },
    },
    async (request, reply) => {
      const made = await templates.create(callerOf(request), wantedOf(request.body))
      return await reply.code(202).send(templateDocument(made))
    },
  )
  app.get(
    '/query-templates/:id',
    { config, schema: { tags, summary: 'Read a query template', params, response: { 200: templateShape } } },
    async (request) => templateDocument(await templates.get(callerOf(request), request.params.id)),
  )
  app.put(
    '/query-templates/:id',
    {
      config,
      schema: {
        tags,
        summary: 'Replace a query template',
        description: 'Schedules keep the text they were made with.',
        params,
        body: templateBody,
        response: { 202: templateShape },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const changed = await templates.replace(callerOf(request), id, wantedOf(request.body))
      return await reply.code(202).send(templateDocument(changed))
    },
  )
  app.delete(
    '/query-templates/:id',
    {
      config,
      schema: { tags, summary: 'Delete a query template', params, response: { 202: acceptedShape } },
    },
    async (request, reply) => {
      await templates.delete(callerOf(request), request.params.id)
      return await reply.code(202).send(accepted('Deleted'))
    },
  )
}

function wantedOf({ name, sql, queryParameters }: z.output<typeof templateBody>) {
  return { name, sql, parameters: queryParameters ?? {} }
}

function templateDocument(template: Template): z.input<typeof templateShape> {
  const { id, name, sql, parameters } = template
  const self = `${base}/query-templates/${id}`
  return {
    id,
    name,
    sql,
    queryParameters: parameters,
    created: template.createdAt.toISOString(),
    updated: template.updatedAt.toISOString(),
    userId: template.userId,
    lastUpdatedBy: template.lastUpdatedBy,
    version: 1,
    _links: {
      self: { href: self, method: 'GET' },
      delete: { href: self, method: 'DELETE' },
      update: { href: self, method: 'PUT', body: '{"sql":"…","name":"…"}' },
    },
  }
}
