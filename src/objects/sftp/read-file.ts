import { Readable } from 'node:stream'
import { missing } from '../remote/create-once.ts'
import { type Opened, type Opener, type ReadRange, readObject } from '../remote/read-object.ts'
import type { Connection } from './connection.ts'
import { failureOf, isMissing } from './failure.ts'
import { closeFile, lookAt, openFile, readFrom } from './requests.ts'

/** Files have no checksum on the server; the protocol itself sees to it that none is changed on the way. */
const noSum = { add: () => {}, text: () => '' }

/** @throws AppError 'object.missing', 'store.…' */
export async function* readFile(
  connection: Connection,
  request: ReadRange & { readonly path: string },
): AsyncGenerator<Uint8Array> {
  const opener: Opener = {
    open: (range, signal) => open(connection, request, range, signal),
    newSum: () => noSum,
  }
  yield* readObject(connection, opener, request)
}

async function open(
  connection: Connection,
  { path, name }: { readonly path: string; readonly name: string },
  { from, end, version }: Parameters<Opener['open']>[0],
  signal: AbortSignal,
): Promise<Opened | 'past the end'> {
  if (version !== undefined) connection.drop() // The reading stood still or broke off.
  try {
    return await connection.once(signal, async (sftp) => {
      const stats = await lookAt(sftp, path)
      if (!stats?.isFile()) throw missing(connection, name)
      const found = `${stats.size} ${stats.mtime}`
      if (version !== undefined && version !== found) throw missing(connection, name)
      if (from >= stats.size) return from === 0 ? empty(found) : 'past the end'
      const handle = await openFile(sftp, path, 'r')
      const bytes = async function* () {
        try {
          yield* readFrom(sftp, handle, { start: from, end: Math.min(end, stats.size) })
        } finally {
          closeFile(sftp, handle).catch(() => {}) // With its session it is closed anyway.
        }
      }
      return {
        body: Readable.from(bytes(), { highWaterMark: 1 }),
        objectBytes: stats.size,
        version: found,
        sum: undefined,
      }
    })
  } catch (error) {
    if (isMissing(failureOf(error))) throw missing(connection, name)
    throw error
  }
}

function empty(version: string): Opened {
  return { body: Readable.from([]), objectBytes: 0, version, sum: undefined }
}
