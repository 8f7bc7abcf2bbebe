import type { CompletedPart } from '@aws-sdk/client-s3'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { Staged } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import { partsMax } from '../remote/part-size.ts'
import { inParts, PartBuffers } from '../remote/parts.ts'
import { writeMsMax } from '../remote/policy.ts'
import { type Part, sendParts } from '../remote/send-parts.ts'
import { crcTextOf, md5Of, Tally } from './checksum.ts'
import type { Connection } from './connection.ts'
import { createOnce, writeMark } from './create-once.ts'
import { abortUpload, completeUpload, createUpload } from './multipart.ts'
import { putOnce } from './put-object.ts'

export interface UploadRequest {
  readonly key: string
  readonly name: string
  /** Unique for this writing. */
  readonly mark: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly signal: AbortSignal
}

/**
 * Creates an object from a stream, only where there is none: in one piece when it is small, else in parts, of which a
 * few are under way at a time. On a failure what was sent is removed.
 */
export async function upload(
  connection: Connection,
  request: UploadRequest,
): Promise<{ readonly staged: Staged; readonly outcome: 'created' | 'exists' }> {
  const inTime = AbortSignal.timeout(writeMsMax)
  const signal = AbortSignal.any([request.signal, inTime])
  try {
    return await uploadAll(connection, { ...request, signal })
  } catch (error) {
    if (!inTime.aborted || request.signal.aborted) throw error
    throw new AppError('store.unreachable', `${JSON.stringify(request.name)} could not be written in time.`, {
      hint: `Writing one object may take ${writeMsMax / 3_600_000} hours.`,
      cause: error,
    })
  }
}

async function uploadAll(connection: Connection, request: UploadRequest) {
  const { key, name, mark, signal } = request
  const answerMsMax = connection.policy.completeMsMax
  const tally = new Tally()
  const buffers = new PartBuffers()
  const parts = inParts(request.bytes, { sizes: connection.policy, buffers, tally, signal })
  try {
    const first = await parts.next()
    const second = await parts.next()
    if (second.done) {
      const bytes = first.done ? new Uint8Array() : first.value
      return {
        outcome: await putOnce(connection, { key, name, mark, bytes, signal }),
        staged: tally.staged(),
      }
    }
    const uploadId = await createUpload(connection, request, { [writeMark]: mark })
    try {
      const rest = async function* () {
        yield must(first.value, 'a stream with a second part has a first')
        yield second.value
        yield* parts
      }
      const sent = await sendParts(rest(), { ...connection.policy, buffers }, async (part) => {
        if (part.number > partsMax) throw tooLarge(connection, name)
        return await sendPart(connection, { ...request, uploadId }, part)
      })
      const staged = tally.staged()
      const outcome = await createOnce(connection, { key, name, mark, signal, answerMsMax }, (abortSignal) =>
        completeUpload(connection, { key, uploadId, parts: sent, crc: tally.crc, ...staged }, abortSignal),
      )
      if (outcome === 'exists') await abortUpload(connection, { key, name, uploadId })
      return { outcome, staged }
    } catch (error) {
      await abortUpload(connection, { key, name, uploadId })
      throw error
    }
  } finally {
    await parts.return(undefined)
  }
}

async function sendPart(
  connection: Connection,
  { key, name, uploadId, signal }: UploadRequest & { readonly uploadId: string },
  { number, bytes }: Part,
): Promise<CompletedPart> {
  const { sdk, client, bucket } = connection
  const crc = crcTextOf(bytes)
  const command = new sdk.UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    PartNumber: number,
    Body: bytes,
    ...(connection.isConditional ? { ChecksumCRC32: crc } : { ContentMD5: md5Of(bytes) }),
  })
  const answer = await ask(connection, { name, signal, bodyBytes: bytes.length }, (abortSignal) =>
    client.send(command, { abortSignal }),
  )
  return {
    PartNumber: number,
    ETag: answer.ETag,
    ...(connection.isConditional ? { ChecksumCRC32: crc } : {}),
  }
}

function tooLarge({ location }: Connection, name: string): AppError {
  return new AppError(
    'request.too_large',
    `${JSON.stringify(name)} is too large for one object at ${location}.`,
    {
      hint: 'An object has at most 5 TiB: write several files.',
    },
  )
}
