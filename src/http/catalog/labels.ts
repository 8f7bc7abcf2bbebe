import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import type { DatasetLabels } from '#datasets/datasets.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const tags = ['Catalog']
const view = guarded('policy', 'view-datasets')
const manage = guarded('policy', 'apply-data-usage-labels')
const params = z.object({ id: z.string() })
const labels = z.looseObject({})
const path = '/datasets/:id/labels'

/** `/data/foundation/dataset`: data usage labels of datasets. They are kept and shown. */
export async function labelRoutes(app: App, { datasets }: HttpDependencies): Promise<void> {
  app.get(
    path,
    {
      config: view,
      schema: { tags, summary: 'Read the labels of a dataset', params, response: { 200: labels } },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const id = parseId('dataset', request.params.id)
      const found = await datasets.labels(caller, id)
      withEtag(reply, found)
      return { [`AEP:dataset:${id}`]: { imsOrg: caller.principal.organizationId, ...documentOf(found) } }
    },
  )
  app.post(
    path,
    {
      config: manage,
      schema: {
        tags,
        summary: 'Give labels to a dataset that has none',
        params,
        body: z.unknown(),
        response: { 201: labels },
      },
    },
    async (request, reply) => {
      const datasetId = parseId('dataset', request.params.id)
      const given = { datasetId, labels: request.body, ifMatch: undefined }
      const stored = await datasets.putLabels(callerOf(request), given)
      withEtag(reply, stored)
      return await reply.code(201).send(documentOf(stored))
    },
  )
  app.put(
    path,
    {
      config: manage,
      schema: {
        tags,
        summary: 'Replace the labels of a dataset',
        params,
        body: z.unknown(),
        response: { 200: labels },
      },
    },
    async (request, reply) => {
      const datasetId = parseId('dataset', request.params.id)
      const ifMatch = wanted(request.headers['if-match'])
      const stored = await datasets.putLabels(callerOf(request), { datasetId, labels: request.body, ifMatch })
      withEtag(reply, stored)
      return documentOf(stored)
    },
  )
  app.delete(
    path,
    { config: manage, schema: { tags, summary: 'Take all labels away', params } },
    async (request, reply) => {
      const datasetId = parseId('dataset', request.params.id)
      const ifMatch = wanted(request.headers['if-match'])
      await datasets.putLabels(callerOf(request), { datasetId, labels: {}, ifMatch })
      return await reply.code(204).send()
    },
  )
}

function wanted(ifMatch: string | undefined): string {
  if (ifMatch !== undefined && ifMatch !== '') return ifMatch
  throw new AppError('request.invalid', 'Missing header: If-Match.', {
    hint: 'Send the etag that reading the labels gave.',
  })
}

function withEtag(reply: FastifyReply, { version }: DatasetLabels): void {
  void reply.header('etag', `"${version}"`)
}

function documentOf({ labels, optionalLabels }: DatasetLabels) {
  return { labels, optionalLabels }
}
