import { z } from 'zod'
import { pageOf } from '#exports/entity-query.ts'
import type { SpecDocument } from '#exports/spec-documents.ts'
import { unknownResource } from '#exports/unknown-resource.ts'
import type { Caller, Dataset, DatasetPage } from '#datasets/datasets.ts'
import { isNamed } from '#datasets/name-pattern.ts'
import { dataSetDocument } from '../catalog/data-set-document.ts'
import { dataSetsQuery, pageOf as pageOfDataSets, trimmed } from '../catalog/data-sets-query.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { entityQuery, listAnswer, listDocument, listQuery, oneAnswer } from './page.ts'

const tags = ['Flow Service']
const config = guarded('flowservice', 'view-destinations')
const params = z.object({ id: z.string() })
const datasetsShown = 20

/** The kinds of destinations there are, and what each wants to know. */
export function addSpecs(app: App, dependencies: HttpDependencies): void {
  const { exports } = dependencies
  for (const name of ['connectionSpecs', 'flowSpecs'] as const) {
    app.get(
      `/${name}`,
      {
        config,
        schema: { tags, summary: `List ${name}`, querystring: listQuery, response: { 200: listAnswer } },
      },
      async (request) => {
        const query = entityQuery(request.query)
        const { [name]: specs } = await exports.specs(callerOf(request))
        return listDocument(name, pageOf(specs, query), query.count === true)
      },
    )
    app.get(
      `/${name}/:id`,
      { config, schema: { tags, summary: `Read one of ${name}`, params, response: { 200: oneAnswer } } },
      async (request) => {
        const { [name]: specs } = await exports.specs(callerOf(request))
        return { items: [specOf(specs, name, request.params.id)] }
      },
    )
  }
  addConfigs(app, dependencies)
}

function specOf(specs: readonly SpecDocument[], name: string, id: string): SpecDocument {
  const spec = specs.find((candidate) => candidate.id === id)
  if (spec) return spec
  throw unknownResource(name, id)
}

/** As the Catalog takes them, which this is a part of. */
const configsQuery = dataSetsQuery.extend({
  outputType: z.literal('activationDatasets').optional(),
  outputField: z.literal('datasets').optional(),
  start: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(100).default(datasetsShown),
})

/** Datasets that may be exported: those the caller may read. Every spec answers alike. */
function addConfigs(app: App, { datasets, exports, statistics }: HttpDependencies): void {
  const documents = async (caller: Caller, page: Awaited<ReturnType<typeof datasets.tables>>) => {
    const numbers = await statistics(
      caller,
      page.map(({ id }) => id),
    )
    return Object.fromEntries(
      page.map((dataset) => [dataset.id, dataSetDocument(caller, dataset, numbers.get(dataset.id))]),
    )
  }
  app.get(
    '/connectionSpecs/:id/configs',
    {
      config,
      schema: {
        tags,
        summary: 'Datasets that can be exported',
        params,
        querystring: configsQuery,
        response: {
          200: z.object({
            items: z.array(z.looseObject({ id: z.string() })),
            pageInfo: z.object({
              start: z.number(),
              end: z.number().describe('Of the last one on the page'),
              total: z.number(),
              hasNext: z.boolean(),
            }),
          }),
        },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { connectionSpecs } = await exports.specs(caller)
      specOf(connectionSpecs, 'connectionSpecs', request.params.id)
      const { start, limit, properties } = request.query
      const all = asked(await datasets.tables(caller), pageOfDataSets(request.query))
      const page = all.slice(start, start + limit)
      const shown = trimmed(await documents(caller, page), properties)
      return {
        items: page.map(({ id }) => ({ id: id as string, ...shown[id] })),
        pageInfo: {
          start,
          end: Math.max(start, start + page.length - 1),
          total: all.length,
          hasNext: start + page.length < all.length,
        },
      }
    },
  )
}

/** Those that meet the conditions, in the order asked for; the newest first where none is. */
function asked(all: readonly Dataset[], page: DatasetPage): Dataset[] {
  const { name, namePattern, schemaId, tags = [], orderBy } = page
  const keys: NonNullable<DatasetPage['orderBy']> = orderBy ?? [{ column: 'created_at', isDescending: true }]
  const keyOf = (dataset: Dataset, column: (typeof keys)[number]['column']): string | number => {
    if (column === 'name') return dataset.name
    return (column === 'created_at' ? dataset.createdAt : dataset.updatedAt).getTime()
  }
  const compare = (one: Dataset, other: Dataset) => {
    for (const { column, isDescending } of keys) {
      const [left, right] = [keyOf(one, column), keyOf(other, column)]
      if (left !== right) return left < right === isDescending ? 1 : -1
    }
    return one.id < other.id ? -1 : 1
  }
  return all
    .filter(
      (dataset) =>
        (name === undefined || dataset.name === name) &&
        (namePattern === undefined || isNamed(dataset.name, namePattern)) &&
        (schemaId === undefined || dataset.schemaId === schemaId) &&
        tags.every(({ key, value }) => dataset.tags[key]?.includes(value) ?? false),
    )
    .toSorted(compare)
}
