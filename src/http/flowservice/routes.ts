import type { HttpDependencies } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'
import { addEntities } from './entities.ts'
import { addRuns } from './runs.ts'
import { addSpecs } from './specs.ts'

/** `/data/foundation/flowservice`: deliveries as connections, flows and runs. */
export async function flowServiceRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addSpecs(app, dependencies)
  addEntities(app, dependencies)
  addRuns(app, dependencies)
}
