import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import type { GetObjectCommandOutput } from '@aws-sdk/client-s3'
import { AppError } from '#base/errors.ts'
import { crcText, wholeCrc } from './checksum.ts'
import { askOnce, type Connection, waitAgain } from './connection.ts'
import { CorruptAnswer, failureOf, isMissing, isPassing, LostAnswer, storeError } from './failure.ts'

/** Up to this size a whole object is checked before its first byte is given, and read again if it is damaged. */
const heldBytesMax = 8 * 1024 * 1024
/** Breaks of one reading that went on each time; without progress `triesMax` counts. */
const resumesMax = 100

export interface ReadRequest {
  readonly key: string
  readonly name: string
  readonly start?: number
  readonly end?: number
  readonly signal: AbortSignal
}

/**
 * Gives the bytes; where the answer breaks off, another goes on from there, of the same version of the object. A whole
 * object is checked against its checksum: a large one when its last byte was given.
 * @throws AppError 'object.missing', 'store.corrupt', 'store.…'
 */
export async function* readObject(connection: Connection, request: ReadRequest): AsyncGenerator<Uint8Array> {
  const { name, signal, start = 0, end = Number.POSITIVE_INFINITY } = request
  const isWhole = start === 0 && end === Number.POSITIVE_INFINITY
  if (start >= end) return await oneByte(connection, request)
  let reading: Reading | undefined
  let held: Uint8Array[] = []
  let [position, crc, tries, resumes] = [start, 0, 0, 0]
  for (;;) {
    const from = position
    try {
      // An answer may break after its last byte.
      if (!reading || position < reading.limit) {
        const answer = await get(connection, request, { from: position, end, etag: reading?.etag })
        if (answer === 'past the end') return
        reading ??= readingOf(answer, position, end)
        const isHeld = isWhole && reading.limit <= heldBytesMax
        for await (const chunk of bodyOf(answer, connection.policy.idleMsMax, signal)) {
          if (position + chunk.length > reading.limit) throw new LostAnswer('More bytes than were promised.')
          position += chunk.length
          if (isWhole) crc = crc32(chunk, crc)
          if (isHeld) held.push(chunk)
          else yield chunk
        }
        if (position < reading.limit) throw new LostAnswer('Fewer bytes than were promised.')
      }
      if (isWhole && reading.crc !== undefined && crcText(crc) !== reading.crc) {
        throw new CorruptAnswer(`The checksum is ${crcText(crc)}, not ${reading.crc}.`)
      }
      yield* held
      return
    } catch (error) {
      signal.throwIfAborted()
      const failure = failureOf(error)
      if (!failure) throw error
      const isDamaged = error instanceof CorruptAnswer
      const isGiven = isDamaged && held.length === 0 && position > start
      tries = position > from && !isDamaged ? 1 : tries + 1
      resumes += 1
      const isOver = tries >= connection.policy.triesMax || resumes > resumesMax
      if (isGiven || isOver || !isPassing(failure)) {
        throw storeError(failure, { location: connection.location, name })
      }
      if (isDamaged) [position, crc, held, reading] = [start, 0, [], undefined]
      await waitAgain(connection, tries, signal)
    }
  }
}

interface Reading {
  readonly etag: string | undefined
  /** Where the reading ends. */
  readonly limit: number
  readonly crc: string | undefined
}

function readingOf(answer: GetObjectCommandOutput, from: number, end: number): Reading {
  const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]
  const bytes = total === undefined ? from + (answer.ContentLength ?? 0) : Number(total)
  return { etag: answer.ETag, limit: Math.min(bytes, end), crc: wholeCrc(answer) }
}

async function get(
  connection: Connection,
  { key, name, signal }: ReadRequest,
  { from, end, etag }: { readonly from: number; readonly end: number; readonly etag: string | undefined },
): Promise<GetObjectCommandOutput | 'past the end'> {
  const { sdk, client, bucket } = connection
  const isWhole = from === 0 && end === Number.POSITIVE_INFINITY
  const command = new sdk.GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(isWhole ? {} : { Range: `bytes=${from}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}` }),
    ...(etag === undefined ? {} : { IfMatch: etag }),
  })
  try {
    return await askOnce(connection, { name, signal }, (abortSignal) => client.send(command, { abortSignal }))
  } catch (error) {
    const failure = failureOf(error)
    if (etag === undefined && failure?.status === 416) return 'past the end'
    // Objects are written once: another version than that of the first bytes is another object.
    if (isMissing(failure) || (etag !== undefined && (failure?.status === 412 || failure?.status === 416)))
      throw missing(connection, name)
    throw error
  }
}

/** An empty range reads nothing, but of an object that is there. */
async function oneByte(connection: Connection, request: ReadRequest): Promise<void> {
  for await (const _ of readObject(connection, { ...request, start: 0, end: 1 })) return
}

async function* bodyOf(
  answer: GetObjectCommandOutput,
  idleMsMax: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { Body: body } = answer
  if (!(body instanceof Readable)) return
  const stop = () => void body.destroy()
  const late = () => void body.destroy(new LostAnswer('No more bytes in time.'))
  let timer = setTimeout(late, idleMsMax)
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      clearTimeout(timer) // Who reads may take their time; only the store's counts.
      yield chunk
      timer = setTimeout(late, idleMsMax)
    }
    signal.throwIfAborted()
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    body.destroy()
  }
}

export function missing({ location }: Connection, name: string): AppError {
  return new AppError('object.missing', `There is no object ${JSON.stringify(name)} at ${location}.`)
}
