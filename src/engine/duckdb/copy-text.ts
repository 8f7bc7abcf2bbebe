import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, createZstdCompress } from 'node:zlib'
import type { EncodedRows } from '../encoded-rows.ts'
import type { Request, TextFile } from './protocol.ts'

type CopyText = Extract<Request, { op: 'copyText' }>

const pieceBytes = 1024 * 1024

/**
 * Writes a query's rows as text files, by our own encoders: DuckDB's JSON has other timestamps, loses digits of
 * decimals and writes NULLs. A file ends at the first piece (1 MiB) past `fileBytesMax`.
 */
export async function copyText(
  statement: EncodedRows,
  request: CopyText,
  onRows: (rowCount: number) => void,
): Promise<TextFile[]> {
  const files: TextFile[] = []
  while (!statement.isDone) {
    const file = await writeFile(statement, request, onRows)
    if (file.rowCount > 0) files.push(file)
    else await rm(file.path)
  }
  return files
}

async function writeFile(
  statement: EncodedRows,
  { folder, extension, compression, fileBytesMax = Infinity }: CopyText,
  onRows: (rowCount: number) => void,
): Promise<TextFile> {
  const path = join(folder, `${randomUUID()}${extension}`)
  const out = createWriteStream(path, { flags: 'wx' })
  let rowCount = 0
  let encodedBytes = 0
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    statement.startAnew()
    while (!statement.isDone && (compression === 'none' ? encodedBytes : out.bytesWritten) < fileBytesMax) {
      const piece = await statement.pull(Number.MAX_SAFE_INTEGER, Math.min(pieceBytes, fileBytesMax))
      rowCount += piece.rowCount
      encodedBytes += piece.bytes.length
      onRows(piece.rowCount)
      if (piece.bytes.length > 0) yield piece.bytes
    }
  }
  await pipeline([Readable.from(pieces(), { highWaterMark: 1 }), ...compressors(compression), out])
  return { path, rowCount, bytes: (await stat(path)).size }
}

function compressors(compression: CopyText['compression']): Transform[] {
  switch (compression) {
    case 'gzip':
      return [createGzip({ level: 6 })]
    case 'zstd':
      return [createZstdCompress()]
    case 'none':
      return []
  }
}
