import type { HttpDependencies } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'
import { addDescriptors } from './descriptors.ts'
import { addResources } from './resources.ts'
import { addRpc } from './rpc.ts'

/** `/data/foundation/schemaregistry` */
export async function schemaRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addResources(app, dependencies)
  addDescriptors(app, dependencies)
  addRpc(app, dependencies)
}
