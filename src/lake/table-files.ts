import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { CachedObject, FileLease } from '#objects/file-cache.ts'
import { checkFiles, corrupt, leaseFiles } from './file-checks.ts'
import type { LakeFiles } from './lake-files.ts'

/**
 * A table's folder in the lake. Iceberg's files name each other by absolute URI; we find them by what follows the
 * table's folder, so that a lake may be moved, and nothing outside the table is ever read.
 */
export interface TableFiles {
  /** `file:///…` or `s3://…` of the folder. */
  readonly location: string
  uri(name: string): string
  /** The name below the lake, which no other file has. */
  lakeName(name: string): string
  /** The name below the folder. @throws AppError 'lake.corrupt' when the URI leads elsewhere. */
  readonly nameOf: (uri: string) => string
  /** What a statement reads of a file that Iceberg names. @throws AppError 'lake.corrupt' as `nameOf` */
  readonly scanFile: (file: { readonly path: string; readonly bytes: number }) => ScanFile
  /** @throws AppError 'lake.corrupt' when the file is not there or has another size, 'store.…' */
  read(name: string, bytes?: number): Promise<Buffer>
  /** The bytes from `start` up to and without `end`. @throws AppError 'lake.corrupt' when they are not there, 'store.…' */
  readRange(name: string, start: number, end: number): Promise<Buffer>
  /** Every file of the table or of one folder of it that is there, with when it was last written. */
  list(folder?: string): AsyncIterable<{ readonly name: string; readonly modifiedAt: Date }>
  /** Checks that files are there, whole as far as their size tells. @throws AppError 'lake.corrupt', 'store.…' */
  check(files: readonly CachedObject[]): Promise<void>
  /** As the lake's, of files named below the lake. @throws AppError 'lake.corrupt', 'query.scan_too_large', 'store.…' */
  lease(files: readonly CachedObject[], options: { readonly signal: AbortSignal }): Promise<FileLease>
  /** A new file, durable when this returns. */
  write(name: string, bytes: Uint8Array): Promise<void>
  remove(name: string): Promise<void>
  /** Some at a time, in no order. */
  removeAll(names: readonly string[]): Promise<void>
  /** A folder of this machine for files that `deliver` brings to the table's folder of that name. */
  outbox(folder: string): Promise<string>
  deliver(
    folder: string,
    files: readonly CachedObject[],
    options: { readonly signal: AbortSignal },
  ): Promise<void>
  /** Removes what begins with the prefix. Returns how many files it was. */
  discard(prefix: string): Promise<number>
}

/** A file, by its name below the lake, and where the engine finds it while a lease holds it. */
export interface ScanFile extends CachedObject {
  readonly path: string
}

const removalsAtOnce = 16
/** Small files are read and written in a moment, and a store gives up by itself. */
const never = new AbortController().signal

export function tableFiles(lake: LakeFiles, datasetId: DatasetId): TableFiles {
  const location = `${lake.location}/${datasetId}`
  const lakeName = (name: string): string => `${datasetId}/${name}`

  const nameOf = (uri: string): string => {
    const mark = `/${datasetId}/`
    const at = uri.lastIndexOf(mark)
    const name = uri.slice(at + mark.length)
    const isOurs =
      /^(?:file:\/+|s3:\/\/)/.test(uri) &&
      at >= 0 &&
      /^(?:data|metadata)\//.test(name) &&
      !name.split('/').some((part) => part === '' || part === '.' || part === '..')
    if (!isOurs) throw corrupt(uri.split('/').slice(-2).join('/'), 'lies outside the table')
    return name
  }

  async function read(
    name: string,
    range: { readonly start?: number; readonly end?: number } = {},
  ): Promise<Buffer> {
    try {
      return await lake.read(lakeName(name), { ...range, signal: never })
    } catch (error) {
      const isMissing = error instanceof AppError && error.code === 'object.missing'
      throw isMissing ? corrupt(name, 'is missing') : error
    }
  }

  return {
    location,
    uri: (name) => `${location}/${name}`,
    lakeName,
    nameOf,
    scanFile: ({ path: uri, bytes }) => {
      const object = { name: lakeName(nameOf(uri)), bytes }
      return { ...object, path: lake.pathOf(object) }
    },
    read: async (name, bytes) => {
      const content = await read(name)
      if (bytes === undefined || content.length === bytes) return content
      throw corrupt(name, `has ${content.length} bytes where ${bytes} were written`)
    },
    readRange: async (name, start, end) => {
      const bytes = await read(name, { start, end })
      if (bytes.length < end - start) throw corrupt(name, `ends before its byte ${end}`)
      return bytes
    },
    list: async function* (folder) {
      const above = folder === undefined ? datasetId : lakeName(folder)
      for await (const { name, modifiedAt } of lake.list(above, { signal: never })) {
        yield { name: name.slice(datasetId.length + 1), modifiedAt }
      }
    },
    check: async (files) =>
      await checkFiles(
        lake,
        files.map(({ name, bytes }) => ({ name: lakeName(name), bytes })),
        { signal: never },
      ),
    lease: async (files, options) => await leaseFiles(lake, files, options),
    write: async (name, bytes) => await lake.write(lakeName(name), bytes, { signal: never }),
    remove: async (name) => await lake.remove(lakeName(name)),
    removeAll: async (names) => {
      for (let start = 0; start < names.length; start += removalsAtOnce) {
        const some = names.slice(start, start + removalsAtOnce)
        await Promise.all(some.map(async (name) => await lake.remove(lakeName(name))))
      }
    },
    outbox: async (folder) => await lake.outbox(lakeName(folder)),
    deliver: async (folder, files, options) => await lake.deliver(lakeName(folder), files, options),
    discard: async (prefix) => await lake.discard(lakeName(prefix), { signal: never }),
  }
}
