import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { isId } from '#base/ids.ts'
import { audienceFlowSpecIds } from '#exports/destination-specs.ts'
import { unknownResource } from '#exports/unknown-resource.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

const flowsMax = 80
const datasetsMax = 100

const time = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'is a time like 2026-11-01T00:00:00.000Z')
  .transform((text) => new Date(text))
  .refine((at) => !Number.isNaN(at.getTime()), 'is no time that there is')
const backfill = z
  .looseObject({ startDate: time.nullish(), endDate: time.nullish() })
  .nullish()
  .describe('Rows by their times, at most 30 days; where one of the two is missing, the last 365 days')
const dataset = z.looseObject({ id: z.string(), backfill })
const destination = z.looseObject({
  flowId: z.string(),
  backfill,
  datasets: z.array(dataset).min(1).max(datasetsMax),
})
const body = z.looseObject({
  activationInfo: z.looseObject({ backfill, destinations: z.array(destination).min(1).max(flowsMax) }),
})
const answer = z.object({
  destinations: z.array(z.object({ datasets: z.array(z.object({ id: z.string(), statusURL: z.string() })) })),
})

/** `/data/core/activation`: runs of datasets outside of their flow's schedule. */
export async function adHocRoutes(app: App, { exports }: HttpDependencies): Promise<void> {
  app.post(
    '/disflowprovider/adhocrun',
    {
      config: guarded('flowservice', 'manage-dataset-destinations'),
      schema: {
        tags: ['Flow Service'],
        summary: 'Run datasets of flows now',
        description:
          'Each dataset has a run, at whose address its state is. Where one cannot be made, none is.',
        body,
        response: { 200: answer },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { activationInfo } = request.body
      const wanted = activationInfo.destinations.map((destination) => {
        const { flowId, datasets } = destination
        if (!isId('flow', flowId)) throw unknownResource('flows', flowId)
        if (audienceFlowSpecIds.includes(flowId))
          throw new AppError('flow.invalid', `Adhoc run can not be executed for Flow spec=${flowId}`)
        const backfills = new Map(
          datasets.flatMap((dataset) => {
            const asked = dataset.backfill ?? destination.backfill ?? activationInfo.backfill
            if (!asked) return []
            const { startDate, endDate } = asked
            return [[dataset.id, { startDate: startDate ?? undefined, endDate: endDate ?? undefined }]]
          }),
        )
        return { flowId, datasetIds: datasets.map(({ id }) => id), backfills }
      })
      const runs = [...(await exports.runDatasets(caller, wanted))]
      const destinations = wanted.map(({ datasetIds }) => ({
        datasets: runs.splice(0, datasetIds.length).map(({ datasetId, runId }) => ({
          id: datasetId,
          statusURL: `${request.protocol}://${request.host}/data/foundation/flowservice/runs/${runId}`,
        })),
      }))
      return { destinations }
    },
  )
}
