import type { CompletedPart } from '@aws-sdk/client-s3'
import { AppError } from '#base/errors.ts'
import { sha256Of } from './checksum.ts'
import { ask } from '../remote/ask.ts'
import { bytesOf } from '../remote/bytes-of.ts'
import { type Completion, completeOnce } from '../remote/complete-staged.ts'
import { missing } from '../remote/create-once.ts'
import type { Connection } from './connection.ts'
import { createOnce, hashMark, writeMark } from './create-once.ts'
import { type FoundObject, headObject } from './head-object.ts'
import { lockFields } from './lock-fields.ts'
import { abortUpload, completeUpload, createUpload } from './multipart.ts'
import { putOnce } from './put-object.ts'
import { readObject } from './read-object.ts'

/** Smaller ones pass through us, checked once more; S3 copies no part below 5 MiB but the last. */
const copiedBytesMin = 8 * 1024 * 1024
/** Of one part that the store copies by itself. */
const copiedPartBytesMax = 5 * 1024 * 1024 * 1024
const copiedPartsAtOnce = 4

/**
 * Gives staged bytes their final name: the store copies them into an upload, whose completion is one step and refused
 * where the name is taken. The object bears the token's id, so that whoever completes again recognises it.
 */
export async function completeStaged(connection: Connection, completion: Completion): Promise<void> {
  const { token, key, signal } = completion
  const { name } = token
  await completeOnce(connection, completion, {
    head: () => headObject(connection, { name, signal }, key),
    copyOnce: () => copyOnce(connection, completion),
    read: () => readObject(connection, { key, name, signal }),
    hashMark,
  })
}

async function copyOnce(connection: Connection, completion: Completion): Promise<'created' | 'exists'> {
  const { token, staged, key, stagedKey, signal } = completion
  const { name } = token
  const source = await headObject(connection, { name, signal }, stagedKey)
  // One that somebody put in its place has another mark or none; one that was cut another size.
  const isMarked = !connection.isConditional || source?.marks[writeMark] === token.id
  if (source?.bytes !== staged.bytes || !isMarked) throw missing(connection, name)
  if (staged.bytes >= copiedBytesMin && connection.isConditional)
    return await copyLarge(connection, completion, source)
  if (staged.bytes >= copiedBytesMin) return await copyWhole(connection, completion)
  const bytes = await bytesOf(readObject(connection, { key: stagedKey, name, signal }))
  if (sha256Of(bytes) !== staged.sha256) throw missing(connection, name)
  return await putOnce(connection, { key, name, mark: token.id, bytes, signal })
}

/** Where parts cannot be copied: the store copies the whole object, in one step for who reads. */
async function copyWhole(connection: Connection, completion: Completion): Promise<'created' | 'exists'> {
  const { sdk, client, bucket, policy } = connection
  const { token, staged, key, stagedKey, signal } = completion
  const asking = { name: token.name, key, mark: token.id, signal, answerMsMax: policy.completeMsMax }
  const command = () =>
    new sdk.CopyObjectCommand({
      Bucket: bucket,
      Key: key,
      CopySource: copySource(bucket, stagedKey),
      MetadataDirective: 'REPLACE',
      Metadata: { [writeMark]: token.id, [hashMark]: staged.sha256 },
      ...lockFields(connection, key),
    })
  return await createOnce(connection, asking, (abortSignal) => client.send(command(), { abortSignal }))
}

function copySource(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`
}

async function copyLarge(connection: Connection, completion: Completion, source: FoundObject) {
  const { bytes } = completion.staged
  const { copiedPartBytes } = connection.policy
  try {
    return await copyParts(connection, completion, { source, partBytes: copiedPartBytes })
  } catch (error) {
    const isCorrupt = error instanceof AppError && error.code === 'store.corrupt'
    // There are servers that give the checksum of the whole for each part of it, and then don't find that of the parts.
    const isInParts = bytes > copiedPartBytes && bytes <= copiedPartBytesMax
    if (!isCorrupt || !isInParts) throw error
    return await copyParts(connection, completion, { source, partBytes: copiedPartBytesMax })
  }
}

async function copyParts(
  connection: Connection,
  completion: Completion,
  { source, partBytes }: { readonly source: FoundObject; readonly partBytes: number },
): Promise<'created' | 'exists'> {
  const { token, staged, key, signal } = completion
  const { name } = token
  const asking = { name, key, signal }
  const answerMsMax = connection.policy.completeMsMax
  const uploadId = await createUpload(connection, asking, {
    [writeMark]: token.id,
    [hashMark]: staged.sha256,
  })
  try {
    const parts: CompletedPart[] = []
    const starts = Array.from(
      { length: Math.ceil(staged.bytes / partBytes) },
      (_, index) => index * partBytes,
    )
    for (let index = 0; index < starts.length; index += copiedPartsAtOnce) {
      const some = starts.slice(index, index + copiedPartsAtOnce)
      parts.push(
        ...(await Promise.all(
          some.map((start) => copyPart(connection, completion, { source, uploadId, start, partBytes })),
        )),
      )
    }
    const outcome = await createOnce(connection, { ...asking, mark: token.id, answerMsMax }, (abortSignal) =>
      completeUpload(connection, { key, uploadId, parts, bytes: staged.bytes, crc: source.crc }, abortSignal),
    )
    if (outcome === 'exists') await abortUpload(connection, { key, name, uploadId })
    return outcome
  } catch (error) {
    await abortUpload(connection, { key, name, uploadId })
    throw error
  }
}

async function copyPart(
  connection: Connection,
  { token, staged, key, stagedKey, signal }: Completion,
  {
    source,
    uploadId,
    start,
    partBytes,
  }: {
    readonly source: FoundObject
    readonly uploadId: string
    readonly start: number
    readonly partBytes: number
  },
): Promise<CompletedPart> {
  const { sdk, client, bucket } = connection
  const number = start / partBytes + 1
  const end = Math.min(start + partBytes, staged.bytes)
  const command = new sdk.UploadPartCopyCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    PartNumber: number,
    CopySource: copySource(bucket, stagedKey),
    CopySourceRange: `bytes=${start}-${end - 1}`,
    ...(source.etag === undefined ? {} : { CopySourceIfMatch: source.etag }),
  })
  const answer = await ask(connection, { name: token.name, signal, bodyBytes: end - start }, (abortSignal) =>
    client.send(command, { abortSignal }),
  )
  const { ETag, ChecksumCRC32 } = answer.CopyPartResult ?? {}
  return { PartNumber: number, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
}
