import type { CompletedPart } from '@aws-sdk/client-s3'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { ask, type Asking } from '../remote/ask.ts'
import type { Keys } from '../remote/keys.ts'
import { tidyMsMax } from '../remote/policy.ts'
import type { Connection } from './connection.ts'
import { failureOf, isUploadGone } from './failure.ts'
import { lockFields } from './lock-fields.ts'
import { unfinishedAgeMsMin } from './s3-config.ts'

export async function createUpload(
  connection: Connection,
  request: Asking & { readonly key: string },
  marks: Readonly<Record<string, string>>,
): Promise<string> {
  const { sdk, client, bucket } = connection
  const command = new sdk.CreateMultipartUploadCommand({
    Bucket: bucket,
    Key: request.key,
    Metadata: marks,
    ...lockFields(connection, request.key),
    ...(connection.isConditional ? { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' } : {}),
  })
  // An answer lost here leaves an empty upload behind, which the sweep finds.
  const answer = await ask(connection, request, (abortSignal) => client.send(command, { abortSignal }))
  return must(answer.UploadId, 'an upload has an id')
}

/** The store itself refuses when size or checksum of the whole are others. */
export async function completeUpload(
  { sdk, client, bucket, isConditional }: Connection,
  upload: {
    readonly key: string
    readonly uploadId: string
    readonly parts: readonly CompletedPart[]
    readonly bytes: number
    readonly crc: string | undefined
  },
  abortSignal: AbortSignal,
): Promise<void> {
  const command = new sdk.CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: upload.key,
    UploadId: upload.uploadId,
    MultipartUpload: { Parts: [...upload.parts] },
    ...(isConditional ? { MpuObjectSize: upload.bytes, IfNoneMatch: '*' } : {}),
    ...(upload.crc === undefined || !isConditional
      ? {}
      : { ChecksumCRC32: upload.crc, ChecksumType: 'FULL_OBJECT' }),
  })
  await client.send(command, { abortSignal })
}

/** Whatever was the matter before, it is what is told; what stays behind is found by the sweep. */
export async function abortUpload(
  connection: Connection,
  { key, name, uploadId }: { readonly key: string; readonly name: string; readonly uploadId: string },
): Promise<void> {
  // The caller's signal may be what ended the upload.
  const signal = AbortSignal.timeout(tidyMsMax)
  try {
    await removeUpload(connection, { key, name, signal }, uploadId)
  } catch (error) {
    if (!(error instanceof AppError) && !signal.aborted) throw error
  }
}

/** Ends the uploads of one key that are under way: its writer is gone. */
export async function abortUploadsOf(
  connection: Connection,
  asking: Asking & { readonly key: string },
): Promise<void> {
  for await (const upload of openUploads(connection, asking, asking.key)) {
    if (upload.key === asking.key) await removeUpload(connection, { ...asking, key: upload.key }, upload.id)
  }
}

/** Ends uploads so old that no writer can be at work on them. */
export async function sweepUploads(
  connection: Connection,
  keys: Keys,
  { now, signal }: { readonly now: Date; readonly signal: AbortSignal },
): Promise<number> {
  const before = now.getTime() - unfinishedAgeMsMin
  let removed = 0
  const asking = { name: '', signal }
  for await (const { key, id, startedAt } of openUploads(connection, asking, keys.prefix('') ?? '')) {
    if (startedAt.getTime() >= before) continue
    await removeUpload(connection, { ...asking, key }, id)
    removed += 1
  }
  return removed
}

export async function removeUpload(
  connection: Connection,
  request: Asking & { readonly key: string },
  uploadId: string,
): Promise<void> {
  const { sdk, client, bucket } = connection
  const command = new sdk.AbortMultipartUploadCommand({
    Bucket: bucket,
    Key: request.key,
    UploadId: uploadId,
  })
  try {
    await ask(connection, request, (abortSignal) => client.send(command, { abortSignal }), isUploadGone)
  } catch (error) {
    if (!isUploadGone(failureOf(error))) throw error
  }
}

export async function* openUploads(
  connection: Connection,
  asking: Asking,
  prefix: string,
): AsyncGenerator<{ readonly key: string; readonly id: string; readonly startedAt: Date }> {
  const { sdk, client, bucket } = connection
  let marker: { readonly KeyMarker: string; readonly UploadIdMarker: string } | undefined
  do {
    const command = new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...marker })
    const page = await ask(connection, asking, (abortSignal) => client.send(command, { abortSignal }))
    for (const { Key: key, UploadId: id, Initiated: startedAt } of page.Uploads ?? []) {
      if (key?.startsWith(prefix) && id !== undefined && startedAt) yield { key, id, startedAt }
    }
    marker =
      page.IsTruncated === true
        ? { KeyMarker: page.NextKeyMarker ?? '', UploadIdMarker: page.NextUploadIdMarker ?? '' }
        : undefined
  } while (marker)
}
