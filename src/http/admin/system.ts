import { z } from 'zod'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, guarded, open } from '../gateway/app.ts'
import { callerOf } from '../gateway/caller.ts'
import { type Counters, openMetrics, openMetricsType } from './metrics.ts'

const tags = ['Operation']

/** Health, readiness and metrics. */
export function addSystem(
  app: App,
  { administration, health, clock }: HttpDependencies,
  counters: Counters,
): void {
  app.get(
    '/health',
    {
      config: open,
      schema: {
        tags,
        summary: 'Whether the process answers',
        response: { 200: z.object({ status: z.literal('ok') }) },
      },
    },
    async () => ({ status: 'ok' as const }),
  )

  const readiness = z.object({ status: z.enum(['ready', 'not ready']), problems: z.array(z.string()) })
  app.get(
    '/ready',
    {
      config: open,
      schema: {
        tags,
        summary: 'Whether it can serve: database and engine are there',
        response: { 200: readiness, 503: readiness },
      },
    },
    async (_request, reply) => {
      const problems = [...(await health.problems())]
      return problems.length === 0
        ? await reply.code(200).send({ status: 'ready', problems })
        : await reply.code(503).send({ status: 'not ready', problems })
    },
  )

  app.get(
    '/metrics',
    {
      config: guarded('sluice', 'view-monitoring-dashboard'),
      schema: { tags, summary: 'Counters and gauges as OpenMetrics text' },
    },
    async (request, reply) => {
      await administration.requireFirstOrganization(callerOf(request))
      return reply.type(openMetricsType).send(openMetrics(counters, await health.status(), clock.now()))
    },
  )
}
