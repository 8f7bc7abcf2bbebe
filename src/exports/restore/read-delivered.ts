import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { AppError } from '#base/errors.ts'
import type { FileFormat } from '#formats/file-format.ts'
import type { ObjectStore } from '#objects/object-store.ts'
import type { Field } from '#types/data-type.ts'
import type { ManifestFile } from '../manifests/manifest.ts'
import { holdsBinary, linesToLoad } from './restored-lines.ts'

/**
 * A delivered file for whoever loads it: text that is packed by zstd comes unpacked, bytes in JSON in the form that a load
 * takes; all else as it is.
 * @throws AppError 'restore.changed' after the last byte of a file that is not what was sealed
 */
export function readDelivered(
  store: ObjectStore,
  {
    file,
    format,
    columns,
    signal,
  }: {
    readonly file: ManifestFile
    readonly format: FileFormat
    readonly columns: readonly Field[]
    readonly signal: AbortSignal
  },
): AsyncIterable<Uint8Array> {
  const bytes = checked(store, file, signal)
  if (format.kind === 'parquet') return bytes
  const isRewritten = format.kind === 'json' && columns.some(({ type }) => holdsBinary(type))
  if (isRewritten) return linesToLoad(unpacked(bytes, format.compression), columns)
  return format.compression === 'zstd' ? unpacked(bytes, 'zstd') : bytes
}

function unpacked(
  bytes: AsyncIterable<Uint8Array>,
  compression: 'zstd' | 'gzip' | 'none',
): AsyncIterable<Uint8Array> {
  if (compression === 'none') return bytes
  const plain = compression === 'gzip' ? createGunzip() : createZstdDecompress()
  // What goes wrong comes out where the plain bytes are read.
  pipeline(Readable.from(bytes, { objectMode: false }), plain).catch(() => {})
  return plain
}

async function* checked(
  store: ObjectStore,
  file: ManifestFile,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256')
  for await (const chunk of store.read(file.name, { signal })) {
    hash.update(chunk)
    // A copy: the store may use its memory again before the chunk was sent.
    yield new Uint8Array(chunk)
  }
  if (hash.digest('hex') !== file.sha256)
    throw new AppError('restore.changed', `${file.name} was changed while it was restored.`, {
      hint: 'Nothing was loaded. Verify the location, and restore again.',
    })
}
