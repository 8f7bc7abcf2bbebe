import type { FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { AppError, type ErrorCode, toAppError } from '#base/errors.ts'
import type { Logger } from '#base/log.ts'
import { unreachable } from '#base/assert.ts'
import type { Api, App } from './app.ts'
import { identityErrorBody } from './identity-error.ts'
import { registryErrorBody } from './registry-error.ts'

/** Refused at the door, in the gateway's own words. */
export class GatewayError extends Error {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>

  constructor(status: number, body: Readonly<Record<string, unknown>>) {
    super('Refused by the gateway')
    this.status = status
    this.body = body
  }
}

/** What a client is told: nothing of ours but the sentence, its code and how to find it in the log. */
export function addErrors(app: App, logger: Logger): void {
  app.setErrorHandler(async (error, request, reply) => {
    // Too late to say anything when the client is gone: the connection ends.
    if (reply.raw.headersSent || reply.raw.destroyed) reply.hijack()
    else await answer(error, request, reply, logger)
  })
  app.setNotFoundHandler(async (request, reply) => notFound(request, reply))
}

async function answer(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  logger: Logger,
): Promise<void> {
  if (error instanceof GatewayError) {
    await reply.code(error.status).send(error.body)
    return
  }
  if (isMediaType(error)) {
    await reply.code(400).send(unknownMediaType)
    return
  }
  const failure = failureOf(error)
  const { http, retry } = failure.meaning
  if (http >= 500) {
    logger.log('error', 'http.failed', {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url,
      code: failure.code,
      error: failure,
    })
  }
  if (retry) void reply.header('retry-after', retryAfterOf(failure))
  await reply.code(http).send(bodyOf(apiOf(request), failure, request))
}

/** In seconds, as the header has it. */
export function retryAfterOf({ detail }: AppError): string {
  const seconds = detail?.['retryAfterSeconds']
  return typeof seconds === 'number' ? String(seconds) : '1'
}

async function notFound(request: FastifyRequest, reply: FastifyReply): Promise<void> {
  await reply.code(404).send({
    type: 'about:blank',
    title: 'Not found',
    status: 404,
    detail: nothingAt(request),
    requestId: request.id,
  })
}

/** Of an address whose escapes are no UTF-8; which API was meant nobody knows. */
export function badAddress(_error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const failure = new AppError('request.invalid', 'The address holds a % that begins no character of UTF-8.')
  void reply.code(failure.meaning.http).send(bodyOf('sluice', failure, request))
}

export function nothingAt({ method, url }: FastifyRequest): string {
  return `There is nothing at ${method} ${url.split('?')[0]?.slice(0, 200) ?? ''}. The addresses are listed at /docs.`
}

/** What a client is told of what was thrown, whoever threw it. */
export function failureOf(error: unknown): AppError {
  if (hasZodFastifySchemaValidationErrors(error)) {
    const [issue] = error.validation
    const { path, message } = nearestIssue({
      path: (issue?.instancePath ?? '').split('/').filter((name) => name !== ''),
      message: issue?.message ?? 'Not as expected',
      errors: branches.parse(issue?.params).errors,
    })
    const where = [error.validationContext ?? 'request', ...path].join('.')
    return new AppError('request.invalid', `${where}: ${message.replace(/\.$/, '')}.`)
  }
  if (isResponseSerializationError(error)) return toAppError(error.cause)
  if (
    error instanceof Error &&
    'statusCode' in error &&
    'code' in error &&
    String(error.code).startsWith('FST_')
  ) {
    const { statusCode } = error
    if (statusCode === 413) {
      return new AppError('request.too_large', 'The body of the request is larger than this address takes.')
    }
    if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
      return new AppError('request.invalid', 'The body of the request could not be read.', {
        hint: 'Send well-formed JSON.',
      })
    }
  }
  if (error instanceof SyntaxError && 'statusCode' in error) {
    return new AppError('request.invalid', `The body of the request is not JSON: ${error.message}.`)
  }
  if (error instanceof Error && 'code' in error && noTextOfDatabase.includes(String(error.code))) {
    return new AppError(
      'request.invalid',
      'A text of the request holds U+0000, which no text that is kept may.',
    )
  }
  if (error instanceof Error && error.message === noJsonOfDatabase) {
    return new AppError(
      'request.invalid',
      'A text of the request holds half of a character: a lone surrogate.',
    )
  }
  return toAppError(error)
}

/** Of documents that JavaScript writes and PostgreSQL does not read. */
const noJsonOfDatabase = 'invalid input syntax for type json'

/** character_not_in_repertoire, untranslatable_character: of all that JSON and addresses hold, U+0000 alone. */
const noTextOfDatabase = ['22021', '22P05']

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** Of each form that what came may have: what is wrong with it. */
  readonly errors?: readonly (readonly Issue[])[] | undefined
}

