import { createHash } from 'node:crypto'
import type { Staged } from '../object-store.ts'
import { ask } from '../remote/ask.ts'
import { bytesOf } from '../remote/bytes-of.ts'
import { type Completion, completeOnce } from '../remote/complete-staged.ts'
import { missing } from '../remote/create-once.ts'
import { sendParts } from '../remote/send-parts.ts'
import type { Connection, CopySource } from './connection.ts'
import { commitOnce, createOnce, ifNone, putOnce } from './create-once.ts'
import { failureOf, isSourceRefused, mayFareBetter } from './failure.ts'
import { type FoundBlob, hashMark, headBlob, writeMark } from './head-blob.ts'
import { lockOptions } from './lock-options.ts'
import { readBlob } from './read-blob.ts'
import { blockId, stageBlock } from './upload.ts'

/** Smaller ones pass through us, checked once more. */
const copiedBytesMin = 8 * 1024 * 1024
/** Of one block that the store copies by itself; it takes more, and answers when it is done. */
const copiedBlockBytes = 64 * 1024 * 1024
const copiedBlocksAtOnce = 4

/**
 * Gives staged bytes their final name, refused where it is taken: the store copies them by one request, or larger ones into
 * blocks, which one request makes a blob. The blob bears the token's id, so that whoever completes again recognises it.
 */
export async function completeStaged(connection: Connection, completion: Completion): Promise<void> {
  const { token, key, signal } = completion
  const { name } = token
  await completeOnce(connection, completion, {
    head: () => headBlob(connection, { name, signal }, key),
    copyOnce: () => copyOnce(connection, completion),
    read: () => readBlob(connection, { key, name, signal }),
    hashMark,
  })
}

async function copyOnce(connection: Connection, completion: Completion): Promise<'created' | 'exists'> {
  const { token, staged, key, stagedKey, signal } = completion
  const { name } = token
  const creation = { key, name, mark: token.id, signal }
  const source = await headBlob(connection, { name, signal }, stagedKey)
  if (!isOurs(source, token.id, staged)) throw missing(connection, name)
  if (staged.bytes < copiedBytesMin) {
    const bytes = await bytesOf(readBlob(connection, { key: stagedKey, name, signal }))
    if (createHash('sha256').update(bytes).digest('hex') !== staged.sha256) throw missing(connection, name)
    return await putOnce(connection, creation, bytes)
  }
  if (staged.bytes <= connection.policy.copiedWholeBytesMax) {
    const outcome = await copyWhole(connection, completion, source)
    if (outcome !== 'refused') return outcome
  }
  const blockIds = await copyBlocks(connection, completion, source)
  return await commitOnce(connection, creation, { blockIds, sha256: staged.sha256, md5: source.md5 })
}

/** One that somebody put in its place has other marks or none; one that was cut another size. */
function isOurs(source: FoundBlob | undefined, mark: string, staged: Staged): source is FoundBlob {
  return (
    source?.bytes === staged.bytes &&
    source.marks[writeMark] === mark &&
    source.marks[hashMark] === staged.sha256
  )
}

/** That the store will not copy by one request, and why does not matter: blocks are copied otherwise. */
class CopyRefused extends Error {
  override readonly name = 'CopyRefused'
}

async function copyWhole(
  connection: Connection,
  { token, staged, key, stagedKey, signal }: Completion,
  source: FoundBlob,
): Promise<'created' | 'exists' | 'refused'> {
  const { container, policy } = connection
  const target = container.getBlobClient(key)
  const copied = await connection.copySource(container.getBlockBlobClient(stagedKey))
  const answerMsMax = policy.completeMsMax
  try {
    return await createOnce(
      connection,
      { key, name: token.name, mark: token.id, signal, answerMsMax },
      async (abortSignal) => {
        const options = {
          ...copyConditions(copied, source),
          abortSignal,
          conditions: ifNone,
          metadata: { [writeMark]: token.id, [hashMark]: staged.sha256 },
          ...lockOptions(connection, key),
        }
        await target.syncCopyFromURL(copied.url, options).catch((error: unknown) => {
          const failure = failureOf(error)
          throw failure && !mayFareBetter(failure) ? new CopyRefused() : error
        })
      },
    )
  } catch (error) {
    if (error instanceof CopyRefused) return 'refused'
    throw error
  }
}

function copyConditions({ authorization }: CopySource, { etag }: FoundBlob) {
  return {
    ...(etag === undefined ? {} : { sourceConditions: { ifMatch: etag } }),
    ...(authorization === undefined ? {} : { sourceAuthorization: authorization }),
  }
}

async function copyBlocks(
  connection: Connection,
  completion: Completion,
  source: FoundBlob,
): Promise<readonly string[]> {
  const { token, staged, key, stagedKey, signal } = completion
  const { name } = token
  const target = connection.container.getBlockBlobClient(key)
  const copied = await connection.copySource(connection.container.getBlockBlobClient(stagedKey))
  const copy = async (start: number, id: string): Promise<void> => {
    const bodyBytes = Math.min(copiedBlockBytes, staged.bytes - start)
    await ask(
      connection,
      { name, signal, bodyBytes },
      (abortSignal) =>
        target.stageBlockFromURL(id, copied.url, start, bodyBytes, {
          ...copyConditions(copied, source),
          abortSignal,
        }),
      isSourceRefused,
    )
  }
  const starts = Array.from(
    { length: Math.ceil(staged.bytes / copiedBlockBytes) },
    (_, index) => index * copiedBlockBytes,
  )
  const ids = starts.map((_, index) => blockId(token.id, index + 1))
  try {
    for (let index = 0; index < starts.length; index += copiedBlocksAtOnce) {
      const some = starts.slice(index, index + copiedBlocksAtOnce)
      await Promise.all(some.map((start, at) => copy(start, ids[index + at] ?? '')))
    }
    return ids
  } catch (error) {
    if (!isSourceRefused(failureOf(error))) throw error
    return await passThrough(connection, completion)
  }
}

/** Where the store may not read its own blob with what we have, the bytes go through us. */
async function passThrough(connection: Connection, completion: Completion): Promise<readonly string[]> {
  const { token, key, stagedKey, staged, signal } = completion
  const creation = { key, name: token.name, mark: token.id, signal }
  const hash = createHash('sha256')
  const pieces = async function* () {
    for (let start = 0; start < staged.bytes; start += copiedBytesMin) {
      const range = { start, end: Math.min(start + copiedBytesMin, staged.bytes) }
      const piece = await bytesOf(
        readBlob(connection, { key: stagedKey, name: token.name, signal, ...range }),
      )
      hash.update(piece)
      yield piece
    }
  }
  const ids = await sendParts(pieces(), connection.policy, (part) => stageBlock(connection, creation, part))
  if (hash.digest('hex') !== staged.sha256) throw missing(connection, token.name)
  return ids
}
