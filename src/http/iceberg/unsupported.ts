import { type App, signedIn } from '../gateway/app.ts'
import { CatalogueError } from './errors.ts'

const config = signedIn('iceberg')

/** What the catalogue's specification has and we have not, said so that clients understand it. */
export function addUnsupported(app: App): void {
  const refusals: readonly ['POST' | 'DELETE', string, string][] = [
    ['POST', '/v1/namespaces', 'Namespaces are sandboxes: they are made and deleted by administrators.'],
    ['DELETE', '/v1/namespaces/:namespace', 'Namespaces are sandboxes: administrators delete them.'],
    ['POST', '/v1/namespaces/:namespace/properties', 'Namespaces have no properties here.'],
    [
      'POST',
      '/v1/namespaces/:namespace/register',
      'Tables of elsewhere cannot be registered: copy their rows.',
    ],
    ['POST', '/v1/tables/rename', 'A table keeps its name: make one of the other name from its rows.'],
    ['POST', '/v1/transactions/commit', 'One commit changes one table: commit to each of them.'],
    ['POST', '/v1/namespaces/:namespace/views', 'Views are made with SQL here.'],
  ]
  for (const [method, url, message] of refusals) {
    app.route({
      method,
      url,
      config,
      schema: { hide: true },
      handler: async () => {
        throw new CatalogueError(406, 'UnsupportedOperationException', message)
      },
    })
  }
  app.get('/v1/namespaces/:namespace/views', { config, schema: { hide: true } }, async () => ({
    identifiers: [],
  }))
  app.get('/v1/namespaces/:namespace/views/:view', { config, schema: { hide: true } }, async () => {
    throw new CatalogueError(404, 'NoSuchViewException', 'There are no views here.')
  })
}