const branches = z.looseObject({ errors: z.array(z.array(z.custom<Issue>())).optional() }).catch({})

/** Of what may have several forms, what is wrong with the one that came nearest: which was right for longest. */
function nearestIssue({ path, message, errors = [] }: Issue): Issue {
  const first = errors.flatMap(([issue]) => (issue ? [nearestIssue(issue)] : []))
  const nearest = first.toSorted((one, other) => other.path.length - one.path.length)[0]
  if (!nearest || nearest.path.length === 0) return { path, message }
  return { path: [...path, ...nearest.path], message: nearest.message }
}

const unknownMediaType = {
  type: '/placeholder/type/uri',
  status: 400,
  title: 'BadRequestError',
  detail: 'A valid content-type must be specified',
}

function isMediaType(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE'
}

function apiOf(request: FastifyRequest): Api {
  const guard = request.routeOptions.config.guard
  return guard && !guard.isPublic ? guard.api : 'sluice'
}

/** Each API says the same failure in its own form; ours are added beside. */
function bodyOf(api: Api, failure: AppError, request: FastifyRequest): Record<string, unknown> {
  const status = failure.meaning.http
  const ours = {
    code: failure.code,
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    ...(failure.position === undefined ? {} : { position: failure.position }),
    requestId: request.id,
  }
  const sentence = /[.!?]$/.test(failure.message) ? failure.message : `${failure.message}.`
  const text = failure.hint === undefined ? failure.message : `${sentence} ${failure.hint}`
  switch (api) {
    case 'flowservice': {
      const { flowCode = `FLOW-${flowNumber[failure.code] ?? '1001'}-${status}`, ...detail } =
        failure.detail ?? {}
      return {
        type: `https://ns.adobe.com/aep/errors/${String(flowCode)}`,
        title: title(status),
        status,
        report: { 'detailed-message': text, 'request-id': request.id, ...detail },
        errorMessage: text,
        errorDetails: text,
        ...ours,
      }
    }
    case 'schemaregistry':
      return { ...registryErrorBody(failure, { text, requestId: request.id }), ...ours }
    case 'identity':
      return { ...identityErrorBody(failure, text), ...ours }
    case 'policy': {
      const type = `http://ns.adobe.com/aep/errors/PES-${status}`
      return {
        ...ours,
        type,
        title: title(status),
        status,
        code: `PES-${status}`,
        message: text,
        detail: failure.message,
      }
    }
    case 'query':
      return { message: text, statusCode: status, ...ours }
    case 'access':
    case 'catalog':
    case 'sandbox':
    case 'iceberg': // Its routes have error bodies of their own.
    case 'sluice':
      return {
        type: api === 'sluice' || api === 'iceberg' ? 'about:blank' : errorType(api, failure.code, status),
        title: failure.code === 'access.denied' && api === 'catalog' ? 'Forbidden' : title(status),
        status,
        detail: failure.message,
        ...ours,
      }
    default:
      return unreachable(api)
  }
}

/** The services' own codes where they have one, else ours. */
function errorType(api: 'access' | 'catalog' | 'sandbox', code: ErrorCode, status: number): string {
  if (api === 'sandbox') {
    return `http://ns.adobe.com/aep/errors/SMS-${sandboxNumber[code] ?? '1000'}-${status}`
  }
  if (api === 'catalog' && code === 'access.denied') {
    return 'http://ns.adobe.com/aep/errors/CATALOG-4030-403'
  }
  return `https://ns.adobe.com/aep/errors/${code}`
}

const sandboxNumber: Partial<Record<ErrorCode, string>> = {
  'sandbox.invalid': '2001',
  'sandbox.exists': '2002',
  'sandbox.unknown': '2003',
  'sandbox.default': '2004',
  'access.denied': '2005',
}

/** The Flow Service's own numbers, where it has one. */
const flowNumber: Partial<Record<ErrorCode, string>> = {
  'access.denied': '2120',
  'flow.invalid': '1431',
  'flow.unknown': '1439',
  'flow.version': '1404',
  'export.unknown': '1439',
  'request.invalid': '1450',
}

function title(status: number): string {
  const titles: Readonly<Record<number, string>> = {
    400: 'Bad request',
    401: 'Not authenticated',
    403: 'Not allowed',
    404: 'Resource not found',
    409: 'Conflict',
    410: 'Gone',
    412: 'Version mismatch',
    413: 'Too large',
    422: 'Not right',
    429: 'Too many',
    499: 'Client closed the request',
    500: 'Internal error',
    503: 'Not available now',
    507: 'Out of space',
  }
  return titles[status] ?? 'Error'
}
