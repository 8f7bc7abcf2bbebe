import { createHash, randomUUID } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, link, lstat, open, realpath, rename, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { AppError } from '#base/errors.ts'
import { realPathOf } from '#base/real-path.ts'
import { codeOf, isAbsent } from '#base/system-error.ts'
import { makeFolderDurably, syncFolder } from '../durable-files.ts'
import { objectNameParts } from '../object-name.ts'
import type { FolderStore } from '../folder-store.ts'
import type { ObjectSummary, Staged, StageToken } from '../object-store.ts'
import { asStore } from './failure.ts'
import { listFolder, listFolderBehind } from './list-folder.ts'
import { isStagingName, stagingName } from '../staging-name.ts'

export const localStoreConfig = z.strictObject({
  kind: z.literal('local'),
  /** Absolute path; made when missing. */
  folder: z.string().startsWith('/'),
  /** Where its links led when it was chosen: nothing is done where they lead elsewhere by now. Absent: they are followed. */
  realFolder: z.string().startsWith('/').optional(),
})

/** Enough for a manifest of 10 000 files. */
const smallObjectBytesMax = 8 * 1024 * 1024
const readBytes = 256 * 1024
/** New memory for each chunk of a large file would keep the garbage collector busier than the reader. */
const sharedBuffer = () => Buffer.allocUnsafe(1024 * 1024)
/** After so many bytes more the disk is told to begin, so that little is left to wait for at the end. */
const flushBytes = 16 * 1024 * 1024

/** What a test may stand in for: a file system without links, a full disk. */
export interface FileSystem {
  readonly link: typeof link
  readonly open: typeof open
}

/**
 * A folder of this machine, or of a share mounted here.
 *
 * Staged bytes lie beside their final place under a name that begins with a dot, on the disk before `stage` returns.
 * `complete` links them to the final name, which fails when that name is taken, and then removes the staging name: a
 * crash between the two leaves two names of one file, which the next `complete` recognises.
 */
