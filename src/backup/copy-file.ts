import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { chown, link, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '#base/errors.ts'
import type { Ids } from '#base/run-as.ts'
import { codeOf } from '#base/system-error.ts'

export interface Hashed {
  readonly bytes: number
  readonly sha256: string
}

const chunkBytes = 1024 * 1024

/** Reads a file to its end. */
export async function hashFile(path: string, signal: AbortSignal): Promise<Hashed> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes, signal })) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  return { bytes, sha256: hash.digest('hex') }
}

export interface CopyOptions {
  readonly signal: AbortSignal
  readonly mode: number
  /** Whose the copy is. */
  readonly ids?: Ids | undefined
}

/** A new file, on the disk when this returns, with what was read hashed on the way. @throws AppError 'store.full' */
export async function copyHashed(from: string, to: string, options: CopyOptions): Promise<Hashed> {
  // Opened first: a source that is gone leaves no trace of a copy.
  await using source = await open(from, constants.O_RDONLY)
  return await writeHashed(
    to,
    source.createReadStream({ highWaterMark: chunkBytes, autoClose: false }),
    options,
  )
}

export async function writeHashed(
  to: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { signal, mode, ids }: CopyOptions,
): Promise<Hashed> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    await makeFolder(dirname(to), { mode, ids })
    await using target = await open(to, 'wx', mode)
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      hash.update(chunk)
      bytes += chunk.length
      await target.writeFile(chunk)
    }
    await target.sync()
    if (ids) await target.chown(ids.uid, ids.gid)
  } catch (error) {
    throw fullOr(error)
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** @returns false when the file systems do not allow it */
export async function linkFile(from: string, to: string): Promise<boolean> {
  try {
    await makeFolder(dirname(to), { mode: 0o600 })
    await link(from, to)
    return true
  } catch (error) {
    if (['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'ENOENT', 'ENOSYS'].includes(codeOf(error))) return false
    throw fullOr(error)
  }
}

async function makeFolder(
  folder: string,
  { mode, ids }: { readonly mode: number; readonly ids?: Ids | undefined },
): Promise<void> {
  // Who may read a file may pass through its folder.
  const first = await mkdir(folder, { recursive: true, mode: mode | ((mode & 0o444) >> 2) })
  if (first === undefined || !ids) return
  for (let made = folder; ; made = dirname(made)) {
    await chown(made, ids.uid, ids.gid)
    if (made === first) return
  }
}

function fullOr(error: unknown): unknown {
  if (!['ENOSPC', 'EDQUOT'].includes(codeOf(error))) return error
  return new AppError('store.full', 'The disk is full.', {
    hint: 'Free some space, then try again.',
    cause: error,
  })
}
