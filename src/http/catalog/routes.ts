import type { App } from '../gateway/app.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { addBatches } from './batches.ts'
import { addDataSetFiles } from './data-set-files.ts'
import { addDataSets } from './data-sets.ts'

/** `/data/foundation/catalog`: datasets and batches. */
export async function catalogRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addDataSets(app, dependencies)
  addDataSetFiles(app, dependencies)
  addBatches(app, dependencies)
}
