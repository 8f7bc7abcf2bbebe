import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import { sparkName, type StructType } from '#types/data-type.ts'
import { xdmProperties } from '#types/xdm-document.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { bytesOf, checkLength, takeBodiesAsStreams } from '../gateway/bodies.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { recordDownload } from '../gateway/record-download.ts'
import { addBackups } from './backups.ts'
import { addMaintenance } from './maintenance.ts'
import type { Counters } from './metrics.ts'
import { addCredentials } from './credentials.ts'
import { addDatasets } from './datasets.ts'
import { addExports } from './exports.ts'
import { addNotifications } from './notifications.ts'
import { addPrincipals } from './principals.ts'
import { addResults } from './results.ts'
import { addScratchSpace } from './scratch-space.ts'
import { addSql } from './sql.ts'
import { addUpkeep } from './upkeep.ts'

const tags = ['Sluice']

/** `/sluice/v1`: only what the public APIs lack. */
export async function sluiceRoutes(
  app: App,
  dependencies: HttpDependencies,
  counters: Counters,
): Promise<void> {
  addSql(app, dependencies, counters)
  addStatus(app, dependencies)
  addMaintenance(app, dependencies)
  addBackups(app, dependencies)
  addRejects(app, dependencies)
  addDatasets(app, dependencies)
  addScratchSpace(app, dependencies)
  addRotation(app, dependencies)
  addPrincipals(app, dependencies)
  addCredentials(app, dependencies)
  addUpkeep(app, dependencies)
  addNotifications(app, dependencies)
  addResults(app, dependencies)
  addExports(app, dependencies)
  await app.register(async (uploads: App) => addInference(uploads, dependencies))
}

function addStatus(app: App, { administration, health, version }: HttpDependencies): void {
  app.get(
    '/status',
    {
      config: guarded('sluice', 'view-monitoring-dashboard'),
      schema: { tags, summary: 'What the server is doing', response: { 200: z.looseObject({}) } },
    },
    async (request) => {
      await administration.requireFirstOrganization(callerOf(request))
      const { startedAt, upkeep, ...status } = await health.status()
      return {
        version,
        startedAt: startedAt.toISOString(),
        ...status,
        upkeep: upkeep.map((task) => ({ ...task, lastSuccessAt: task.lastSuccessAt?.toISOString() ?? null })),
        problems: await health.problems(),
      }
    },
  )
}

function addRejects(app: App, { access, ingest }: HttpDependencies): void {
  app.get(
    '/batches/:id/rejects',
    {
      config: guarded('sluice', 'view-datasets'),
      schema: {
        tags,
        summary: 'Rows a load refused, and why',
        params: z.object({ id: z.string() }),
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(10_000).default(100) }),
        response: {
          200: z.object({
            rejects: z.array(
              z.object({
                fileName: z.string(),
                row: z.number(),
                code: z.string(),
                reason: z.string(),
                record: z.string(),
              }),
            ),
          }),
        },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const batchId = parseId('batch', request.params.id)
      const rejects = [...(await ingest.rejects(caller, batchId, request.query))]
      await recordDownload(access, caller, {
        assetType: 'Batch',
        assetId: batchId,
        detail: { rejects: rejects.length },
      })
      return { rejects }
    },
  )
}

function addRotation(app: App, { access, administration }: HttpDependencies): void {
  app.post(
    '/credentials/rotation',
    {
      config: guarded('sluice', 'administer-organization'),
      schema: {
        tags,
        summary: 'New secrets for the administrator, in the credentials file',
        description:
          'The old secrets and all tokens end at once. The new ones are only in the file of the home.',
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      await administration.requireOperator(caller)
      await access.rotateCredentials(caller.principal.id)
      return await reply.code(204).send()
    },
  )
}

function addInference(app: App, { ingest, limits }: HttpDependencies): void {
  takeBodiesAsStreams(app)
  app.post(
    '/schema-inference',
    {
      config: guarded('sluice', 'view-schemas'),
      bodyLimit: Number.MAX_SAFE_INTEGER,
      schema: {
        tags,
        summary: 'The columns a file seems to have',
        description: 'The body is the file. `schema` can be sent to the schema registry as it is.',
        consumes: ['application/octet-stream'],
        querystring: z.object({
          fileName: z.string().min(1).max(1024),
          format: z.enum(['parquet', 'json', 'csv']),
        }),
        response: {
          200: z.object({
            columns: z.array(z.object({ name: z.string(), type: z.string() })),
            schema: z.looseObject({}),
          }),
        },
      },
    },
    async (request, reply) => {
      checkLength(request.headers['content-length'], limits.uploadBytesMax)
      const columns = await ingest.inferSchema(callerOf(request), {
        ...request.query,
        bytes: bytesOf(request.body, limits.uploadBytesMax),
        signal: signalOf(reply),
      })
      return inferenceDocument(columns, request.query.fileName)
    },
  )
}

function inferenceDocument(columns: StructType, fileName: string) {
  return {
    columns: columns.fields.map(({ name, type }) => ({ name, type: sparkName(type) })),
    schema: { title: fileName, type: 'object', properties: xdmProperties(columns) },
  }
}
