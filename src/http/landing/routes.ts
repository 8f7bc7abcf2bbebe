import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError, toAppError } from '#base/errors.ts'
import type { HttpDependencies } from '../dependencies.ts'
import { type App, open } from '../gateway/app.ts'
import { takeBodiesAsStreams } from '../gateway/bodies.ts'
import { signalOf } from '../gateway/caller.ts'
import { authenticate } from './authenticate.ts'
import { bucketName, region } from './bucket.ts'
import type { LandingRequest } from './landing-request.ts'
import { S3Error } from './s3-error.ts'
import { sendList } from './send-list.ts'
import { sendObject } from './send-object.ts'
import { decoded, queryOf } from './uri.ts'
import { type Element, xmlDocument } from './xml.ts'

/** Of what every list, file and look may say in its query. */
const common = ['x-id']
const forLists = [
  'list-type',
  'prefix',
  'delimiter',
  'max-keys',
  'encoding-type',
  'fetch-owner',
  'continuation-token',
  'start-after',
  'marker',
]

/** Said to who is to come again. */
const retryAfterSeconds = 5

/**
 * `/landing`: the landing zone as S3 clients read it, with the credentials of `/data/foundation/connectors/landingzone`.
 * Public for the gateway, because each request is signed. Nothing can be written or deleted by it.
 */
export async function landingRoutes(app: App, dependencies: HttpDependencies): Promise<void> {
  takeBodiesAsStreams(app)
  addS3Errors(app, dependencies)
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    void reply.header('x-amz-request-id', request.id).header('x-amz-bucket-region', region)
    const [path = '', text = ''] = splitOnce(request.raw.url ?? '', '?')
    const query = queryOf(text)
    const { method, headers } = request
    const key = await authenticate(dependencies, { method, path, query, headers })
    if (method !== 'GET' && method !== 'HEAD') {
      throw new S3Error('AccessDenied', 'The landing zone is read only: exports alone write into it.')
    }
    await using zone = await dependencies.landing.open(key)
    const asked: LandingRequest = { zone, query: new Map(query), signal: signalOf(reply) }
    const [bucket = '', object = ''] = splitOnce(decoded(path.replace(/^\/landing\/?/, '')), '/')
    if (bucket === '') return await sendXml(reply, buckets)
    if (bucket !== bucketName) throw new S3Error('NoSuchBucket', `The only bucket here is ${bucketName}.`)
    if (object !== '') return await sendObject(request, reply, { ...asked, key: object })
    if (method === 'HEAD') return await reply.send()
    if (asked.query.has('location')) return await sendXml(reply, ['LocationConstraint', ''])
    if (asked.query.has('versioning')) return await sendXml(reply, ['VersioningConfiguration', ''])
    refuseOther(asked.query, [...common, ...forLists])
    return await sendXml(reply, await sendList(asked))
  }
  const options = { config: open, schema: { hide: true }, exposeHeadRoute: false } as const
  for (const url of ['/', '/*']) {
    app.route({ ...options, method: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], url, handler: handle })
  }
}

const buckets: Element = [
  'ListAllMyBucketsResult',
  [
    [
      'Buckets',
      [
        [
          'Bucket',
          [
            ['Name', bucketName],
            ['CreationDate', '1970-01-01T00:00:00.000Z'],
          ],
        ],
      ],
    ],
  ],
]

/** What changes the meaning of a request and is not known is not passed over. */
function refuseOther(query: ReadonlyMap<string, string>, known: readonly string[]): void {
  const other = [...query.keys()].find((name) => !known.includes(name) && !name.startsWith('X-Amz-'))
  if (other !== undefined) throw new S3Error('NotImplemented', `${other} is not there.`)
}

async function sendXml(reply: FastifyReply, root: Element): Promise<FastifyReply> {
  void reply.header('content-type', 'application/xml')
  return await reply.send(xmlDocument(root, 'http://s3.amazonaws.com/doc/2006-03-01/'))
}

function splitOnce(text: string, by: string): readonly string[] {
  const at = text.indexOf(by)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function addS3Errors(app: App, { logger }: HttpDependencies): void {
  app.setErrorHandler(async (error, request, reply) => {
    if (reply.raw.headersSent || reply.raw.destroyed) return reply.hijack()
    const failure = s3ErrorOf(error)
    if (failure.status === 503) void reply.header('retry-after', retryAfterSeconds)
    if (failure.status >= 500 && failure.code !== 'SlowDown') {
      logger.log('error', 'http.failed', { requestId: request.id, route: request.routeOptions.url, error })
    }
    void reply.code(failure.status).header('content-type', 'application/xml')
    if (request.method === 'HEAD') return await reply.send()
    return await reply.send(
      xmlDocument([
        'Error',
        [
          ['Code', failure.code],
          ['Message', failure.message],
          ['RequestId', request.id],
        ],
      ]),
    )
  })
}

function s3ErrorOf(error: unknown): S3Error {
  if (error instanceof S3Error) return error
  const { code, message, meaning } = error instanceof AppError ? error : toAppError(error)
  if (code === 'access.denied') return new S3Error('AccessDenied', message)
  if (code === 'limit.exceeded') return new S3Error('SlowDown', message)
  if (code === 'object.missing') return new S3Error('NoSuchKey', 'There is no such file any more.')
  // Where the files are is nothing to who reads them here; the log says what it was.
  if (code.startsWith('store.')) return new S3Error('ServiceUnavailable', 'The landing zone does not answer.')
  if (meaning.retry) return new S3Error('ServiceUnavailable', message)
  return new S3Error('InternalError', message)
}
