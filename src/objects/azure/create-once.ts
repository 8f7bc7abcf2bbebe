import { createHash } from 'node:crypto'
import type { Asking } from '../remote/ask.ts'
import { createOnce as createOnceAt } from '../remote/create-once.ts'
import type { Connection } from './connection.ts'
import { areBlocksGone, isTaken } from './failure.ts'
import { hashMark, headBlob, writeMark } from './head-blob.ts'
import { lockOptions } from './lock-options.ts'

/** Only where there is no blob of the name. */
export const ifNone = { ifNoneMatch: '*' } as const

export interface Creation {
  readonly key: string
  readonly name: string
  /** Unique for this writing. */
  readonly mark: string
  readonly signal: AbortSignal
}

/** Carries out a write, only where there is no blob of the name. */
export async function createOnce(
  connection: Connection,
  creation: Creation & Asking,
  write: (signal: AbortSignal) => Promise<unknown>,
): Promise<'created' | 'exists'> {
  return await createOnceAt(connection, creation, {
    write,
    look: async () => {
      const found = await headBlob(connection, creation, creation.key)
      if (!found) return 'absent'
      return found.marks[writeMark] === creation.mark ? 'created' : 'exists'
    },
    isTaken,
    isGone: areBlocksGone,
  })
}

/** Creates a blob of bytes in memory, only where there is none. */
export async function putOnce(
  connection: Connection,
  creation: Creation,
  bytes: Uint8Array,
): Promise<'created' | 'exists'> {
  const blob = connection.container.getBlockBlobClient(creation.key)
  const md5 = createHash('md5').update(bytes).digest()
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return await createOnce(connection, { ...creation, bodyBytes: bytes.length }, (abortSignal) =>
    blob.upload(bytes, bytes.length, {
      abortSignal,
      conditions: ifNone,
      blobHTTPHeaders: { blobContentMD5: md5 },
      metadata: { [writeMark]: creation.mark, [hashMark]: sha256 },
      ...lockOptions(connection, creation.key),
    }),
  )
}

/** Makes a blob of blocks that are at the store, only where there is none. */
export async function commitOnce(
  connection: Connection,
  creation: Creation,
  blob: {
    readonly blockIds: readonly string[]
    readonly sha256: string
    readonly md5: Uint8Array | undefined
  },
): Promise<'created' | 'exists'> {
  const { blockIds, sha256, md5 } = blob
  const client = connection.container.getBlockBlobClient(creation.key)
  const answerMsMax = connection.policy.completeMsMax
  return await createOnce(connection, { ...creation, answerMsMax }, (abortSignal) =>
    client.commitBlockList([...blockIds], {
      abortSignal,
      conditions: ifNone,
      ...(md5 === undefined ? {} : { blobHTTPHeaders: { blobContentMD5: md5 } }),
      metadata: { [writeMark]: creation.mark, [hashMark]: sha256 },
      ...lockOptions(connection, creation.key),
    }),
  )
}
