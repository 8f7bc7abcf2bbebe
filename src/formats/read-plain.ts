import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { AppError } from '#base/errors.ts'
import { codeOf } from '#base/system-error.ts'

/** Each is handed over from another thread, and parsed together; more at a time leaves what the processor keeps at hand. */
const plainBytes = 64 * 1024

export type TextCompression = 'zstd' | 'gzip' | 'none'

/**
 * Gives the bytes of a text file to `read`, decompressed.
 * @throws AppError 'file.torn' when they are not whole, and what `read` throws
 */
export async function readPlain(
  bytes: AsyncIterable<Uint8Array>,
  compression: TextCompression,
  read: (plain: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  if (compression === 'none') {
    await read(bytes)
    return
  }
  const source = Readable.from(bytes, { objectMode: false })
  const options = { chunkSize: plainBytes }
  const decompressor = compression === 'gzip' ? createGunzip(options) : createZstdDecompress(options)
  try {
    await pipeline(source, decompressor, read)
  } catch (error) {
    if (isDecompressionError(error)) {
      throw new AppError('file.torn', `The file is not whole ${compression} data.`, { cause: error })
    }
    throw error
  }
}

function isDecompressionError(error: unknown): boolean {
  const code = codeOf(error)
  return code.startsWith('Z_') || code.startsWith('ZSTD_') || code === 'ERR_STREAM_PREMATURE_CLOSE'
}
