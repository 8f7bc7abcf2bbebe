import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { recordDownload } from '../gateway/record-download.ts'
import { addRedeliveries } from './redeliveries.ts'

const tags = ['Sluice']
const settings = z.object({
  isStrict: z
    .boolean()
    .describe('Keep to the limits of the reference platform: what it would refuse is refused here'),
  entitledTier: z
    .enum(['Prime', 'Ultimate'])
    .nullable()
    .describe('The level of Journey Optimizer whose datasets may be exported; null: every dataset'),
})

/** What the public Flow Service lacks. */
export function addExports(app: App, { exports, access }: HttpDependencies): void {
  app.get(
    '/exports/settings',
    {
      config: guarded('sluice', 'view-destinations'),
      schema: { tags, summary: "The organisation's settings of exports", response: { 200: settings } },
    },
    async (request) => await exports.settings(callerOf(request)),
  )
  app.put(
    '/exports/settings',
    {
      config: guarded('sluice', 'administer-organization'),
      schema: {
        tags,
        summary: "Set the organisation's settings of exports",
        description: 'What is absent stays as it is.',
        body: settings.partial(),
        response: { 200: settings },
      },
    },
    async (request) => {
      const { isStrict, entitledTier } = request.body
      return await exports.putSettings(callerOf(request), {
        ...(isStrict === undefined ? {} : { isStrict }),
        ...(entitledTier === undefined ? {} : { entitledTier }),
      })
    },
  )
  addRules(app, { exports })
  addAccount(app, { exports, access })
  addRedeliveries(app, { exports, access })
}

type Given = Pick<HttpDependencies, 'exports'>
type Recording = Pick<HttpDependencies, 'exports' | 'access'>

const rule = z.object({ id: z.string(), name: z.string(), rule: z.looseObject({ kind: z.string() }) })

function addRules(app: App, { exports }: Given): void {
  app.get(
    '/exports/rules',
    {
      config: guarded('sluice', 'view-destinations'),
      schema: { tags, summary: 'Rules of exports', response: { 200: z.object({ rules: z.array(rule) }) } },
    },
    async (request) => ({ rules: [...(await exports.rules(callerOf(request)))] }),
  )
  app.put(
    '/exports/rules/:name',
    {
      config: guarded('sluice', 'manage-data-usage-policies'),
      schema: {
        tags,
        summary: 'Create or replace a rule of exports',
        description: 'Allowed destinations, quotas or delivery windows; of some datasets, or of all.',
        params: z.object({ name: z.string().min(1).max(100) }),
        body: z.looseObject({ kind: z.enum(['destinations', 'quota', 'window']) }),
        response: { 200: rule },
      },
    },
    async (request) => await exports.putRule(callerOf(request), request.params.name, request.body),
  )
  app.delete(
    '/exports/rules/:name',
    {
      config: guarded('sluice', 'manage-data-usage-policies'),
      schema: {
        tags,
        summary: 'Delete a rule of exports, by its name or its id',
        params: z.object({ name: z.string() }),
        response: { 204: z.undefined() },
      },
    },
    async (request, reply) => {
      await exports.deleteRule(callerOf(request), request.params.name)
      return await reply.code(204).send()
    },
  )
}

const delivery = z.object({
  runId: z.string(),
  flowId: z.string(),
  datasetId: z.string(),
  datasetName: z.string(),
  principalId: z.string(),
  principalName: z.string(),
  location: z.string(),
  rowCount: z.number(),
  bytes: z.number(),
  fileCount: z.number(),
  publishedAt: z.string(),
})

/** What would be, and what was delivered. */
function addAccount(app: App, { exports, access }: Recording): void {
  app.post(
    '/exports/:flowId/dry-run',
    {
      config: guarded('sluice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: 'What a run of a flow would deliver',
        description: 'Plan, files, rows, bytes and some rows. Nothing is staged or kept.',
        params: z.object({ flowId: z.string() }),
        response: { 200: z.object({ datasets: z.array(z.looseObject({ datasetId: z.string() })) }) },
      },
    },
    async (request, reply) => {
      const flowId = parseId('flow', request.params.flowId)
      const caller = callerOf(request)
      const datasets = await exports.dryRun(caller, flowId, { signal: signalOf(reply) })
      await recordDownload(access, caller, {
        assetType: 'Destination',
        assetId: flowId,
        detail: { place: 'dry run' },
      })
      return { datasets: datasets.map((dataset) => ({ ...dataset })) }
    },
  )
  app.post(
    '/exports/:flowId/adoption',
    {
      config: guarded('sluice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: "Take the destination's word on what was delivered",
        description: 'For an export that stopped with chain.diverged after its database was restored.',
        params: z.object({ flowId: z.string() }),
        response: { 200: z.object({ datasets: z.array(z.looseObject({ datasetId: z.string() })) }) },
      },
    },
    async (request) => {
      const datasets = await exports.adopt(callerOf(request), parseId('flow', request.params.flowId))
      return { datasets: datasets.map((dataset) => ({ ...dataset })) }
    },
  )
  app.post(
    '/exports/:flowId/verification',
    {
      config: guarded('sluice', 'manage-dataset-destinations'),
      schema: {
        tags,
        summary: 'Check what lies where a flow delivers to',
        description:
          'Every manifest there, its signature and place in its chain, and every file, which is read, counted and hashed again: the report of `sluice verify`. It is answered when all is read.',
        params: z.object({ flowId: z.string() }),
        response: { 200: z.looseObject({ location: z.string(), isRight: z.boolean() }) },
      },
    },
    async (request, reply) => {
      const flowId = parseId('flow', request.params.flowId)
      const caller = callerOf(request)
      const report = await exports.verify(caller, flowId, { signal: signalOf(reply) })
      await access.audit({
        principalId: caller.principal.id,
        sandboxId: caller.sandbox.id,
        action: 'verify',
        assetType: 'Destination',
        assetId: flowId,
        status: 'Allow',
        detail: { isRight: report.isRight },
      })
      return { ...report }
    },
  )
  app.get(
    '/exports/deliveries',
    {
      config: guarded('sluice', 'view-user-activity-log'),
      schema: {
        tags,
        summary: 'Who delivered what to where, newest first',
        querystring: z.object({
          principalId: z.uuid().optional(),
          location: z.string().max(1_000).optional().describe('Begins with it'),
          datasetId: z.string().max(100).optional(),
          from: z.iso.datetime().optional(),
          before: z.iso.datetime().optional().describe('The first time that is not listed'),
          limit: z.coerce.number().int().min(1).max(1_000).default(100),
          offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
        }),
        response: { 200: z.object({ deliveries: z.array(delivery) }) },
      },
    },
    async (request) => {
      const { from, before, ...filter } = request.query
      const found = await exports.exported(callerOf(request), {
        ...filter,
        ...(from === undefined ? {} : { from: new Date(from) }),
        ...(before === undefined ? {} : { before: new Date(before) }),
      })
      return {
        deliveries: found.map((one) => ({ ...one, publishedAt: one.publishedAt.toISOString() })),
      }
    },
  )
}
