import type { FastifyRequest } from 'fastify'
import type { Access, Sandbox, Principal } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { App, Guard } from './app.ts'
import { GatewayError } from './errors.ts'

/**
 * Every route says whether it is public or which permission it needs; the others cannot be registered. Before a
 * guarded handler runs, bearer token, gateway headers, sandbox and the decision function have been asked, in this order.
 */
export function addAuthentication(app: App, access: Access): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('principal', null)
  app.addHook('onRoute', (route) => {
    if (route.config?.guard === undefined) {
      throw new Error(
        `Broken invariant: the route ${String(route.method)} ${route.url} does not say who may use it.`,
      )
    }
  })
  app.addHook('onRequest', async (request) => {
    const { guard } = request.routeOptions.config
    if (!guard && request.is404) return
    if (!guard) throw new Error(`Broken invariant: ${request.url} has no guard.`)
    if (guard.isPublic) return
    // Its clients send a token and no other headers; addresses name the sandbox.
    if (guard.api === 'iceberg') request.principal = await principalOf(request, access)
    else request.caller = await callerOf(request, guard, access)
  })
}

async function callerOf(request: FastifyRequest, guard: Exclude<Guard, { isPublic: true }>, access: Access) {
  const principal = await principalOf(request, access)
  checkGatewayHeaders(request, guard, principal)
  const sandbox = await sandboxOf(request, access, principal)
  const { permission } = guard
  if (permission !== undefined) await access.require({ principal, permission, sandboxId: sandbox.id })
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
  if (!isOurs && header(request, 'x-api-key') === undefined) {
    throw new GatewayError(403, { error_code: '403000', message: 'Api Key is required' })
  }
  const organizationId = header(request, 'x-gw-ims-org-id')
  if (organizationId === undefined) {
    if (isOurs) return
    throw new GatewayError(400, { error_code: '400003', message: 'Missing header: x-gw-ims-org-id' })
  }
  if (organizationId !== principal.organizationId) {
    throw new GatewayError(403, { error_code: '403025', message: 'Profile is not valid' })
  }
}

async function sandboxOf(request: FastifyRequest, access: Access, principal: Principal): Promise<Sandbox> {
  if (header(request, 'x-sandbox-id') !== undefined) {
    throw new AppError('request.invalid', 'The header x-sandbox-id is not for user tokens.', {
      hint: 'Send x-sandbox-name.',
    })
  }
  return await access.sandbox(principal, header(request, 'x-sandbox-name') ?? 'prod')
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name]
  const text = Array.isArray(value) ? value[0] : value
  return text === '' ? undefined : text
}
