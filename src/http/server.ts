import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { RequestListener, Server } from 'node:http'
import fastify from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { AppError } from '#base/errors.ts'
import { http, https } from '#base/node-http.ts'
import { accessRoutes } from './access/routes.ts'
import { sluiceRoutes } from './admin/routes.ts'
import { countRequests, createCounters } from './admin/metrics.ts'
import { addSystem } from './admin/system.ts'
import { tokenRoutes } from './admin/token.ts'
import { labelRoutes } from './catalog/labels.ts'
import { previewRoutes } from './catalog/preview.ts'
import { catalogRoutes } from './catalog/routes.ts'
import type { HttpDependencies } from './dependencies.ts'
import { adHocRoutes } from './flowservice/ad-hoc.ts'
import { dataAccessRoutes } from './dataaccess/routes.ts'
import { flowServiceRoutes } from './flowservice/routes.ts'
import { auditRoutes } from './audit/routes.ts'
import { type App, open } from './gateway/app.ts'
import { addAuthentication } from './gateway/authenticate.ts'
import { addJsonBodies } from './gateway/bodies.ts'
import { boundConnections } from './gateway/bound-connections.ts'
import { endLateBodies, type LateBodies } from './gateway/late-bodies.ts'
import { addDocs } from './gateway/docs.ts'
import { addErrors, badAddress } from './gateway/errors.ts'
import { addSecurityHeaders } from './gateway/security-headers.ts'
import { icebergRoutes } from './iceberg/routes.ts'
import { landingCredentialRoutes } from './landing/credentials.ts'
import { landingRoutes } from './landing/routes.ts'
import { hygieneRoutes } from './hygiene/routes.ts'
import { identityRoutes } from './identity/routes.ts'
import { collectionRoutes } from './ingestion/collection.ts'
import { ingestionRoutes } from './ingestion/routes.ts'
import { accountRoutes } from './query/accounts.ts'
import { queryRoutes } from './query/routes.ts'
import { sandboxRoutes } from './sandboxes/routes.ts'
import { schemaRoutes } from './schemas/routes.ts'

export interface HttpServerOptions extends HttpDependencies, LateBodies {
  readonly host: string
  /** 0: the system chooses. */
  readonly port: number
  /** PEM files; absent: unencrypted, for loopback. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string } | undefined
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string
}

const jsonBytesMax = 8 * 1024 * 1024
const connectionsMax = 1_000
const headersTimeoutMs = 30_000
/** Longer than those in between wait, a minute mostly: who uses a connection again must not find it just closed. */
const keepAliveMs = 75_000
/** Of a whole request: uploads of large files take long. */
const requestTimeoutMs = 6 * 3_600_000
/** After it a stop ends what is still being answered. */
const drainMs = 3_000

/** @throws AppError 'port.in_use', 'config.invalid' */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { host, port, tls } = options
  const secrets = tls && { cert: await pem(tls.certificateFile), key: await pem(tls.keyFile) }
  let server: Server | undefined
  const app = await createApp(options, (handler) => {
    const made = secrets
      ? (https.createServer({ ...secrets, minVersion: 'TLSv1.2' }, handler) as unknown as Server)
      : http.createServer(handler)
    boundConnections(made, connectionsMax)
    made.headersTimeout = headersTimeoutMs
    made.keepAliveTimeout = keepAliveMs
    made.requestTimeout = requestTimeoutMs
    server = made
    return made
  })
  try {
    const address = await app.listen({ host, port })
    return {
      url: address,
      [Symbol.asyncDispose]: async () => {
        const late = setTimeout(() => server?.closeAllConnections(), drainMs)
        await app.close()
        clearTimeout(late)
      },
    }
  } catch (error) {
    await app.close()
    throw portProblem(error, host, port)
  }
}

