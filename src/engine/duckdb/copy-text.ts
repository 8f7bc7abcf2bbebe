import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createZstdCompress } from 'node:zlib'
import { encodedHeader } from '#encode/csv.ts'
import type { Field } from '#types/data-type.ts'
import { gzipPieces } from './gzip-pieces.ts'
import type { Sandbox } from './instances.ts'
import { linePieces, type Piece } from './line-pieces.ts'
import { linesSql } from './lines-sql.ts'
import { throughPipe } from './pipe.ts'
import type { Request, TextFile } from './protocol.ts'
import { conformingQuery } from './statement.ts'

type CopyText = Extract<Request, { op: 'copyText' }>

const pieceBytes = 1024 * 1024

/**
 * Writes a query's rows as text files. The engine makes the lines, by expressions of ours: its own JSON has other timestamps
 * and writes NULLs. A file ends some pieces (1 MiB) past `fileBytesMax`.
 */
export async function copyText(
  { connection }: Sandbox,
  request: CopyText,
  onRows: (rowCount: number) => void,
): Promise<TextFile[]> {
  const { folder, kind, fileBytesMax = Infinity } = request
  const { sql, columns } = await conformingQuery(connection, request.statement.sql)
  const files: TextFile[] = []
  const rowCount = await throughPipe(
    connection,
    { sql: linesSql(sql, columns, kind), folder },
    async (chunks) => {
      const pieces = linePieces(chunks, { kind, pieceBytes: Math.min(pieceBytes, fileBytesMax) })
      for (let next = await pieces.next(); !next.done; next = await pieces.next()) {
        files.push(await writeFile({ first: next.value, pieces }, request, { columns, onRows }))
      }
    },
  )
  const written = files.reduce((sum, file) => sum + file.rowCount, 0)
  if (written !== rowCount) throw new Error(`Broken invariant: ${rowCount} rows are ${written} lines`)
  return files
}

async function writeFile(
  { first, pieces }: { readonly first: Piece; readonly pieces: AsyncGenerator<Piece> },
  { folder, extension, compression, kind, fileBytesMax = Infinity }: CopyText,
  { columns, onRows }: { readonly columns: readonly Field[]; readonly onRows: (rowCount: number) => void },
): Promise<TextFile> {
  const path = join(folder, `${randomUUID()}${extension}`)
  const out = createWriteStream(path, { flags: 'wx' })
  let rowCount = 0
  let byteCount = 0
  const content = async function* (): AsyncGenerator<Uint8Array> {
    if (kind === 'csv') yield encodedHeader(columns)
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
