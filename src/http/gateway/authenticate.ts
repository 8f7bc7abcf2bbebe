import type { FastifyRequest } from 'fastify'
import type { Access, Caller, Sandbox, Principal } from '#access/access.ts'
import { requireOne } from '#access/require-one.ts'
import { AppError } from '#base/errors.ts'
import { withRequestContext } from '#base/request-context.ts'
import type { App, Guard } from './app.ts'
import { GatewayError } from './errors.ts'

/**
 * Every route says whether it is public or which permission it needs; the others cannot be registered. Before a
 * guarded handler runs, bearer token, gateway headers, sandbox and the decision function have been asked, in this order.
 */
export function addAuthentication(app: App, access: Access): void {
  app.decorateRequest('caller', null)
  app.decorate('registeredRoutes', [])
  app.decorateRequest('principal', null)
  app.addHook('onRoute', (route) => {
    const guard = route.config?.guard
    if (guard === undefined) {
      throw new Error(
        `Broken invariant: the route ${String(route.method)} ${route.url} does not say who may use it.`,
      )
    }
    for (const method of [route.method].flat()) app.registeredRoutes.push({ method, url: route.url, guard })
  })
  app.addHook('onRequest', (request, _reply, done) => {
    withRequestContext({ requestId: request.id, address: request.ip }, done)
  })
  async function authenticate(
    request: FastifyRequest,
    guard: ClosedGuard,
    done: (error?: Error) => void,
  ): Promise<void> {
    try {
      // Its clients send a token and no other headers; addresses name the sandbox.
      if (guard.api === 'iceberg') request.principal = await principalOf(request, access)
      else request.caller = await callerFrom(request, guard, access)
    } catch (error) {
      done(error as Error)
      return
    }
    done()
  }

  app.addHook('onRequest', (request, _reply, done) => {
    const { guard } = request.routeOptions.config
    if (!guard && !request.is404) throw new Error(`Broken invariant: ${request.url} has no guard.`)
    if (!guard || guard.isPublic) done()
    else void authenticate(request, guard, done)
  })
}

type ClosedGuard = Exclude<Guard, { readonly isPublic: true }>

/** Who sends a request that must show it, once token, headers, sandbox and permission are right. */
export async function callerFrom(
  request: FastifyRequest,
  guard: ClosedGuard,
  access: Access,
): Promise<Caller> {
  const principal = await principalOf(request, access)
  try {
    checkGatewayHeaders(request, guard, principal)
  } catch (error) {
    await access.audit({
      principalId: principal.id,
      sandboxId: undefined,
      action: 'deny',
      assetType: 'Gateway',
      assetId: error instanceof GatewayError ? String(error.body['error_code']) : 'headers',
      status: 'Deny',
    })
    throw error
  }
  const sandbox = await sandboxOf(request, access, principal)
  const { permissions } = guard
  if (permissions) await requireOne(access, permissions, { principal, sandboxId: sandbox.id })
  return { principal, sandbox }
}

async function principalOf(request: FastifyRequest, access: Access): Promise<Principal> {
  const { authorization } = request.headers
  if (authorization === undefined || authorization === '') {
    throw new GatewayError(403, { error_code: '403010', message: 'Oauth token is missing.' })
  }
  const token = /^Bearer +(\S+)$/i.exec(authorization)?.[1]
  try {
    if (token !== undefined) return await access.authenticateToken(token)
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'access.unauthenticated')) throw error
  }
  throw new GatewayError(401, { error_code: '401013', message: 'Oauth token is not valid' })
}

/** Routes of our own ask for the token only; what else comes must still be right. */
function checkGatewayHeaders(
  request: FastifyRequest,
  guard: { readonly api: string },
  principal: Principal,
): void {
  const isOurs = guard.api === 'sluice'
  const key = header(request, 'x-api-key')
  if (!isOurs && key === undefined) {
    throw new GatewayError(403, { error_code: '403000', message: 'Api Key is required' })
  }
  // A token belongs to the client it was issued to.
  if (key !== undefined && principal.clientId !== undefined && key !== principal.clientId) {
    throw new GatewayError(403, { error_code: '403003', message: 'Api Key is invalid' })
  }
  const organizationId = header(request, 'x-gw-ims-org-id')
  if (organizationId === undefined) {
    if (isOurs) return
    throw new GatewayError(400, { error_code: '400003', message: 'Missing header' })
  }
  if (organizationId !== principal.organizationId) {
    throw new GatewayError(403, { error_code: '403025', message: 'Profile is not valid' })
  }
}

async function sandboxOf(request: FastifyRequest, access: Access, principal: Principal): Promise<Sandbox> {
  if (header(request, 'x-sandbox-id') !== undefined) {
    throw new AppError('request.invalid', 'The header x-sandbox-id is not for user tokens.', {
      hint: 'Send x-sandbox-name.',
      detail: { flowCode: 'FLOW-2110-400' },
    })
  }
  return await access.sandbox(principal, header(request, 'x-sandbox-name') ?? 'prod')
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  const text = Array.isArray(value) ? value[0] : value
  return text === '' ? undefined : text
}
