import { AppError } from '#base/errors.ts'
import { ByteCache } from './byte-cache.ts'
import {
  decodeManifest,
  decodeManifestRecords,
  type ManifestEntry,
  type ManifestRecord,
} from './iceberg/manifest.ts'
import { decodeManifestList, type ManifestSummary } from './iceberg/manifest-list.ts'
import { parseJson } from './iceberg/json.ts'
import {
  checkTableMetadata,
  manifestListDigest,
  type SnapshotMetadata,
  type TableMetadata,
} from './iceberg/table-metadata.ts'
import { type FileShape, shapeOf } from './file-shape.ts'
import { corrupt } from './file-checks.ts'
import { sha256Of } from './sha256.ts'
import type { TableFiles } from './table-files.ts'

/**
 * Reads a table's own files, each of which never changes, through one cache. What names a file also says what it holds,
 * if we wrote it: the table's row of the metadata, that of its lists of manifests, a list of its manifests. So a
 * change of any byte is found before anything is made of it; Avro has no checksum. Files of other engines are only read.
 */
export interface TableReader {
  /** @throws AppError 'lake.corrupt' */
  metadata(files: TableFiles, name: string, sha256?: string): Promise<TableMetadata>
  /** The manifests of a snapshot. @throws AppError 'lake.corrupt' */
  manifests(files: TableFiles, snapshot: ListOfSnapshot): Promise<readonly ManifestSummary[]>
  /** The live files of a manifest. @throws AppError 'lake.corrupt' */
  entries(files: TableFiles, manifest: ManifestSummary): Promise<readonly ManifestEntry[]>
  /** Every line of a manifest, to be moved to another; nothing is kept of it. @throws AppError 'lake.corrupt' */
  records(files: TableFiles, manifest: ManifestSummary): Promise<readonly ManifestRecord[]>
  /** How a data file names its columns, from its footer. @throws AppError 'lake.corrupt' */
  shape(files: TableFiles, file: { readonly name: string; readonly bytes: number }): Promise<FileShape>
}

type ListOfSnapshot = Pick<SnapshotMetadata, 'manifest-list' | 'summary'>

export const cacheBytesMax = 64 * 1024 * 1024
/** What a decoded manifest takes in memory, for each byte of its compressed file (measured: 8 to 14). */
const manifestGrowth = 12
const metadataGrowth = 4
const shapeGrowth = 10

export function tableReader(): TableReader {
  const cache = new ByteCache(cacheBytesMax)

  async function cached<T>(
    files: TableFiles,
    file: NamedFile & { readonly growth: number },
    decode: (bytes: Buffer) => T,
  ): Promise<T> {
    const key = files.lakeName(file.name)
    const known = cache.get(key)
    if (known !== undefined) return known as T
    const bytes = await readWhole(files, file)
    const value = decoded(file.name, () => decode(bytes))
    cache.set(key, value, bytes.length * file.growth)
    return value
  }

  return {
    metadata: async (files, name, sha256) =>
      await cached(files, { name, sha256, growth: metadataGrowth }, (bytes) =>
        checkTableMetadata(parseJson(bytes.toString())),
      ),
    manifests: async (files, snapshot) =>
      await cached(
        files,
        {
          name: files.nameOf(snapshot['manifest-list']),
          sha256: snapshot.summary[manifestListDigest],
          growth: manifestGrowth,
        },
        decodeManifestList,
      ),
    entries: async (files, manifest) =>
      await cached(files, { ...namedManifest(files, manifest), growth: manifestGrowth }, (bytes) =>
        decodeManifest(bytes, manifest),
      ),
    records: async (files, manifest) => {
      const file = namedManifest(files, manifest)
      const bytes = await readWhole(files, file)
      return decoded(file.name, () => decodeManifestRecords(bytes, manifest))
    },
    shape: async (files, { name, bytes }) => {
      const key = files.lakeName(name)
      const known = cache.get(key)
      if (known !== undefined) return known as FileShape
      const footer = await readFooter(files, name, bytes)
      const shape = decoded(name, () => shapeOf(footer))
      cache.set(key, shape, shape.signature.length * shapeGrowth)
      return shape
    },
  }
}

interface NamedFile {
  readonly name: string
  readonly bytes?: number
  readonly sha256?: string | undefined
}

function namedManifest(files: TableFiles, { path, bytes, sha256 }: ManifestSummary): NamedFile {
  return { name: files.nameOf(path), bytes, sha256 }
}

/** @throws AppError 'lake.corrupt' when it is not what it was when it was written */
async function readWhole(files: TableFiles, { name, bytes, sha256 }: NamedFile): Promise<Buffer> {
  const content = await files.read(name, bytes)
  if (sha256 !== undefined && sha256Of(content) !== sha256)
    throw corrupt(name, 'was changed after it was written')
  return content
}

function decoded<T>(name: string, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    if (error instanceof AppError) throw error
    throw corrupt(name, 'cannot be read', error)
  }
}

const trailerBytes = 8

async function readFooter(files: TableFiles, name: string, bytes: number): Promise<Buffer> {
  const trailer = await files.readRange(name, Math.max(0, bytes - trailerBytes), bytes)
  const length = trailer.length === trailerBytes ? trailer.readUInt32LE() + trailerBytes : 0
  if (length === 0 || length > bytes) throw corrupt(name, 'has no Parquet footer')
  return await files.readRange(name, bytes - length, bytes)
}
