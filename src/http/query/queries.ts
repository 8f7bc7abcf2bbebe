import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { filtersOf, type Filters, listDocument, orderOf, queriesQuery } from './list.ts'
import { base, queryDocument } from './query-document.ts'
import { queryBody, requestOf } from './request.ts'
import { accepted, acceptedShape, listShape, queryShape } from './shapes.ts'
import type { QueryFilter } from '#query/background.ts'
import { tickOf } from '#query/schedule-run.ts'

const tags = ['Query Service']
const manage = guarded('query', 'manage-queries')
const params = z.object({ id: z.string().max(100) })
const compared = ['>', '<', '>=', '<=', '==', '!=', '~'] as const

const filters: Filters<QueryFilter['field']> = {
  created: { field: 'created', operators: compared, kind: 'time' },
  updated: { field: 'updated', operators: compared, kind: 'time' },
  state: { field: 'state', operators: compared, kind: 'text' },
  id: { field: 'id', operators: compared, kind: 'text' },
  referenced_datasets: { field: 'referenced_datasets', operators: ['=='], kind: 'list' },
  userId: { field: 'userId', operators: ['=='], kind: 'text' },
  client: { field: 'client', operators: ['=='], kind: 'text' },
  templateId: { field: 'templateId', operators: ['=='], kind: 'text' },
  templateName: { field: 'templateName', operators: ['~'], kind: 'text' },
  scheduleId: { field: 'scheduleId', operators: ['=='], kind: 'text' },
  scheduleRunId: { field: 'scheduleRunTick', operators: ['=='], kind: 'text' },
  sql: { field: 'sql', operators: ['~'], kind: 'text' },
}

export function addQueries(app: App, { query: { queries } }: HttpDependencies): void {
  app.post(
    '/queries',
    {
      config: guarded('query', 'batch-queries'),
      schema: {
        tags,
        summary: 'Run a query in the background',
        description:
          'Rows are not returned: the query creates a dataset, appends to one or copies to the scratch space. For rows use the PostgreSQL protocol, POST /sluice/v1/sql or POST /sluice/v1/results.',
        body: queryBody,
        response: { 202: queryShape },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const submitted = await queries.submit(caller, requestOf(caller, request.body))
      return await reply.code(202).send(queryDocument(caller, submitted))
    },
  )

  app.get(
    '/queries',
    {
      config: manage,
      schema: {
        tags,
        summary: 'What runs and what ran',
        querystring: queriesQuery,
        response: { 200: listShape.extend({ queries: z.array(queryShape) }) },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { query } = request
      const { order, page } = orderOf(query)
      const found = await queries.list(caller, {
        order,
        page,
        filters: queryFilters(query.property),
        withDeleted: !query.excludeSoftDeleted,
        withHidden: !query.excludeHidden,
      })
      const { excludeSoftDeleted, excludeHidden } = query
      const flags = {
        ...(excludeSoftDeleted ? {} : { excludeSoftDeleted }),
        ...(excludeHidden ? {} : { excludeHidden }),
      }
      const list = { path: `${base}/queries`, key: 'queries', query, order, flags } as const
      return listDocument(list, found, (one) => queryDocument(caller, one))
    },
  )

  app.get(
    '/queries/:id',
    { config: manage, schema: { tags, summary: 'Read a query', params, response: { 200: queryShape } } },
    async (request) => {
      const caller = callerOf(request)
      return queryDocument(caller, await queries.get(caller, request.params.id))
    },
  )

  app.patch(
    '/queries/:id',
    {
      config: manage,
      schema: {
        tags,
        summary: 'Cancel a query, or take it out of lists',
        params,
        body: z.looseObject({ op: z.enum(['cancel', 'soft_delete']) }),
        response: { 202: acceptedShape },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const { id } = request.params
      const isCancel = request.body.op === 'cancel'
      await (isCancel ? queries.cancel(caller, id) : queries.softDelete(caller, id))
      const message = isCancel ? 'Query cancel request received' : 'Query soft delete request received'
      return await reply.code(202).send(accepted(message))
    },
  )

  app.delete(
    '/queries/:id',
    {
      config: manage,
      schema: { tags, summary: 'Take a query out of lists', params, response: { 202: acceptedShape } },
    },
    async (request, reply) => {
      await queries.softDelete(callerOf(request), request.params.id)
      return await reply.code(202).send(accepted('Query soft delete request received'))
    },
  )
}

/** A run's id says its tick. */
function queryFilters(property: readonly string[]): QueryFilter[] {
  return filtersOf<QueryFilter>(property, filters).map((filter) =>
    filter.field === 'scheduleRunTick'
      ? { ...filter, values: filter.values.map((id) => tickOf(String(id)) ?? id) }
      : filter,
  )
}
