import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isId } from '#base/ids.ts'
import { permissionsToChange } from '#exports/entity-checks.ts'
import type { EntityKind } from '#exports/entity-kind.ts'
import type { Exports } from '#exports/exports.ts'
import { unknownResource } from '#exports/unknown-resource.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import {
  changeAnswer,
  changeDocument,
  entityQuery,
  listAnswer,
  listDocument,
  listQuery,
  oneAnswer,
} from './page.ts'
import { withStreamingConnections } from './streaming-connections.ts'

const tags = ['Flow Service']
const view = guarded('flowservice', 'view-destinations')
const params = z.object({ id: z.string().max(100) })
const body = z.looseObject({}).nullish().describe('As the public Flow Service takes it')

/** What each kind is for people. */
const nouns: Readonly<Record<EntityKind, string>> = {
  connections: 'base connection',
  sourceConnections: 'source connection',
  targetConnections: 'target connection',
  flows: 'flow',
}

export function addEntities(app: App, dependencies: HttpDependencies): void {
  for (const kind of Object.keys(nouns) as EntityKind[]) addKind(app, dependencies, kind)
  addFlowAction(app, dependencies)
  addConnectionTest(app, dependencies)
}

function addKind(app: App, { exports, streaming }: HttpDependencies, kind: EntityKind): void {
  const noun = nouns[kind]
  const change = guarded('flowservice', ...permissionsToChange[kind])
  const entities = ({ protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>) =>
    withStreamingConnections(exports, streaming, `${protocol}://${host}`)
  app.get(
    `/${kind}`,
    {
      config: view,
      schema: { tags, summary: `List ${noun}s`, querystring: listQuery, response: { 200: listAnswer } },
    },
    async (request) => {
      const query = entityQuery(request.query)
      return listDocument(
        kind,
        await entities(request).entities(callerOf(request), kind, query),
        query.count === true,
      )
    },
  )
  app.post(
    `/${kind}`,
    { config: change, schema: { tags, summary: `Create a ${noun}`, body, response: { 201: changeAnswer } } },
    async (request, reply) =>
      await reply
        .code(201)
        .send(changeDocument(await entities(request).createEntity(callerOf(request), kind, request.body))),
  )
  app.get(
    `/${kind}/:id`,
    { config: view, schema: { tags, summary: `Read a ${noun}`, params, response: { 200: oneAnswer } } },
    async (request) => ({
      items: [await entities(request).entity(callerOf(request), kind, request.params.id)],
    }),
  )
  app.patch(
    `/${kind}/:id`,
    {
      config: change,
      schema: {
        tags,
        summary: `Change a ${noun}`,
        description: 'JSON Patch with add, replace and remove; If-Match carries the etag with its quotes.',
        params,
        querystring: z.object({ 'if-match': z.string().optional() }),
        body: z.array(z.looseObject({})).nullish(),
        response: { 200: changeAnswer },
      },
    },
    async (request) =>
      changeDocument(
        await exports.patchEntity(
          callerOf(request),
          kind,
          request.params.id,
          request.headers['if-match'] ?? request.query['if-match'],
          request.body,
        ),
      ),
  )
  app.delete(
    `/${kind}/:id`,
    {
      config: change,
      schema: { tags, summary: `Delete a ${noun}`, params, response: { 202: z.undefined() } },
    },
    async (request, reply) => {
      await entities(request).deleteEntity(callerOf(request), kind, request.params.id)
      return await reply.code(202).send()
    },
  )
}

function addFlowAction(app: App, { exports }: HttpDependencies): void {
  app.post(
    '/flows/:id/action',
    {
      config: guarded('flowservice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: 'Enable or disable a flow',
        params,
        querystring: z.object({
          op: z.string().describe('enable or disable'),
          'if-match': z.string().optional(),
        }),
        response: { 200: changeAnswer },
      },
    },
    async (request) => {
      const op = request.query.op.toLowerCase()
      if (op !== 'enable' && op !== 'disable') {
        throw new AppError('request.invalid', `op is enable or disable, ${JSON.stringify(op)} came.`)
      }
      const { id: flowId } = request.params
      if (!isId('flow', flowId)) throw unknownResource('flows', flowId)
      return changeDocument(
        await exports.setFlowEnabled(
          callerOf(request),
          flowId,
          op === 'enable',
          request.headers['if-match'] ?? request.query['if-match'],
        ),
      )
    },
  )
}

function addConnectionTest(app: App, { exports }: HttpDependencies): void {
  app.get(
    '/connections/:id/test',
    {
      config: view,
      schema: {
        tags,
        summary: 'Log in with a base connection',
        description:
          'Lists what is at the places of its target connections, as a run would. `result` is false where that fails.',
        params,
        response: { 200: testAnswer },
      },
    },
    async (request) => await testOf(exports.testConnection(callerOf(request), request.params.id)),
  )
}

const testAnswer = z.object({
  result: z.boolean(),
  places: z.array(z.string()),
  tried: z.string(),
  error: z
    .object({ code: z.string(), message: z.string(), hint: z.string().optional() })
    .optional()
    .describe('Why the result is false'),
})

/** That a destination refuses is what was asked about, no failure of the answer: clients ask again after those. */
async function testOf(testing: ReturnType<Exports['testConnection']>): Promise<z.infer<typeof testAnswer>> {
  try {
    const { places, ...rest } = await testing
    return { ...rest, places: [...places] }
  } catch (error) {
    if (!(error instanceof AppError) || !error.code.startsWith('store.')) throw error
    const { code, message, hint } = error
    return {
      result: false,
      places: [],
      tried: 'The destination was asked.',
      error: { code, message, ...(hint === undefined ? {} : { hint }) },
    }
  }
}
