import { ask, type Asking } from '../remote/ask.ts'
import { wholeCrc } from './checksum.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'

export interface FoundObject {
  readonly bytes: number
  readonly modifiedAt: Date
  readonly etag: string | undefined
  /** CRC-32 of the whole object, in Base64, where the store has it. */
  readonly crc: string | undefined
  readonly marks: Readonly<Record<string, string>>
}

export async function headObject(
  connection: Connection,
  { name, signal }: Asking,
  key: string,
): Promise<FoundObject | undefined> {
  const { sdk, client, bucket } = connection
  const command = new sdk.HeadObjectCommand({ Bucket: bucket, Key: key, ChecksumMode: 'ENABLED' })
  try {
    const answer = await ask(
      connection,
      { name, signal },
      (abortSignal) => client.send(command, { abortSignal }),
      isMissing,
    )
    return {
      bytes: answer.ContentLength ?? 0,
      modifiedAt: answer.LastModified ?? new Date(0),
      etag: answer.ETag,
      crc: wholeCrc(answer),
      marks: answer.Metadata ?? {},
    }
  } catch (error) {
    if (isMissing(failureOf(error))) return undefined
    throw error
  }
}
