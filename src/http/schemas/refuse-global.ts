import { AppError } from '#base/errors.ts'
import { type App, guarded } from '../gateway/app.ts'

/** What the product ships is never written by clients. */
export function refuseGlobal(app: App, path: string): void {
  const refuse = async (): Promise<never> => {
    throw new AppError('schema.read_only', 'What the product ships cannot be changed.', {
      hint: 'Make your own in the container "tenant".',
    })
  }
  const options = { config: guarded('schemaregistry', 'manage-schemas'), schema: { hide: true } }
  app.post(path, options, refuse)
  app.put(`${path}/:id`, options, refuse)
  app.patch(`${path}/:id`, options, refuse)
  app.delete(`${path}/:id`, options, refuse)
}