/** The routes without a socket: `inject` asks them. */
export async function createApp(
  dependencies: HttpDependencies & LateBodies & { readonly tls?: unknown },
  serverFactory?: (handler: RequestListener) => Server,
): Promise<App> {
  const { logger, access, version } = dependencies
  const app: App = fastify({
    logger: false,
    ...(serverFactory === undefined ? {} : { serverFactory }),
    bodyLimit: jsonBytesMax,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1_100 },
    return503OnClosing: true,
    frameworkErrors: badAddress,
    forceCloseConnections: 'idle',
    genReqId: (request) => requestId(request.headers['x-request-id']),
  }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  addSecurityHeaders(app, { isEncrypted: dependencies.tls !== undefined })
  endLateBodies(app, dependencies)
  addErrors(app, logger)
  addJsonBodies(app)
  const counters = createCounters()
  countRequests(app, counters)
  await addDocs(app, version)
  addAuthentication(app, access)
  app.get('/openapi.json', { config: open, schema: { hide: true } }, async () => app.swagger())
  addSystem(app, dependencies, counters)
  await app.register(async (scope: App) => tokenRoutes(scope, dependencies))
  const apis: readonly [string, (scope: App) => Promise<void>][] = [
    ['/data/foundation/catalog', (scope) => catalogRoutes(scope, dependencies)],
    ['/data/foundation/dataset', (scope) => labelRoutes(scope, dependencies)],
    ['/data/foundation/export', (scope) => previewRoutes(scope, dependencies)],
    ['/data/foundation/export', (scope) => dataAccessRoutes(scope, dependencies)],
    ['/data/foundation/schemaregistry', (scope) => schemaRoutes(scope, dependencies)],
    ['/data/core', (scope) => identityRoutes(scope, dependencies)],
    ['/data/core/hygiene', (scope) => hygieneRoutes(scope, dependencies)],
    ['/data/foundation/import', (scope) => ingestionRoutes(scope, dependencies)],
    // The reference platform takes messages at two hosts.
    ['/data/foundation/import', (scope) => collectionRoutes(scope, dependencies)],
    ['', (scope) => collectionRoutes(scope, dependencies)],
    ['/data/foundation/flowservice', (scope) => flowServiceRoutes(scope, dependencies)],
    ['/data/foundation/connectors', (scope) => landingCredentialRoutes(scope, dependencies)],
    ['/landing', (scope) => landingRoutes(scope, dependencies)],
    ['/data/core/activation', (scope) => adHocRoutes(scope, dependencies)],
    ['/data/foundation/access-control', (scope) => accessRoutes(scope, dependencies)],
    ['/data/foundation/sandbox-management', (scope) => sandboxRoutes(scope, dependencies)],
    ['/data/foundation/audit', (scope) => auditRoutes(scope, dependencies)],
    ['/data/foundation/query', (scope) => queryRoutes(scope, dependencies)],
    ['/data/foundation/queryauth', (scope) => accountRoutes(scope, dependencies)],
    ['/iceberg', (scope) => icebergRoutes(scope, dependencies)],
    ['/sluice/v1', (scope) => sluiceRoutes(scope, dependencies, counters)],
  ]
  for (const [prefix, routes] of apis) await app.register(routes, { prefix })
  await app.ready()
  return app
}

/** The client's own id where it has a harmless form: it is echoed and logged. */
function requestId(given: string | string[] | undefined): string {
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID()
}

async function pem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new AppError('config.invalid', `The PEM file ${path} cannot be read.`, { cause })
  }
}

function portProblem(error: unknown, host: string, port: number): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE') {
    return new AppError('port.in_use', `Another program listens on ${host}:${port} (HTTP).`, {
      cause: error,
      hint: 'Choose another port with --http HOST:PORT, or end that program.',
    })
  }
  if (code === 'EACCES' || code === 'EADDRNOTAVAIL') {
    return new AppError('config.invalid', `HTTP cannot listen on ${host}:${port}: ${code}.`, {
      cause: error,
      hint: 'Choose an address of this machine and a port you may use with --http HOST:PORT.',
    })
  }
  return error
}
