import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress, gzipSync, zstdCompressSync } from 'node:zlib'
import { unreachable } from '#base/assert.ts'
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
/** A file has at least so many pieces where it may not be larger: it ends by less than one of them early. */
const piecesMin = 16
/** What is still being compressed is reckoned by what came before: a file ends so much early. */
const safeShare = 0.95

/**
 * Writes lines as files, whose names rise in the order of their rows. A file has at most `fileBytesMax` bytes, unless a
 * single row has more, or rows compress much worse than those before.
 * @param onRows told of some rows at a time
 */
export async function writeTextFiles(
  chunks: AsyncIterable<Buffer>,
  form: TextForm,
  onRows: (rowCount: number) => void,
): Promise<TextFile[]> {
  const { kind, folder, extension, compression, fileBytesMax = Infinity } = form
  const pieces = linePieces(chunks, { kind, pieceBytes: Math.min(pieceBytes, fileBytesMax / piecesMin) })
  const prefix = randomUUID()
  const files: TextFile[] = []
  let next = await pieces.next()
  // Bytes of a file for each that is written.
  let ratio = next.done || fileBytesMax === Infinity ? 1 : ratioOf(next.value, compression)
  while (!next.done) {
    const number = String(files.length).padStart(6, '0')
    const path = join(folder, `${prefix}-${number}${extension}`)
    const { file, byteCount, rest } = await writeFile(
      { path, first: next.value, pieces, ratio },
      form,
      onRows,
    )
    files.push(file)
    ratio = compression === 'none' ? 1 : file.bytes / byteCount
    next = rest
  }
  return files
}

function ratioOf({ bytes }: Piece, compression: TextForm['compression']): number {
  switch (compression) {
    case 'none':
      return 1
    case 'gzip':
      return gzipSync(bytes, { level: 5 }).length / bytes.length
    case 'zstd':
      return zstdCompressSync(bytes).length / bytes.length
    default:
      return unreachable(compression)
  }
}

interface Pieces {
  readonly path: string
  readonly first: Piece
  readonly pieces: AsyncGenerator<Piece>
  readonly ratio: number
}

async function writeFile(
  { path, first, pieces, ratio }: Pieces,
  { compression, header, fileBytesMax = Infinity }: TextForm,
  onRows: (rowCount: number) => void,
) {
  const out = createWriteStream(path, { flags: 'wx' })
  let rowCount = 0
  let byteCount = header.length
  let gzippedBytes = 0
  let rest: IteratorResult<Piece> = { done: true, value: undefined }
  const fits = ({ bytes }: Piece): boolean => {
    if (compression === 'none') return byteCount + bytes.length <= fileBytesMax
    const most = fileBytesMax * safeShare
    const done = compression === 'gzip' ? gzippedBytes : out.bytesWritten
    return (byteCount + bytes.length) * ratio <= most && done + bytes.length * ratio <= most
  }
  const content = async function* (): AsyncGenerator<Uint8Array> {
    if (header.length > 0) yield header
    for (let piece = first; ; piece = rest.value) {
      rowCount += piece.rowCount
      byteCount += piece.bytes.length
      onRows(piece.rowCount)
      yield piece.bytes
      rest = await pieces.next()
      if (rest.done || !fits(rest.value)) return
    }
  }
  // Counted before a stream takes some ahead, so that the same pieces make the same files.
  const gzipped = async function* (): AsyncGenerator<Uint8Array> {
    for await (const some of gzipPieces(content())) {
      gzippedBytes += some.length
      yield some
    }
  }
  const compressed = compression === 'gzip' ? gzipped() : content()
  const compressors = compression === 'zstd' ? [createZstdCompress()] : []
  await pipeline([Readable.from(compressed, { highWaterMark: 1 }), ...compressors, out])
  return { file: { path, rowCount, bytes: (await stat(path)).size }, byteCount, rest }
}
