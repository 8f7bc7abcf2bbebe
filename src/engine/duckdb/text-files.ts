import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { gzipPieces } from './gzip-pieces.ts'
import { linePieces, type Piece } from './line-pieces.ts'
import type { Request, TextFile } from './protocol.ts'

export interface TextForm extends Pick<
  Extract<Request, { op: 'copyText' }>,
  'folder' | 'kind' | 'extension' | 'compression' | 'fileBytesMax'
> {
  /** Of each file. */
  readonly header: Uint8Array
}

const pieceBytes = 1024 * 1024

/**
 * Writes lines as files, whose names rise in the order of their rows. A file ends some pieces (1 MiB) past `fileBytesMax`.
 * @param onRows told of some rows at a time
 */
export async function writeTextFiles(
  chunks: AsyncIterable<Buffer>,
  form: TextForm,
  onRows: (rowCount: number) => void,
): Promise<TextFile[]> {
  const { kind, folder, extension, fileBytesMax = Infinity } = form
  const pieces = linePieces(chunks, { kind, pieceBytes: Math.min(pieceBytes, fileBytesMax) })
  const prefix = randomUUID()
  const files: TextFile[] = []
  for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
    const number = String(files.length).padStart(6, '0')
    const path = join(folder, `${prefix}-${number}${extension}`)
    files.push(await writeFile({ path, first: next.value, pieces }, form, onRows))
  }
  return files
}

async function writeFile(
  {
    path,
    first,
    pieces,
  }: { readonly path: string; readonly first: Piece; readonly pieces: AsyncGenerator<Piece> },
  { compression, header, fileBytesMax = Infinity }: TextForm,
  onRows: (rowCount: number) => void,
): Promise<TextFile> {
  const out = createWriteStream(path, { flags: 'wx' })
  let rowCount = 0
  let byteCount = 0
  const content = async function* (): AsyncGenerator<Uint8Array> {
    if (header.length > 0) yield header
    for (let piece: Piece | undefined = first; piece !== undefined;) {
      rowCount += piece.rowCount
      byteCount += piece.bytes.length
      onRows(piece.rowCount)
      yield piece.bytes
      const isFull = (compression === 'none' ? byteCount : out.bytesWritten) >= fileBytesMax
      piece = isFull ? undefined : (await pieces.next()).value
    }
  }
  const compressed = compression === 'gzip' ? gzipPieces(content()) : content()
  const compressors = compression === 'zstd' ? [createZstdCompress()] : []
  await pipeline([Readable.from(compressed, { highWaterMark: 1 }), ...compressors, out])
  return { path, rowCount, bytes: (await stat(path)).size }
}
