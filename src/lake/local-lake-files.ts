import { lstat, open, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { AppError } from '#base/errors.ts'
import { someAtOnce } from '#base/some-at-once.ts'
import { isAbsent } from '#base/system-error.ts'
import { makeFolderDurably, syncFile, syncFolder, writeFileDurably } from '#objects/durable-files.ts'
import { isObjectName, objectNameParts } from '#objects/object-name.ts'
import type { LakeFiles } from './lake-files.ts'
import { Turns } from './turns.ts'

/** Looking at files is waiting for the disk: some at a time. */
const looksAtOnce = 64
/** Of all writes together: of Node's four threads for files one is left to others. */
const syncsAtOnce = 3
const syncTurns = new Turns()
let lastTurn = 0

async function inSyncTurn(work: () => Promise<void>): Promise<void> {
  lastTurn = (lastTurn + 1) % syncsAtOnce
  await syncTurns.take(String(lastTurn), work)
}
const readBytes = 1024 * 1024

/** A lake in a folder of this machine: the engine reads and writes its files where they are. */
export function localLakeFiles(root: string): LakeFiles {
  const path = (name: string): string => join(root, ...objectNameParts(name))

  async function sizeOf(name: string): Promise<number | undefined> {
    const stats = await unlessMissing(() => lstat(path(name)))
    return stats?.isFile() === true ? stats.size : undefined
  }

  async function check({ name, bytes }: { readonly name: string; readonly bytes: number }): Promise<void> {
    const size = await sizeOf(name)
    if (size === undefined) throw missing(name)
    if (size !== bytes) {
      throw new AppError('store.corrupt', `${name} has ${size} bytes where ${bytes} were written.`, {
        hint: 'It was changed in its folder: restore it from a backup.',
      })
    }
  }

  return {
    location: `file://${root}`,

    read: async (name, { signal, start, end }) => {
      const content = await unlessMissing(async () =>
        start === undefined || end === undefined
          ? await readFile(path(name), { signal })
          : await readRange(path(name), start, end),
      )
      if (content === undefined) throw missing(name)
      return content
    },

    stream: async function* (name, { signal }) {
      await using handle = await unlessMissing(() => open(path(name), 'r'))
      if (!handle) throw missing(name)
      yield* handle.createReadStream({ autoClose: false, highWaterMark: readBytes, signal })
    },

    write: async (name, bytes) => {
      if ((await sizeOf(name)) !== undefined) {
        throw new AppError('object.exists', `${name} is there already.`, {
          hint: 'Nothing was overwritten; names of the lake are never used twice.',
        })
      }
      await makeFolderDurably(dirname(path(name)))
      await writeFileDurably(path(name), bytes)
    },

    sizeOf,

    list: async function* (folder) {
      const found = await unlessMissing(() => readdir(path(folder), { recursive: true, withFileTypes: true }))
      for (const entry of found ?? []) {
        const full = join(entry.parentPath, entry.name)
        const name = relative(root, full)
        if (!isObjectName(name)) continue // Nothing of ours can say it.
        const stats = await unlessMissing(() => lstat(full)) // Removed meanwhile: as if it had not been there.
        if (stats?.isFile() === true) yield { name, bytes: stats.size, modifiedAt: stats.mtime }
      }
    },

    remove: async (name) => await rm(path(name), { force: true }),

    pathOf: ({ name }) => path(name),

    lease: async (files, { signal }) => {
      for (let start = 0; start < files.length; start += looksAtOnce) {
        signal.throwIfAborted()
        await Promise.all(files.slice(start, start + looksAtOnce).map(check))
      }
      // Nothing takes them away: expiry and sweeping respect what is pinned.
      return { paths: files.map(({ name }) => path(name)), [Symbol.dispose]: () => {} }
    },

    outbox: async (folder) => {
      await makeFolderDurably(path(folder))
      return path(folder)
    },

    deliver: async (folder, files, { signal }) => {
      const named = files.map(({ name, bytes }) => ({ name: `${folder}/${name}`, bytes }))
      await someAtOnce(named, syncsAtOnce, async (file) => {
        signal.throwIfAborted()
        await check(file)
        await inSyncTurn(() => syncFile(path(file.name)))
      })
      // Each folder's name is in the one above it.
      const folders = new Set([path(folder), dirname(path(folder))])
      for (const { name } of named) {
        for (let one = dirname(path(name)); !folders.has(one); one = dirname(one)) folders.add(one)
      }
      await someAtOnce(folders, syncsAtOnce, (one) => inSyncTurn(() => syncFolder(one)))
    },

    discard: async (prefix) => {
      const above = dirname(path(prefix))
      const begins = objectNameParts(prefix).at(-1) ?? ''
      const found = (await unlessMissing(() => readdir(above))) ?? []
      let count = 0
      for (const name of found.filter((name) => name.startsWith(begins))) {
        count += await filesBelow(join(above, name))
        await rm(join(above, name), { recursive: true, force: true })
      }
      return count
    },

    sweepUnfinished: async () => 0, // Everything here has a name, by which its writer's traces are found.

    [Symbol.asyncDispose]: async () => {},
  }
}

async function readRange(path: string, start: number, end: number): Promise<Buffer> {
  const bytes = Buffer.alloc(end - start)
  await using handle = await open(path, 'r')
  const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
  return bytes.subarray(0, bytesRead)
}

async function filesBelow(path: string): Promise<number> {
  const stats = await unlessMissing(() => lstat(path))
  if (stats?.isDirectory() !== true) return stats ? 1 : 0
  const entries = await readdir(path, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).length
}

async function unlessMissing<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}

function missing(name: string): AppError {
  return new AppError('object.missing', `There is no file ${JSON.stringify(name)} in the lake.`)
}
