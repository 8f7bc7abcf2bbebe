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

/** What the reference platform has kept out of its reference; windows of record time are asked for elsewhere. */
const backfill = z
  .undefined({ error: 'is not taken here: ask for windows with POST /sluice/v1/exports/FLOW/backfill' })
  .optional()
const dataset = z.looseObject({ id: z.string(), backfill })
const body = z.looseObject({
  activationInfo: z.looseObject({
    backfill,
    destinations: z
      .array(
        z.looseObject({ flowId: z.string(), backfill, datasets: z.array(dataset).min(1).max(datasetsMax) }),
      )
      .min(1)
      .max(flowsMax),
  }),
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
      const wanted = request.body.activationInfo.destinations.map(({ flowId, datasets }) => {
        if (!isId('flow', flowId)) throw unknownResource('flows', flowId)
        if (audienceFlowSpecIds.includes(flowId))
          throw new AppError('flow.invalid', `Adhoc run can not be executed for Flow spec=${flowId}`)
        return { flowId, datasetIds: datasets.map(({ id }) => id) }
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
