import type { HttpDependencies } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'
import { addPolicies } from './policies.ts'
import { addReference } from './reference.ts'
import { addRoles } from './roles.ts'

/** `/data/foundation/access-control`: the catalogue of permissions, roles, who has them, policies. */
export async function accessRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addReference(app, dependencies)
  addRoles(app, dependencies)
  addPolicies(app, dependencies)
}
