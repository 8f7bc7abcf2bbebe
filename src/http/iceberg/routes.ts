import type { HttpDependencies } from '../dependencies.ts'
import type { App } from '../gateway/app.ts'
import { addConfig } from './config.ts'
import { addIcebergErrors } from './errors.ts'
import { addNamespaces } from './namespaces.ts'
import { addTables } from './tables.ts'
import { addToken } from './token.ts'
import { addUnsupported } from './unsupported.ts'

const formBytesMax = 16 * 1024

/**
 * Apache Iceberg's REST catalogue, for other engines. Bodies are read as text: snapshot ids have 63 bits.
 * @see https://iceberg.apache.org/rest-catalog-spec/
 */
export async function icebergRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  addIcebergErrors(app, dependencies.logger)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: formBytesMax },
    (_request, text, done) => done(null, Object.fromEntries(new URLSearchParams(String(text)))),
  )
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, String(text)))
  await app.register(async (scope: App) => addToken(scope, dependencies))
  addConfig(app, dependencies)
  addNamespaces(app, dependencies)
  addTables(app, dependencies)
  addUnsupported(app)
}