export async function openLocalStore(
  config: z.infer<typeof localStoreConfig>,
  fileSystem: FileSystem = { link, open },
): Promise<FolderStore> {
  const root = await asStore(async () => {
    await requireSame(config)
    await makeFolderDurably(config.folder)
    await requireSame(config)
    return await realpath(config.folder)
  })

  /** The path of a name, after looking that no folder on the way is a link out of the location. */
  async function pathOf(name: string): Promise<string> {
    const parts = objectNameParts(name)
    if (parts.some(isStagingName)) {
      throw new AppError('request.invalid', `${JSON.stringify(name)} is kept for files under way.`)
    }
    let folder = root
    for (const part of parts.slice(0, -1)) {
      folder = join(folder, part)
      const stats = await statsOf(folder)
      if (!stats) break // What is missing is made as a folder.
      if (stats.isSymbolicLink()) {
        throw new AppError('store.unreachable', `A folder of ${JSON.stringify(name)} is a symbolic link.`, {
          hint: 'Sluice follows no links inside a location: put a folder there.',
        })
      }
    }
    return join(root, ...parts)
  }

  async function stagingPathOf(token: StageToken): Promise<string> {
    const path = await pathOf(token.name)
    return join(dirname(path), stagingName(objectNameParts(token.name).at(-1) ?? '', token))
  }

  /** Writes a new file and has it on the disk; on a failure nothing is left. */
  async function writeNew(
    path: string,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<Staged> {
    const handle = await asStore(async () => {
      await makeFolderDurably(dirname(path))
      return await fileSystem.open(path, 'wx', 0o644)
    })
    try {
      const staged = await writeAll(handle, bytes, signal)
      await asStore(async () => {
        await handle.sync()
        await handle.close()
      })
      return staged
    } catch (error) {
      await handle.close().catch(() => {}) // The first failure is the one to tell.
      await unlinkIfThere(path)
      throw error
    }
  }

  /** Gives the file its final name; 'taken' when another has it. */
  async function place(staging: string, path: string): Promise<'placed' | 'taken'> {
    try {
      await fileSystem.link(staging, path)
      await syncFolder(dirname(path))
      await unlinkIfThere(staging)
      return 'placed'
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return 'taken'
      if (!linksAreMissing(error)) throw error
    }
    // Two writers of one name could both pass here; names are unique, and a run has one writer by its lease.
    if (await statsOf(path)) return 'taken'
    await rename(staging, path)
    await syncFolder(dirname(path))
    return 'placed'
  }

  async function* readFile(
    path: string,
    name: string,
    range: { readonly start?: number; readonly end?: number; readonly signal: AbortSignal },
    /** Filled again for each chunk; without it each has memory of its own. */
    shared?: Uint8Array,
  ): AsyncGenerator<Uint8Array> {
    range.signal.throwIfAborted()
    const handle = await asStore(async () => {
      const stats = await statsOf(path)
      if (!stats?.isFile()) throw missing(name)
      try {
        return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
      } catch (error) {
        throw isAbsent(error) ? missing(name) : error
      }
    })
    try {
      let position = range.start ?? 0
      const end = range.end ?? Infinity
      while (position < end) {
        range.signal.throwIfAborted()
        const length = Math.min(shared?.length ?? readBytes, end - position)
        const buffer = shared ?? new Uint8Array(length)
        const { bytesRead } = await asStore(() => handle.read(buffer, 0, length, position))
        if (bytesRead === 0) return
        position += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
    } finally {
      await handle.close()
    }
  }

  async function holds(path: string, name: string, staged: Staged, signal: AbortSignal): Promise<boolean> {
    const stats = await statsOf(path)
    if (!stats?.isFile() || stats.size !== staged.bytes) return false
    const hash = createHash('sha256')
    for await (const chunk of readFile(path, name, { signal }, sharedBuffer())) hash.update(chunk)
    return hash.digest('hex') === staged.sha256
  }

  return {
    location: pathToFileURL(root).href,

    prepare: (name, owner) => {
      objectNameParts(name)
      return { name, owner, id: randomUUID() }
    },

    // What the bytes' source throws is its own affair: it passes as it is.
    stage: async (token, bytes, { signal }) =>
      await writeNew(await asStore(() => stagingPathOf(token)), bytes, signal),

    complete: (token, staged, { signal }) =>
      asStore(async () => {
        signal.throwIfAborted()
        const [staging, path] = [await stagingPathOf(token), await pathOf(token.name)]
        const stats = await statsOf(staging)
        if (stats?.size === staged.bytes && (await place(staging, path)) === 'placed') return
        // Taken, or nothing staged: right only if an earlier call did the work and its answer was lost.
        if (!(await statsOf(path))) throw missing(token.name)
        if (!(await holds(path, token.name, staged, signal))) {
          throw new AppError('object.exists', `${JSON.stringify(token.name)} is there with other bytes.`, {
            hint: 'Nothing was overwritten. Look who wrote it; names of deliveries are never used twice.',
          })
        }
        await syncFolder(dirname(path))
        await unlinkIfThere(staging)
      }),

    abort: (token) =>
      asStore(async () => {
        await unlinkIfThere(await stagingPathOf(token))
      }),

    readStaged: async function* (token, { signal }) {
      yield* readFile(await asStore(() => stagingPathOf(token)), token.name, { signal }, sharedBuffer())
    },

    putIfAbsent: (name, bytes, { signal }) =>
      asStore(async () => {
        if (bytes.length > smallObjectBytesMax) {
          throw new AppError(
            'request.too_large',
            `${JSON.stringify(name)} has ${bytes.length} bytes; an object created whole has at most ${smallObjectBytesMax}.`,
          )
        }
        const path = await pathOf(name)
        if (await statsOf(path)) return 'exists'
        const staging = await stagingPathOf({ name, owner: '', id: randomUUID() })
        await writeNew(staging, once(bytes), signal)
        if ((await place(staging, path)) === 'placed') return 'created'
        await unlinkIfThere(staging)
        return 'exists'
      }),

    list: (prefix, { signal }) => listFolder(root, prefix, signal),

    listBehind: (prefix, options) => listFolderBehind(root, prefix, options),

    head: (name) =>
      asStore(async () => {
        const stats = await statsOf(await pathOf(name))
        return stats?.isFile() ? summaryOf(name, stats) : undefined
      }),

    read: async function* (name, options) {
      yield* readFile(await asStore(() => pathOf(name)), name, options)
    },

    delete: (name) =>
      asStore(async () => {
        const path = await pathOf(name)
        if (await unlinkIfThere(path)) await syncFolder(dirname(path))
      }),

    [Symbol.asyncDispose]: async () => {},
  }
}

async function requireSame({ folder, realFolder }: z.infer<typeof localStoreConfig>): Promise<void> {
  if (realFolder === undefined || (await realPathOf(folder)) === realFolder) return
  throw new AppError(
    'store.refused',
    `${folder} is, or lies in, a symbolic link that was not there before.`,
    {
      hint: 'Put the folder back, or run the export again to deliver to where the link leads, if that is allowed.',
    },
  )
}

async function writeAll(
  handle: FileHandle,
  bytes: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Staged> {
  const hash = createHash('sha256')
  let written = 0
  let flushedAt = 0
  // The system tells of a write that failed only once, so each of these answers counts.
  let flush: Promise<unknown> = Promise.resolve()
  signal.throwIfAborted()
  for await (const chunk of bytes) {
    signal.throwIfAborted()
    hash.update(chunk)
    for (let offset = 0; offset < chunk.length;) {
      const { bytesWritten } = await asStore(() => handle.write(chunk, offset))
      offset += bytesWritten
    }
    written += chunk.length
    if (written - flushedAt < flushBytes) continue
    flushedAt = written
    await asStore(() => flush)
    flush = handle.datasync()
    flush.catch(() => {}) // Whoever awaits it next hears of it.
  }
  await asStore(() => flush)
  return { bytes: written, sha256: hash.digest('hex') }
}

/** Without following a link; undefined when nothing is there. */
async function statsOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** Whether there was something to remove. */
async function unlinkIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (isAbsent(error)) return false
    throw error
  }
}

/** FAT, some shares and FUSE file systems; Linux says EPERM. */
function linksAreMissing(error: unknown): boolean {
  return ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error))
}

function missing(name: string): AppError {
  return new AppError('object.missing', `There is no object ${JSON.stringify(name)}.`)
}

function summaryOf(name: string, stats: Stats): ObjectSummary {
  return { name, bytes: stats.size, modifiedAt: stats.mtime }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}
