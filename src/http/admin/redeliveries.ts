import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf, signalOf } from '../gateway/caller.ts'
import { recordDownload } from '../gateway/record-download.ts'

const tags = ['Sluice']
const config = guarded('sluice', 'manage-dataset-destinations')
const plan = z.looseObject({ datasetId: z.string(), rowCount: z.number() })
const isDryRun = z.boolean().default(false).describe('Answer what would be delivered; nothing is')
const window = z.object({
  datasetId: z.string(),
  from: z.string(),
  before: z.string(),
  runId: z.string(),
  state: z.string(),
  rowCount: z.number().optional(),
  message: z.string().optional(),
})

/** What was delivered, or could not be, once more. */
export function addRedeliveries(
  app: App,
  { exports, access }: Pick<HttpDependencies, 'exports' | 'access'>,
): void {
  app.post(
    '/exports/runs/:runId/repeat',
    {
      config,
      schema: {
        tags,
        summary: 'Deliver the rows of a published run again',
        description:
          'The next delivery is as it would have been. Asked again while it is under way, it is the same run.',
        params: z.object({ runId: z.string() }),
        body: z.object({ isDryRun }).nullish(),
        response: {
          200: z.object({
            runId: z.string().optional(),
            isNew: z.boolean().optional(),
            plan: plan.optional(),
          }),
        },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const runId = parseId('run', request.params.runId)
      if (request.body?.isDryRun !== true) return await exports.repeatRun(caller, runId)
      const plan = await exports.repeatAhead(caller, runId, { signal: signalOf(reply) })
      const detail = { place: 'dry run' }
      await recordDownload(access, caller, { assetType: 'Destination Run', assetId: runId, detail })
      return { plan: { ...plan } }
    },
  )
  app.get(
    '/exports/runs/:runId/manifest',
    {
      config,
      schema: {
        tags,
        summary: 'The sealed manifest of a published run',
        description:
          'As it is delivered, to the byte, with its name below the place in Content-Disposition; also where none is delivered.',
        params: z.object({ runId: z.string() }),
        response: { 200: z.string() },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const runId = parseId('run', request.params.runId)
      const { name, text } = await exports.sealedManifest(caller, runId)
      const detail = { place: 'manifest' }
      await recordDownload(access, caller, { assetType: 'Destination Run', assetId: runId, detail })
      return await reply
        .type('application/json')
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`)
        .serializer((bytes: unknown) => String(bytes))
        .send(text)
    },
  )
  app.post(
    '/exports/:flowId/backfill',
    {
      config,
      schema: {
        tags,
        summary: 'Deliver rows by their own time, a run for each window',
        description:
          'Beside the live runs. An export made with startsWith "new" delivers in windows what was there before it, which its live runs never deliver; another one delivers rows once more that its live runs have delivered. Asked again, only what failed is made; a window that overlaps another one is refused.',
        params: z.object({ flowId: z.string() }),
        body: z.object({
          datasetIds: z.array(z.string()).min(1).max(100),
          from: z.iso.datetime(),
          before: z.iso.datetime().describe('The first time that is not delivered'),
          windowHours: z.number().int().min(1).max(100_000).default(24),
          isDryRun,
        }),
        response: { 200: z.object({ windows: z.array(window).optional(), plans: z.array(plan).optional() }) },
      },
    },
    async (request, reply) => {
      const caller = callerOf(request)
      const flowId = parseId('flow', request.params.flowId)
      const { isDryRun, from, before, ...rest } = request.body
      const wanted = { ...rest, from: new Date(from), before: new Date(before) }
      if (!isDryRun) return { windows: [...(await exports.backfill(caller, flowId, wanted))] }
      const plans = await exports.backfillAhead(caller, flowId, wanted, { signal: signalOf(reply) })
      const detail = { place: 'dry run' }
      await recordDownload(access, caller, { assetType: 'Destination', assetId: flowId, detail })
      return { plans: plans.map((one) => ({ ...one })) }
    },
  )
  app.get(
    '/exports/:flowId/backfill',
    {
      config,
      schema: {
        tags,
        summary: 'Windows that were asked for, and how far they are',
        params: z.object({ flowId: z.string() }),
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(1_000).default(1_000),
          offset: z.coerce.number().int().min(0).default(0),
        }),
        response: { 200: z.object({ windows: z.array(window) }) },
      },
    },
    async (request) => ({
      windows: [
        ...(await exports.windows(callerOf(request), parseId('flow', request.params.flowId), request.query)),
      ],
    }),
  )
}
