import type { HttpDependencies } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'
import { addQueries } from './queries.ts'
import { addSchedules } from './schedules.ts'

/** `/data/foundation/query`: queries that run by themselves, and their schedules. */
export async function queryRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addQueries(app, dependencies)
  addSchedules(app, dependencies)
}
