import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { BatchData } from '#ingest/ingest.ts'

/** A file or the one range of it that was asked for; a `Range` of another form is passed over, as HTTP allows. */
export async function sendRange(
  request: FastifyRequest,
  reply: FastifyReply,
  file: Pick<BatchData, 'bytes' | 'read'>,
  type = 'application/octet-stream',
): Promise<FastifyReply> {
  void reply
    .header('content-type', type)
    .header('accept-ranges', 'bytes')
    // A file a client named is never shown by a browser as a page of ours.
    .header('content-disposition', 'attachment')
  // There are no ETags here that could be the one of If-Range.
  const isWhole = request.method === 'HEAD' || request.headers['if-range'] !== undefined
  const range = isWhole ? undefined : rangeOf(request.headers.range, file.bytes)
  if (range === 'unsatisfiable') {
    return await reply.code(416).header('content-range', `bytes */${file.bytes}`).send()
  }
  const { start, end } = range ?? { start: 0, end: file.bytes }
  void reply.header('content-length', end - start)
  if (range) void reply.code(206).header('content-range', `bytes ${start}-${end - 1}/${file.bytes}`)
  // HEAD too: an answer that has no body is said to be empty, whatever length it was given.
  const pieces = request.method === 'HEAD' || start === end ? [] : file.read({ start, end })
  return await reply.send(Readable.from(pieces, { objectMode: false }))
}

/** `end` is exclusive. */
export function rangeOf(
  text: string | undefined,
  bytes: number,
): { readonly start: number; readonly end: number } | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(text ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), bytes)
    return count === 0 ? 'unsatisfiable' : { start: bytes - count, end: bytes }
  }
  const start = Number(first)
  const end = last === '' ? bytes : Math.min(Number(last) + 1, bytes)
  if (last !== '' && Number(last) < start) return undefined
  return start >= bytes ? 'unsatisfiable' : { start, end }
}
