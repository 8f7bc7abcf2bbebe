import type { Dirent } from 'node:fs'
import { lstat, open, readdir, readFile, rm } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import { makeFolderDurably, writeFileDurably } from '#objects/durable-files.ts'

/**
 * A table's folder. Iceberg's files name each other by absolute URI; we find them by what follows the table's folder,
 * so that a home may be moved, and nothing outside the table is ever read.
 */
export interface TableFiles {
  /** `file:///…` of the folder. */
  readonly location: string
  uri(name: string): string
  path(name: string): string
  /** The name below the folder. @throws AppError 'lake.corrupt' when the URI leads elsewhere. */
  readonly nameOf: (uri: string) => string
  /** @throws AppError 'lake.corrupt' when the file is not there or has another size. */
  read(name: string, bytes?: number): Promise<Buffer>
  /** The bytes from `start` up to and without `end`. @throws AppError 'lake.corrupt' when they are not there. */
  readRange(name: string, start: number, end: number): Promise<Buffer>
  /** Every file of the table that is there, with when it was last written. */
  list(): AsyncIterable<{ readonly name: string; readonly modifiedAt: Date }>
  /** Checks that files are there, whole as far as their size tells. @throws AppError 'lake.corrupt' */
  check(files: readonly { readonly name: string; readonly bytes: number }[]): Promise<void>
  /** A new file, on the disk when this returns. */
  write(name: string, bytes: Uint8Array): Promise<void>
  remove(name: string): Promise<void>
}

/** Looking at files is waiting for the disk: some at a time. */
const checksAtOnce = 64

export function tableFiles(lakeFolder: string, datasetId: DatasetId): TableFiles {
  const folder = join(lakeFolder, datasetId)
  const location = `file://${folder}`
  const path = (name: string): string => join(folder, name)

  async function sizeOf(name: string): Promise<number | undefined> {
    try {
      const stats = await lstat(path(name))
      return stats.isFile() ? stats.size : undefined
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function checkFile(name: string, bytes: number): Promise<void> {
    const size = await sizeOf(name)
    if (size === undefined) throw corrupt(name, 'is missing')
    if (size !== bytes) throw corrupt(name, `has ${size} bytes where ${bytes} were written`)
  }

  return {
    location,
    uri: (name) => `${location}/${name}`,
    path,
    nameOf: (uri) => {
      const mark = `/${datasetId}/`
      const at = uri.lastIndexOf(mark)
      const name = uri.slice(at + mark.length)
      const isOurs =
        /^file:\/+/.test(uri) &&
        at >= 0 &&
        /^(?:data|metadata)\//.test(name) &&
        !name.split('/').some((part) => part === '' || part === '.' || part === '..')
      if (!isOurs) throw corrupt(uri.split('/').slice(-2).join('/'), 'lies outside the table')
      return name
    },
    read: async (name, bytes) => {
      try {
        const content = await readFile(path(name))
        if (bytes !== undefined && content.length !== bytes) {
          throw corrupt(name, `has ${content.length} bytes where ${bytes} were written`)
        }
        return content
      } catch (error) {
        throw isMissing(error) ? corrupt(name, 'is missing') : error
      }
    },
    readRange: async (name, start, end) => {
      const bytes = Buffer.alloc(end - start)
      try {
        await using handle = await open(path(name), 'r')
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, start)
        if (bytesRead < bytes.length) throw corrupt(name, `ends before its byte ${end}`)
        return bytes
      } catch (error) {
        throw isMissing(error) ? corrupt(name, 'is missing') : error
      }
    },
    list: async function* () {
      for (const entry of await entriesBelow(folder)) {
        const full = join(entry.parentPath, entry.name)
        try {
          const stats = await lstat(full)
          if (stats.isFile()) yield { name: relative(folder, full), modifiedAt: stats.mtime }
        } catch (error) {
          if (!isMissing(error)) throw error // Removed meanwhile: as if it had not been there.
        }
      }
    },
    check: async (files) => {
      for (let start = 0; start < files.length; start += checksAtOnce) {
        const some = files.slice(start, start + checksAtOnce)
        await Promise.all(some.map(async ({ name, bytes }) => await checkFile(name, bytes)))
      }
    },
    write: async (name, bytes) => {
      await makeFolderDurably(join(path(name), '..'))
      await writeFileDurably(path(name), bytes)
    },
    remove: async (name) => {
      await rm(path(name), { recursive: true, force: true })
    },
  }
}

async function entriesBelow(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { recursive: true, withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

export function corrupt(name: string, what: string, cause?: unknown): AppError {
  return new AppError('lake.corrupt', `The table's file ${name} ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'Restore it from a backup of the lake; no rows are returned without it.',
    detail: { file: name },
  })
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')
}
