import { z } from 'zod'
import { parseId } from '#base/ids.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'

export function addStatistics(app: App, { datasets, statistics }: HttpDependencies): void {
  app.get(
    '/statistics',
    {
      config: guarded('query', 'view-datasets'),
      schema: {
        tags: ['Query Service'],
        summary: 'How large a dataset is',
        querystring: z.looseObject({
          dataSet: z.string().max(100),
          statisticType: z.string().max(100).optional().describe('`table`, the only one'),
        }),
        response: {
          200: z.object({
            dataSet: z.string(),
            statisticType: z.literal('table'),
            rowCount: z.number(),
            sizeInBytes: z.number(),
          }),
        },
      },
    },
    async (request) => {
      const caller = callerOf(request)
      const { id } = await datasets.get(caller, parseId('dataset', request.query.dataSet))
      const figures = (await statistics(caller, [id])).get(id)
      return {
        dataSet: id,
        statisticType: 'table' as const,
        rowCount: figures?.rowCount ?? 0,
        sizeInBytes: figures?.bytes ?? 0,
      }
    },
  )
}
