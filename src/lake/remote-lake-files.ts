import { createReadStream } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '#base/errors.ts'
import { someAtOnce } from '#base/some-at-once.ts'
import type { FileCache } from '#objects/file-cache.ts'
import { namesIn } from '#objects/names-in.ts'
import { objectNameParts } from '#objects/object-name.ts'
import type { RemoteStore } from '#objects/remote-store.ts'
import type { LakeFiles } from './lake-files.ts'

/** Files on their way to the store at a time; each has some parts of its own under way. */
const deliveriesAtOnce = 2
const removalsAtOnce = 16
const readBytes = 1024 * 1024

/**
 * A lake at a store: the engine reads copies from the cache, and writes into a folder of this machine, from which the
 * files are brought to the store. What is on this machine can be lost.
 */
export function remoteLakeFiles(options: {
  readonly store: RemoteStore
  readonly cache: FileCache
  /** Absolute path, of one server alone. */
  readonly outboxFolder: string
}): LakeFiles {
  const { store, cache, outboxFolder } = options
  /** All of them lie beside each other, and begin alike when their folders' names do. */
  const outboxName = (folder: string): string => encodeURIComponent(objectNameParts(folder).join('/'))
  const outboxOf = (folder: string): string => join(outboxFolder, outboxName(folder))

  async function deliverOne(from: string, to: string, bytes: number, signal: AbortSignal): Promise<void> {
    const created = await store.create(to, createReadStream(from, { highWaterMark: readBytes }), { signal })
    if (created.bytes === bytes) return
    throw new AppError('store.corrupt', `${to} has ${created.bytes} bytes where ${bytes} were made.`, {
      hint: 'The file was changed on its way: look at the disk of lake.folder.',
    })
  }

  return {
    location: store.location,

    read: async (name, options) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of store.read(name, options)) chunks.push(chunk)
      return Buffer.concat(chunks)
    },

    stream: (name, options) => store.read(name, options),

    write: async (name, bytes, { signal }) => {
      if ((await store.putIfAbsent(name, bytes, { signal })) === 'created') return
      throw new AppError('object.exists', `${name} is there already.`, {
        hint: 'Nothing was overwritten; names of the lake are never used twice.',
      })
    },

    sizeOf: async (name, { signal }) => (await store.head(name, { signal }))?.bytes,

    list: (folder, { signal }) => store.list(`${folder}/`, { signal }),

    remove: async (name) => await store.delete(name),

    pathOf: (file) => cache.pathOf(file),

    lease: async (files, { signal }) => await cache.lease(files, { signal }),

    outbox: async (folder) => {
      await mkdir(outboxOf(folder), { recursive: true, mode: 0o755 })
      return outboxOf(folder)
    },

    deliver: async (folder, files, { signal }) => {
      const failed = new AbortController()
      const all = AbortSignal.any([signal, failed.signal])
      const delivered = someAtOnce(files, deliveriesAtOnce, async ({ name, bytes }) => {
        try {
          await deliverOne(join(outboxOf(folder), name), `${folder}/${name}`, bytes, all)
        } catch (error) {
          failed.abort(error) // The others' work is for nothing; the first failure is the one to tell.
          throw error
        }
      })
      await delivered.catch(() => {})
      signal.throwIfAborted()
      if (failed.signal.aborted) throw failed.signal.reason
      await rm(outboxOf(folder), { recursive: true, force: true })
    },

    discard: async (prefix, { signal }) => {
      const begins = outboxName(prefix)
      for (const name of await namesIn(outboxFolder)) {
        if (name.startsWith(begins)) await rm(join(outboxFolder, name), { recursive: true, force: true })
      }
      let count = 0
      let names: string[] = []
      const removeAll = async (): Promise<void> => {
        await Promise.all(names.map((name) => store.delete(name)))
        count += names.length
        names = []
      }
      for await (const { name } of store.list(prefix, { signal })) {
        names.push(name)
        if (names.length >= removalsAtOnce) await removeAll()
      }
      await removeAll()
      return count
    },

    sweepUnfinished: async (sweep) => await store.sweepUnfinished(sweep),

    [Symbol.asyncDispose]: async () => {
      await cache[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
