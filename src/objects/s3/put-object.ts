import { crcTextOf, md5Of, sha256Of } from './checksum.ts'
import type { Connection } from './connection.ts'
import { lockFields } from './lock-fields.ts'
import { createOnce, hashMark, writeMark } from './create-once.ts'

/** Creates an object of bytes in memory, only where there is none. */
export async function putOnce(
  connection: Connection,
  request: {
    readonly key: string
    readonly name: string
    readonly mark: string
    readonly bytes: Uint8Array
    readonly signal: AbortSignal
  },
): Promise<'created' | 'exists'> {
  const { sdk, client, bucket } = connection
  const { key, name, mark, bytes, signal } = request
  const input = {
    Bucket: bucket,
    Key: key,
    Body: bytes,
    ...(connection.isConditional
      ? { ChecksumCRC32: crcTextOf(bytes), IfNoneMatch: '*' }
      : { ContentMD5: md5Of(bytes) }),
    Metadata: { [writeMark]: mark, [hashMark]: sha256Of(bytes) },
    ...lockFields(connection, key),
  }
  return await createOnce(connection, { key, name, mark, signal, bodyBytes: bytes.length }, (abortSignal) =>
    client.send(new sdk.PutObjectCommand(input), { abortSignal }),
  )
}
