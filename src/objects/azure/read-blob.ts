import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { missing } from '../remote/create-once.ts'
import { type Opened, type Opener, type ReadRange, readObject } from '../remote/read-object.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'
import { folderMark } from './head-blob.ts'

export interface ReadRequest extends ReadRange {
  readonly key: string
}

/** @throws AppError 'object.missing', 'store.corrupt', 'store.…' */
export async function* readBlob(connection: Connection, request: ReadRequest): AsyncGenerator<Uint8Array> {
  const opener: Opener = {
    open: (range, signal) => open(connection, request, range, signal),
    newSum: () => {
      const md5 = createHash('md5')
      return { add: (bytes) => void md5.update(bytes), text: () => md5.copy().digest('base64') }
    },
  }
  yield* readObject(connection, opener, request)
}

async function open(
  connection: Connection,
  { key, name }: ReadRequest,
  { from, end, version }: Parameters<Opener['open']>[0],
  abortSignal: AbortSignal,
): Promise<Opened | 'past the end'> {
  const blob = connection.container.getBlobClient(key)
  const count = end === Number.POSITIVE_INFINITY ? undefined : end - from
  try {
    const answer = await blob.download(from, count, {
      abortSignal,
      maxRetryRequests: 0, // We go on ourselves, from where the bytes ended.
      ...(version === undefined ? {} : { conditions: { ifMatch: version } }),
    })
    if (answer.metadata?.[folderMark] === 'true') throw missing(connection, name)
    const total = /\/(\d+)$/.exec(answer.contentRange ?? '')?.[1]
    const md5 = total === undefined ? answer.contentMD5 : answer.blobContentMD5
    return {
      body: (answer.readableStreamBody as Readable | undefined) ?? Readable.from([]),
      objectBytes: total === undefined ? from + (answer.contentLength ?? 0) : Number(total),
      version: answer.etag,
      sum: md5 && Buffer.from(md5).toString('base64'),
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
