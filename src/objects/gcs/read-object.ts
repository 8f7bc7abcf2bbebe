import { missing } from '../remote/create-once.ts'
import { type Opened, type Opener, type ReadRange, readObject as readRemote } from '../remote/read-object.ts'
import { type Connection, objectPath } from './connection.ts'
import { crc32c, crc32cText } from './crc32c.ts'
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
      return { add: (bytes) => void (crc = crc32c(bytes, crc)), text: () => crc32cText(crc) }
    },
  }
  yield* readRemote(connection, opener, request)
}

async function open(
  connection: Connection,
  { key, name }: ReadRequest,
  { from, end, version }: Parameters<Opener['open']>[0],
  signal: AbortSignal,
): Promise<Opened | 'past the end'> {
  const isWhole = from === 0 && end === Number.POSITIVE_INFINITY
  const range = `bytes=${from}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}`
  try {
    const answer = await connection.send(
      {
        method: 'GET',
        path: objectPath(connection, key),
        query: { alt: 'media', generation: version },
        // Stored as they are, given as they are.
        headers: { 'accept-encoding': 'identity', ...(isWhole ? {} : { range }) },
      },
      signal,
    )
    const { headers } = answer
    const total = /\/(\d+)$/.exec(headers['content-range'] ?? '')?.[1]
    const length = Number(headers['content-length'] ?? 0)
    return {
      body: answer,
      objectBytes: total === undefined ? from + length : Number(total),
      version: textOf(headers['x-goog-generation']),
      sum: /crc32c=([A-Za-z0-9+/=]+)/.exec(textOf(headers['x-goog-hash']) ?? '')?.[1],
    }
  } catch (error) {
    const failure = failureOf(error)
    if (version === undefined && failure?.status === 416) return 'past the end'
    // Objects are written once: another version than that of the first bytes is another object.
    if (isMissing(failure) || (version !== undefined && failure?.status === 416))
      throw missing(connection, name)
    throw error
  }
}

/** A header that may come several times. */
function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header
}
