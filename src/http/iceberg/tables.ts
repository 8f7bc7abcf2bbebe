import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import type { Principal } from '#access/access.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { SharedTable } from '#datasets/shared-tables.ts'
import { parseCommitBody, parseTableRequest } from '#lake/catalogue-requests.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, signedIn } from '../gateway/app.ts'
import { principalOf, signalOf } from '../gateway/caller.ts'
import { CatalogueError } from './errors.ts'
import { namespaceOf, namespaceParams } from './namespaces.ts'

const tags = ['Iceberg']
const config = signedIn('iceberg')
const commits = { ...config, isCommit: true }
const params = namespaceParams.extend({ table: z.string() })
const tableUrl = '/v1/namespaces/:namespace/tables/:table'

export function addTables(app: App, { sharedTables }: HttpDependencies): void {
  /** Clients look for parts of a table below it, as if it were a namespace: no table, not no namespace. */
  const callerOf = async (
    principal: Principal,
    { namespace, table }: { readonly namespace: string; readonly table: string },
  ): Promise<Caller> => {
    const caller = await sharedTables.open(principal, namespace)
    if (caller) return caller
    const name = `${namespace.replaceAll('\u001f', '.')}.${table}`.slice(0, 160)
    throw new CatalogueError(404, 'NoSuchTableException', `Table does not exist: ${name}.`)
  }

  app.get(
    '/v1/namespaces/:namespace/tables',
    {
      config,
      schema: {
        tags,
        summary: 'List the tables that you may load',
        params: namespaceParams,
        response: {
          200: z.object({
            identifiers: z.array(z.object({ namespace: z.array(z.string()), name: z.string() })),
          }),
        },
      },
    },
    async (request) => {
      const caller = await namespaceOf(sharedTables, principalOf(request), request.params.namespace)
      const names = await sharedTables.list(caller)
      return { identifiers: names.map((name) => ({ namespace: [caller.sandbox.name], name })) }
    },
  )
  app.post(
    '/v1/namespaces/:namespace/tables',
    {
      config: commits,
      schema: {
        tags,
        summary: 'Create a table, which is a dataset from then on, or stage one',
        params: namespaceParams,
        body: z.string(),
      },
    },
    async (request, reply) => {
      const caller = await namespaceOf(sharedTables, principalOf(request), request.params.namespace)
      const table = await sharedTables.create(caller, parseTableRequest(request.body))
      return await sendTable(reply, table)
    },
  )
  app.get(
    tableUrl,
    {
      config,
      exposeHeadRoute: false,
      schema: { tags, summary: 'Load a table: its metadata, and how to get at its files', params },
    },
    async (request, reply) => {
      const caller = await callerOf(principalOf(request), request.params)
      return await sendTable(reply, await sharedTables.load(caller, request.params.table))
    },
  )
  app.head(
    tableUrl,
    { config, schema: { tags, summary: 'Whether you may load a table', params } },
    async (request, reply) => {
      await sharedTables.check(await callerOf(principalOf(request), request.params), request.params.table)
      return await reply.code(204).send()
    },
  )
  app.post(
    tableUrl,
    { config: commits, schema: { tags, summary: 'Commit to a table', params, body: z.string() } },
    async (request, reply) => {
      const caller = await callerOf(principalOf(request), request.params)
      const change = parseCommitBody(request.body)
      const given = { change, signal: signalOf(reply) }
      return await sendTable(reply, await sharedTables.commit(caller, request.params.table, given))
    },
  )
  app.delete(
    tableUrl,
    {
      config,
      schema: {
        tags,
        summary: 'Delete a table and its dataset; purged, its files too',
        params,
        querystring: z.looseObject({ purgeRequested: z.string().optional() }),
      },
    },
    async (request, reply) => {
      const isPurge = request.query.purgeRequested?.toLowerCase() === 'true'
      const given = { isPurge, signal: signalOf(reply) }
      await sharedTables.drop(
        await callerOf(principalOf(request), request.params),
        request.params.table,
        given,
      )
      return await reply.code(204).send()
    },
  )
  app.post(
    `${tableUrl}/metrics`,
    { config, schema: { tags, summary: 'Report of a scan or commit; not kept', params } },
    async (_request, reply) => await reply.code(204).send(),
  )
}

/** The metadata is JSON already, with numbers that only text keeps. */
async function sendTable(reply: FastifyReply, { location, json }: SharedTable): Promise<FastifyReply> {
  const parts = [
    ...(location === undefined ? [] : [`"metadata-location":${JSON.stringify(location)}`]),
    `"metadata":${json}`,
    // How to get at the files is the same for all tables: the catalogue's configuration says it.
    '"config":{}',
  ]
  return await reply.type('application/json').send(`{${parts.join(',')}}`)
}
