import { createHash, randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { AppError } from '#base/errors.ts'
import type { CachedObject } from '../file-cache.ts'

/**
 * The files: `<key>` holds the object, `<key>.crc` the checksum of what was fetched. The checksum is there first, the
 * file gets its name when it is whole; what a crash leaves of the two is removed at the next opening.
 */
export interface CacheFolder {
  keyOf(object: CachedObject): string
  path(key: string): string
  /** What is there, in the order of last use. */
  scan(): Promise<readonly { readonly key: string; readonly bytes: number }[]>
  /** @throws AppError 'store.corrupt' when the stream has another size; what the stream or the disk throws */
  write(key: string, bytes: number, stream: AsyncIterable<Uint8Array>): Promise<void>
  /** Whether the file has the bytes that were fetched; reads it whole. */
  isRight(key: string): Promise<boolean>
  /** Changes whenever the file does; undefined when there is none. */
  fingerprint(key: string): Promise<string | undefined>
  touch(key: string, at: Date): Promise<void>
  remove(key: string): Promise<void>
}

/** What a test may stand in for: a full disk. */
export interface FileSystem {
  readonly open: typeof open
}

const keyPattern = /^[0-9a-f]{32}-(\d{1,16})$/
const ours = /^[0-9a-f]{32}-\d{1,16}(?:\.crc|\.part-[0-9a-f-]{36})$/

/** @param location of the store, so that two stores' objects of one name are two files */
export async function openCacheFolder(
  folder: string,
  location: string,
  fileSystem: FileSystem = { open },
): Promise<CacheFolder> {
  await mkdir(folder, { recursive: true, mode: 0o755 })
  const path = (key: string): string => join(folder, key)

  return {
    keyOf: ({ name, bytes }) => {
      const hash = createHash('sha256').update(`${location}\0${name}`).digest('hex')
      return `${hash.slice(0, 32)}-${bytes}`
    },
    path,

    scan: async () => {
      const names = new Set(await readdir(folder))
      const found: { key: string; bytes: number; usedAt: number }[] = []
      for (const name of names) {
        const bytes = Number(keyPattern.exec(name)?.[1] ?? Number.NaN)
        if (Number.isNaN(bytes)) {
          const isLeft = ours.test(name) && !(name.endsWith('.crc') && names.has(name.slice(0, -4)))
          if (isLeft) await rm(path(name), { force: true })
          continue
        }
        const stats = await stat(path(name))
        if (stats.size === bytes && names.has(`${name}.crc`)) {
          found.push({ key: name, bytes, usedAt: stats.mtimeMs })
        } else await remove(name)
      }
      return found.sort((one, other) => one.usedAt - other.usedAt)
    },

    write: async (key, bytes, stream) => {
      const part = `${path(key)}.part-${randomUUID()}`
      try {
        const crc = await writeAll(part, bytes, stream)
        await writeFile(`${path(key)}.crc`, `${crc}\n`)
        await rename(part, path(key))
      } catch (error) {
        await rm(part, { force: true })
        throw error
      }
    },

    isRight: async (key) => {
      try {
        const wanted = Number(await readFile(`${path(key)}.crc`, 'utf8'))
        let [crc, bytes] = [0, 0]
        for await (const chunk of createReadStream(path(key), { highWaterMark: 1024 * 1024 })) {
          crc = crc32(chunk as Buffer, crc)
          bytes += (chunk as Buffer).length
        }
        return crc === wanted && bytes === Number(keyPattern.exec(key)?.[1])
      } catch {
        return false // Whatever cannot be read is fetched again.
      }
    },

    fingerprint: async (key) => {
      try {
        const stats = await stat(path(key), { bigint: true })
        return `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`
      } catch {
        return undefined
      }
    },

    touch: async (key, at) => await utimes(path(key), at, at),
    remove,
  }

  async function remove(key: string): Promise<void> {
    await rm(path(key), { force: true })
    await rm(`${path(key)}.crc`, { force: true })
  }

  async function writeAll(part: string, bytes: number, stream: AsyncIterable<Uint8Array>): Promise<number> {
    await using handle = await fileSystem.open(part, 'wx', 0o644)
    let [crc, written] = [0, 0]
    for await (const chunk of stream) {
      written += chunk.length
      if (written > bytes) break
      crc = crc32(chunk, crc)
      for (let offset = 0; offset < chunk.length;) {
        offset += (await handle.write(chunk, offset)).bytesWritten
      }
    }
    if (written === bytes) return crc
    throw new AppError(
      'store.corrupt',
      `An object has ${written > bytes ? 'more' : `${written}`} bytes where ${bytes} were written.`,
      { hint: 'It was changed at the store: restore it from a backup.' },
    )
  }
}
