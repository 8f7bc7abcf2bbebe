import { createHash } from 'node:crypto'
import { unreachable } from '#base/assert.ts'
import type { FileFormat } from './file-format.ts'
import { countCsvRecords } from './csv-records.ts'
import { countJsonLines } from './json-lines.ts'
import { countParquetStream } from './parquet.ts'

export interface ReadBack {
  readonly rowCount: number
  readonly bytes: number
  /** Lower-case hexadecimal. */
  readonly sha256: string
}

/**
 * The second reader: reads a whole file by other code than that which wrote it, counting and hashing.
 * @throws AppError 'file.torn'
 */
export async function readBack(format: FileFormat, bytes: AsyncIterable<Uint8Array>): Promise<ReadBack> {
  const hash = createHash('sha256')
  let byteCount = 0
  // A decompressor keeps chunks that wait for their turn, and the store may use their memory again.
  const isKept = format.kind !== 'parquet' && format.compression !== 'none'
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      hash.update(chunk)
      byteCount += chunk.byteLength
      yield isKept ? new Uint8Array(chunk) : chunk
    }
  }
  const rowCount = await countRows(format, hashed())
  return { rowCount, bytes: byteCount, sha256: hash.digest('hex') }
}

async function countRows(format: FileFormat, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  switch (format.kind) {
    case 'parquet':
      return await countParquetStream(bytes)
    case 'json':
      return await countJsonLines(bytes, format.compression)
    case 'csv':
      return await countCsvRecords(bytes, format.compression)
    default:
      return unreachable(format)
  }
}

/** For files that can't be read here. */
export async function hashBytes(bytes: AsyncIterable<Uint8Array>): Promise<Omit<ReadBack, 'rowCount'>> {
  const hash = createHash('sha256')
  let byteCount = 0
  for await (const chunk of bytes) {
    hash.update(chunk)
    byteCount += chunk.byteLength
  }
  return { bytes: byteCount, sha256: hash.digest('hex') }
}
