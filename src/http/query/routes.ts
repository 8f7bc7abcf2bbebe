import type { HttpDependencies } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'
import { nothingAt } from '../gateway/errors.ts'
import { addAcceleratedQueries } from './accelerated.ts'
import { addAlerts } from './alerts.ts'
import { addConnectionParameters } from './connection.ts'
import { addQueries } from './queries.ts'
import { addScheduleRuns } from './schedule-runs.ts'
import { addSchedules } from './schedules.ts'
import { addStatistics } from './statistics.ts'
import { addTemplates } from './templates.ts'

/** `/data/foundation/query`: queries that run by themselves, their schedules, templates and alerts. */
export async function queryRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addConnectionParameters(app, dependencies)
  addQueries(app, dependencies)
  addSchedules(app, dependencies)
  addScheduleRuns(app, dependencies)
  addTemplates(app, dependencies)
  addAcceleratedQueries(app, dependencies)
  addAlerts(app, dependencies)
  addStatistics(app, dependencies)
  // Its clients look for errors in this form alone.
  app.setNotFoundHandler(
    async (request, reply) =>
      await reply.code(404).send({ message: nothingAt(request), statusCode: 404, requestId: request.id }),
  )
}
