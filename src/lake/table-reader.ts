import { AppError } from '#base/errors.ts'
import { ByteCache } from './byte-cache.ts'
import {
  decodeManifest,
  decodeManifestList,
  type ManifestEntry,
  type ManifestSummary,
} from './iceberg/manifest.ts'
import { parseJson } from './iceberg/json.ts'
import { checkTableMetadata, type TableMetadata } from './iceberg/table-metadata.ts'
import { corrupt, type TableFiles } from './table-files.ts'

/** Reads a table's own files, each of which never changes, through one cache. */
export interface TableReader {
  /** @throws AppError 'lake.corrupt' */
  metadata(files: TableFiles, name: string): Promise<TableMetadata>
  /** The manifests of a snapshot. @throws AppError 'lake.corrupt' */
  manifests(files: TableFiles, uri: string): Promise<readonly ManifestSummary[]>
  /** The live files of a manifest. @throws AppError 'lake.corrupt' */
  entries(files: TableFiles, manifest: ManifestSummary): Promise<readonly ManifestEntry[]>
}

export const cacheBytesMax = 64 * 1024 * 1024
/** What a decoded manifest takes in memory, for each byte of its compressed file (measured: 8 to 14). */
const manifestGrowth = 12
const metadataGrowth = 4

export function tableReader(): TableReader {
  const cache = new ByteCache(cacheBytesMax)

  async function cached<T>(
    files: TableFiles,
    file: { readonly name: string; readonly bytes?: number; readonly growth: number },
    decode: (bytes: Buffer) => T,
  ): Promise<T> {
    const path = files.path(file.name)
    const known = cache.get(path)
    if (known !== undefined) return known as T
    const bytes = await files.read(file.name, file.bytes)
    let value: T
    try {
      value = decode(bytes)
    } catch (error) {
      if (error instanceof AppError) throw error
      throw corrupt(file.name, 'cannot be read', error)
    }
    cache.set(path, value, bytes.length * file.growth)
    return value
  }

  return {
    metadata: async (files, name) =>
      await cached(files, { name, growth: metadataGrowth }, (bytes) =>
        checkTableMetadata(parseJson(bytes.toString())),
      ),
    manifests: async (files, uri) =>
      await cached(files, { name: files.nameOf(uri), growth: manifestGrowth }, decodeManifestList),
    entries: async (files, manifest) =>
      await cached(
        files,
        { name: files.nameOf(manifest.path), bytes: manifest.bytes, growth: manifestGrowth },
        (bytes) => decodeManifest(bytes, manifest),
      ),
  }
}
