import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { AppError, ErrorCode } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import type { App } from '../gateway/app.ts'
import { failureOf, GatewayError } from '../gateway/errors.ts'

/** A failure in the catalogue's own words. */
export class CatalogueError extends Error {
  readonly status: number
  readonly type: string

  constructor(status: number, type: string, message: string) {
    super(message)
    this.status = status
    this.type = type
  }
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** A failure of ours leaves open whether a change was made: the client must keep its files. */
    readonly isCommit?: boolean
  }
}

/** Bodies `{error: {message, type, code}}`; clients act on the status, and some on the type. */
export function addIcebergErrors(app: App, logger: Logger): void {
  app.setErrorHandler(async (error, request, reply) => {
    if (reply.raw.headersSent || reply.raw.destroyed) {
      reply.hijack()
      return
    }
    const failure = inItsWords(error, request.routeOptions.config.isCommit === true)
    if (failure.status >= 500) {
      logger.log('error', 'http.failed', {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url,
        error,
      })
    }
    const { status, type, message } = failure
    await reply.code(status).send({ error: { message, type, code: status } })
  })
  app.setNotFoundHandler(async (_request, reply) => {
    const message = 'The catalogue has nothing at this address.'
    await reply.code(404).send({ error: { message, type: 'NoSuchEndpointException', code: 404 } })
  })
}

function inItsWords(error: unknown, isCommit: boolean): CatalogueError {
  if (error instanceof CatalogueError) return error
  if (error instanceof GatewayError) {
    return new CatalogueError(
      401,
      'NotAuthorizedException',
      'A valid bearer token was expected. Get one at v1/oauth/tokens with a client id and secret.',
    )
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    return new CatalogueError(400, 'BadRequestException', error.message)
  }
  const status = statusOf(error)
  if (status !== undefined && status < 500) {
    return new CatalogueError(status, 'BadRequestException', 'The body of the request could not be read.')
  }
  return ofAppError(failureOf(error), isCommit)
}

/** Fastify's own failures have it. */
function statusOf(error: unknown): number | undefined {
  const isTheirs = error instanceof Error && 'code' in error && String(error.code).startsWith('FST_')
  return isTheirs && 'statusCode' in error ? Number(error.statusCode) : undefined
}

const types: Partial<Record<ErrorCode, readonly [number, string]>> = {
  'access.denied': [403, 'ForbiddenException'],
  'dataset.exists': [409, 'AlreadyExistsException'],
  'dataset.unknown': [404, 'NoSuchTableException'],
  'lake.conflict': [409, 'CommitFailedException'],
  // Trying it again on newer metadata, as after a 409, would not help.
  'schema.conflict': [400, 'BadRequestException'],
}

function ofAppError(failure: AppError, isCommit: boolean): CatalogueError {
  const text = failure.hint === undefined ? failure.message : `${failure.message} ${failure.hint}`
  const own = types[failure.code]
  if (own) return new CatalogueError(...own, text)
  const { http } = failure.meaning
  if (http >= 400 && http < 499) return new CatalogueError(http, 'BadRequestException', text)
  // Clients ask again after a 503 and remove their files after other failures: after a 500 they do neither.
  if (isCommit) return new CatalogueError(500, 'CommitStateUnknownException', text)
  return http === 503
    ? new CatalogueError(503, 'ServiceUnavailableException', text)
    : new CatalogueError(500, 'InternalServerError', text)
}
