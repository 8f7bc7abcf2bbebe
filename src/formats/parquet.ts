import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { type FileMetaData, parquetMetadata, parquetRead } from 'hyparquet'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'

/** Held of a stream until its end; a footer of 1 000 columns in 50 row groups takes about 10 MB. */
const footerBytesMax = 16 * 1024 * 1024
const magic = 'PAR1'
/** Length of the metadata and the magic word. */
const trailerBytes = 8
const tailBytesMax = footerBytesMax + trailerBytes

/** A file that can be read in pieces. `end` is exclusive. */
export interface RandomAccess {
  readonly bytes: number
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>
}

/**
 * Reads the footer of a Parquet file that comes as a stream and says how many rows it describes.
 * @throws AppError 'file.torn' when the footer is missing, unreadable or contradicts itself or the file
 */
export async function countParquetStream(bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const tail = new Tail()
  for await (const chunk of bytes) tail.push(chunk)
  return rowCountOf(footerOf(tail.head, tail.bytes(), tail.byteCount), tail.byteCount)
}

/**
 * As `countParquetStream`, and decodes in every row group the column that takes the least room: its values must be as
 * many as the rows the footer promises.
 * @throws AppError 'file.torn'
 */
export async function recountParquet(file: RandomAccess): Promise<number> {
  const head = await file.read(0, Math.min(4, file.bytes))
  const metadata = footerOf(head, await readTail(file), file.bytes)
  const rowCount = rowCountOf(metadata, file.bytes)
  let rowStart = 0
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows)
    const decoded = await decodedCount(file, metadata, { column: smallestColumn(group), rowStart, rowEnd })
    if (decoded !== rowEnd - rowStart) {
      throw new AppError(
        'file.torn',
        `A row group holds ${decoded} rows and its footer says ${rowEnd - rowStart}.`,
      )
    }
    rowStart = rowEnd
  }
  return rowCount
}

/** The bytes of the footer alone. @throws AppError 'file.torn' */
export async function readFooter(file: RandomAccess): Promise<Uint8Array> {
  return (await readTail(file)).subarray(0, -trailerBytes)
}

/** The footer and what follows it. */
async function readTail(file: RandomAccess): Promise<Uint8Array<ArrayBuffer>> {
  const lastBytes = await file.read(Math.max(0, file.bytes - trailerBytes), file.bytes)
  const tailBytes = Math.min(file.bytes, footerLength(lastBytes) + trailerBytes)
  return await file.read(file.bytes - tailBytes, file.bytes)
}

type RowGroup = FileMetaData['row_groups'][number]

async function decodedCount(
  file: RandomAccess,
  metadata: FileMetaData,
  part: { readonly column: string; readonly rowStart: number; readonly rowEnd: number },
): Promise<number> {
  let decoded = 0
  const { column, rowStart, rowEnd } = part
  try {
    await parquetRead({
      file: {
        byteLength: file.bytes,
        slice: async (start, end = file.bytes) => {
          const bytes = await file.read(start, end)
          return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
        },
      },
      metadata,
      columns: [column],
      rowStart,
      rowEnd,
      utf8: false,
      compressors: {
        GZIP: (input) => new Uint8Array(gunzipSync(input)),
        ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)),
      },
      onChunk: ({ columnData }) => {
        decoded += columnData.length
      },
    })
  } catch (error) {
    throw new AppError('file.torn', `The column ${JSON.stringify(column)} can't be decoded.`, {
      cause: error,
    })
  }
  return decoded
}

function smallestColumn(group: RowGroup): string {
  const bytesOf = new Map<string, bigint>()
  for (const column of group.columns) {
    const name = column.meta_data?.path_in_schema[0]
    if (name === undefined) continue
    bytesOf.set(name, (bytesOf.get(name) ?? 0n) + (column.meta_data?.total_compressed_size ?? 0n))
  }
  const [smallest] = [...bytesOf].sort(([, one], [, other]) => Number(one - other))
  return must(smallest, 'a row group has a column')[0]
}

function footerLength(lastBytes: Uint8Array): number {
  if (lastBytes.byteLength < trailerBytes || text(lastBytes.subarray(-4)) !== magic) {
    throw new AppError('file.torn', 'The file does not end as a Parquet file does: it is not whole.')
  }
  const at = lastBytes.byteOffset + lastBytes.byteLength - trailerBytes
  const length = new DataView(lastBytes.buffer).getUint32(at, true)
  if (length > footerBytesMax)
    throw new AppError('file.torn', `A Parquet footer of ${length} bytes is not read.`)
  return length
}

/** `tail` holds at least the footer. */
function footerOf(head: Uint8Array, tail: Uint8Array<ArrayBuffer>, fileBytes: number): FileMetaData {
  if (text(head) !== magic) throw new AppError('file.torn', 'The file does not begin as a Parquet file does.')
  const length = footerLength(tail)
  if (length + trailerBytes + magic.length > fileBytes)
    throw new AppError('file.torn', `A footer of ${length} bytes does not fit into a file of ${fileBytes}.`)
  try {
    return parquetMetadata(tail.slice(-(length + trailerBytes)).buffer, { geoparquet: false })
  } catch (error) {
    throw new AppError('file.torn', 'The Parquet footer is unreadable.', { cause: error })
  }
}

function rowCountOf(metadata: FileMetaData, fileBytes: number): number {
  let groupRows = 0n
  for (const group of metadata.row_groups) {
    groupRows += group.num_rows
    for (const { meta_data: column } of group.columns) {
      const start = column?.dictionary_page_offset ?? column?.data_page_offset ?? 0n
      const end = start + (column?.total_compressed_size ?? 0n)
      if (start < 4n || end > BigInt(fileBytes))
        throw new AppError('file.torn', 'The Parquet footer names pages outside of the file.')
    }
  }
  if (groupRows !== metadata.num_rows) {
    throw new AppError(
      'file.torn',
      `The Parquet footer says ${metadata.num_rows} rows and its row groups ${groupRows}.`,
    )
  }
  return Number(metadata.num_rows)
}

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1')

/** The first four and the last bytes of a stream, as many as a footer may take. */
class Tail {
  head = new Uint8Array(0)
  byteCount = 0
  /** Twice what is kept, so that old bytes are moved away seldom. What is never written to takes no memory. */
  readonly #held = new Uint8Array(2 * tailBytesMax)
  #heldBytes = 0

  push(chunk: Uint8Array): void {
    if (this.head.byteLength < 4)
      this.head = new Uint8Array([...this.head, ...chunk.subarray(0, 4 - this.head.byteLength)])
    this.byteCount += chunk.byteLength
    const kept = chunk.subarray(Math.max(0, chunk.byteLength - tailBytesMax))
    if (this.#heldBytes + kept.byteLength > this.#held.byteLength) {
      const stay = tailBytesMax - kept.byteLength
      this.#held.copyWithin(0, this.#heldBytes - stay, this.#heldBytes)
      this.#heldBytes = stay
    }
    this.#held.set(kept, this.#heldBytes)
    this.#heldBytes += kept.byteLength
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#held.subarray(0, this.#heldBytes)
  }
}
