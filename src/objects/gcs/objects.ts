import { createHash } from 'node:crypto'
import { buffer } from 'node:stream/consumers'
import { z } from 'zod'
import { ask, type Asking } from '../remote/ask.ts'
import { createOnce } from '../remote/create-once.ts'
import { askJson, type Connection, type GcsRequest, objectPath } from './connection.ts'
import { failureOf, isMissing, isTaken } from './failure.ts'

/** Metadata that says which writing made the object. */
export const writeMark = 'sluice-write'
/** Metadata: SHA-256 of the bytes. */
export const hashMark = 'sluice-sha256'

export const objectResource = z.looseObject({
  name: z.string(),
  size: z.coerce.number().default(0),
  updated: z.coerce.date(),
  generation: z.coerce.string(),
  metadata: z.record(z.string(), z.string()).nullish(),
})

export interface FoundObject {
  readonly bytes: number
  readonly modifiedAt: Date
  readonly generation: string
  readonly marks: Readonly<Record<string, string>>
}

export async function headObject(
  connection: Connection,
  { name, signal }: Asking,
  key: string,
): Promise<FoundObject | undefined> {
  const request = { method: 'GET', path: objectPath(connection, key) } as const
  try {
    const found = await askJson(connection, { name, signal }, request, objectResource, isMissing)
    const { size: bytes, updated: modifiedAt, generation, metadata } = found
    return { bytes, modifiedAt, generation, marks: metadata ?? {} }
  } catch (error) {
    if (isMissing(failureOf(error))) return undefined
    throw error
  }
}

export interface Creation {
  readonly key: string
  readonly name: string
  /** Unique for this writing. */
  readonly mark: string
  readonly signal: AbortSignal
}

/** Sends a request that makes the object, only where there is none. */
export async function createdBy(
  connection: Connection,
  creation: Creation & Asking,
  request: GcsRequest,
): Promise<'created' | 'exists'> {
  const conditional = { ...request, query: { ...request.query, ifGenerationMatch: 0 } }
  return await createOnce(connection, creation, {
    write: async (signal) => void (await buffer(await connection.send(conditional, signal))),
    look: async () => {
      const found = await headObject(connection, creation, creation.key)
      if (!found) return 'absent'
      return found.marks[writeMark] === creation.mark ? 'created' : 'exists'
    },
    isTaken,
    isGone: () => false,
  })
}

/**
 * Creates an object of bytes in memory, checked by MD5 as the store takes them.
 * @param sha256 of the bytes; none for what is only a part
 */
export async function putOnce(
  connection: Connection,
  creation: Creation,
  { bytes, sha256 }: { readonly bytes: Uint8Array; readonly sha256?: string },
): Promise<'created' | 'exists'> {
  const boundary = `sluice-${creation.mark}`
  const resource = JSON.stringify({
    name: creation.key,
    contentType: 'application/octet-stream',
    md5Hash: createHash('md5').update(bytes).digest('base64'),
    metadata: {
      [writeMark]: creation.mark,
      ...(sha256 === undefined ? {} : { [hashMark]: sha256 }),
    },
  })
  const body = [
    `--${boundary}\r\ncontent-type: application/json; charset=utf-8\r\n\r\n${resource}\r\n--${boundary}\r\ncontent-type: application/octet-stream\r\n\r\n`,
    bytes,
    `\r\n--${boundary}--\r\n`,
  ]
  return await createdBy(
    connection,
    { ...creation, bodyBytes: bytes.length },
    {
      method: 'POST',
      path: `/upload/storage/v1/b/${encodeURIComponent(connection.bucket)}/o`,
      query: { uploadType: 'multipart' },
      headers: { 'content-type': `multipart/related; boundary=${boundary}` },
      body,
    },
  )
}

/** Nothing happens when it is not there. */
export async function removeObject(connection: Connection, asking: Asking, key: string): Promise<void> {
  const request = { method: 'DELETE', path: objectPath(connection, key) } as const
  try {
    await ask(
      connection,
      asking,
      async (signal) => void (await buffer(await connection.send(request, signal))),
      isMissing,
    )
  } catch (error) {
    if (!isMissing(failureOf(error))) throw error
  }
}

const page = z.looseObject({
  items: z.array(objectResource).default([]),
  nextPageToken: z.string().optional(),
})

/** In the order of keys: one page at a time. */
export async function* objectsBelow(
  connection: Connection,
  asking: Asking,
  prefix: string,
): AsyncGenerator<z.infer<typeof objectResource>> {
  let pageToken: string | undefined
  do {
    const answer: z.infer<typeof page> = await askJson(
      connection,
      asking,
      {
        method: 'GET',
        path: `/storage/v1/b/${encodeURIComponent(connection.bucket)}/o`,
        query: { prefix, maxResults: connection.policy.listedAtOnce, pageToken },
      },
      page,
    )
    yield* answer.items
    pageToken = answer.nextPageToken === '' ? undefined : answer.nextPageToken
  } while (pageToken !== undefined)
}
