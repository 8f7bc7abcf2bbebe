import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import { missing } from '../remote/create-once.ts'
import { type Opened, type Opener, type ReadRange, readObject as readRemote } from '../remote/read-object.ts'
import { crcText, wholeCrc } from './checksum.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'

export interface ReadRequest extends ReadRange {
  readonly key: string
}

/** @throws AppError 'object.missing', 'store.corrupt', 'store.…' */
export async function* readObject(connection: Connection, request: ReadRequest): AsyncGenerator<Uint8Array> {
  const opener: Opener = {
    open: (range, signal) => open(connection, request, range, signal),
    newSum: () => {
      let crc = 0
      return { add: (bytes) => void (crc = crc32(bytes, crc)), text: () => crcText(crc) }
    },
  }
  yield* readRemote(connection, opener, request)
}

async function open(
  connection: Connection,
  { key, name }: ReadRequest,
  { from, end, version }: Parameters<Opener['open']>[0],
  abortSignal: AbortSignal,
): Promise<Opened | 'past the end'> {
  const { sdk, client, bucket } = connection
  const isWhole = from === 0 && end === Number.POSITIVE_INFINITY
  const command = new sdk.GetObjectCommand({
    Bucket: bucket,
    Key: key,
    ...(isWhole ? {} : { Range: `bytes=${from}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}` }),
    ...(version === undefined ? {} : { IfMatch: version }),
  })
  try {
    const answer = await client.send(command, { abortSignal })
    const total = /\/(\d+)$/.exec(answer.ContentRange ?? '')?.[1]
    return {
      body: answer.Body instanceof Readable ? answer.Body : Readable.from([]),
      objectBytes: total === undefined ? from + (answer.ContentLength ?? 0) : Number(total),
      version: answer.ETag,
      sum: wholeCrc(answer),
    }
  } catch (error) {
    const failure = failureOf(error)
    if (version === undefined && failure?.status === 416) return 'past the end'
    // Objects are written once: another version than that of the first bytes is another object.
    if (isMissing(failure) || (version !== undefined && (failure?.status === 412 || failure?.status === 416)))
      throw missing(connection, name)
    throw error
  }
}
