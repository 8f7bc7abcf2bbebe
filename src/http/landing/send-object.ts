import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '#base/errors.ts'
import type { ObjectSummary } from '#exports/landing-zones.ts'
import { rangeOf } from '../gateway/send-range.ts'
import { entityTag } from './entity-tag.ts'
import type { LandingRequest } from './landing-request.ts'
import { S3Error } from './s3-error.ts'

/** A client that takes nothing for so long is let go, and may read on from where it was. */
const stalledMsMax = 120_000

/** A file or a range of it, or what is said of it. */
export async function sendObject(
  request: FastifyRequest,
  reply: FastifyReply,
  { zone, query, key, signal }: LandingRequest & { readonly key: string },
): Promise<FastifyReply> {
  refuseParts(query)
  const root = `${zone.folder}/`
  const name = key.startsWith(root) ? key.slice(root.length) : ''
  const file = name === '' ? undefined : await headOf(zone, name, signal)
  if (!file) throw new S3Error('NoSuchKey', 'There is no such file, or it has lain here for its seven days.')
  const tag = entityTag({ ...file, name: key })
  void reply.header('etag', tag).header('last-modified', file.modifiedAt.toUTCString())
  const { 'if-match': mustBe, 'if-none-match': mustNotBe } = request.headers
  if (mustBe !== undefined && !isIn(mustBe, tag)) {
    throw new S3Error('PreconditionFailed', 'The file is another one.')
  }
  if (mustNotBe !== undefined && isIn(mustNotBe, tag)) return await reply.code(304).send()
  const range = rangeOf(request.headers.range, file.bytes)
  if (range === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${file.bytes}`)
    throw new S3Error('InvalidRange', `The file has ${file.bytes} bytes.`)
  }
  const { start, end } = range ?? { start: 0, end: file.bytes }
  const bytes = request.method === 'HEAD' ? undefined : await zone.read(file, { start, end, signal })
  void reply
    .header('content-type', 'application/octet-stream')
    // A file is never shown by a browser as a page of ours.
    .header('content-disposition', 'attachment')
    .header('accept-ranges', 'bytes')
    .header('content-length', end - start)
  if (range) void reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${file.bytes}`)
  if (!bytes) return await reply.send()
  reply.raw.setTimeout(stalledMsMax, () => void reply.raw.destroy())
  return await reply.send(Readable.from(bytes, { objectMode: false }))
}

/** `partNumber`, `versionId`, `acl` and the like ask for something else than the file. */
function refuseParts(query: ReadonlyMap<string, string>): void {
  const other = [...query.keys()].find((name) => name !== 'x-id' && !/^(?:X-Amz-|response-)/.test(name))
  if (other !== undefined) throw new S3Error('NotImplemented', `${other} is not there.`)
}

/** What can be the name of no file is as one that is not there. */
async function headOf(
  zone: LandingRequest['zone'],
  name: string,
  signal: AbortSignal,
): Promise<ObjectSummary | undefined> {
  try {
    return await zone.head(name, { signal })
  } catch (error) {
    if (error instanceof AppError && error.code === 'request.invalid') return undefined
    throw error
  }
}

function isIn(header: string, tag: string): boolean {
  return header === '*' || header.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)
}
