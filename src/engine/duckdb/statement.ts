import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, createZstdCompress } from 'node:zlib'
import type { DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api'
import { createEncoder, type Encoder } from '#encode/encoder.ts'
import type { Batch } from '#encode/value.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'
import { batchReader } from './values.ts'
import type { Instances, Sandbox } from './instances.ts'
import type { Request } from './protocol.ts'

/** One statement in its own sandbox. Rows are fetched from DuckDB only when pulled. */
export class Statement {
  readonly #sandbox: Sandbox
  readonly #result: DuckDBResult
  readonly #read: (chunk: DuckDBDataChunk) => Batch
  readonly #encoder: Encoder
  /** A chunk of which some rows did not fit into the last pull. */
  #rest: Batch | undefined
  #isAtEnd = false

  private constructor(sandbox: Sandbox, result: DuckDBResult, encoding: Encoding, columns: readonly Field[]) {
    this.#sandbox = sandbox
    this.#result = result
    this.#read = batchReader(columns, result.columnTypes())
    this.#encoder = createEncoder(encoding, columns)
  }

  static async open(
    sandbox: Sandbox,
    { statement, encoding, columns }: Extract<Request, { op: 'open' | 'copyText' }>,
  ): Promise<Statement> {
    const result = await sandbox.connection.stream(statement.sql)
    return new Statement(sandbox, result, encoding, columns)
  }

  async pull(rowCountMax: number, bytesMax: number): Promise<{ rowCount: number; isLast: boolean; bytes: Uint8Array }> {
    let rowCount = 0
    while (rowCount < rowCountMax && this.#encoder.byteCount < bytesMax) {
      const batch = this.#rest ?? (await this.#next())
      if (!batch) return { rowCount, isLast: true, bytes: this.#encoder.finish() }
      const room = rowCountMax - rowCount
      this.#rest = batch.rowCount > room ? tail(batch, room) : undefined
      this.#encoder.add(batch.rowCount > room ? { rowCount: room, value: batch.value } : batch)
      rowCount += Math.min(room, batch.rowCount)
    }
    return { rowCount, isLast: false, bytes: this.#encoder.take() }
  }

  async #next(): Promise<Batch | undefined> {
    if (this.#isAtEnd) return undefined
    const chunk = await this.#result.fetchChunk()
    if (chunk && chunk.rowCount > 0) return this.#read(chunk)
    this.#isAtEnd = true
    return undefined
  }

  interrupt(): void {
    this.#sandbox.connection.interrupt()
  }

  close(): void {
    this.#sandbox.close()
  }
}

function tail(batch: Batch, from: number): Batch {
  return { rowCount: batch.rowCount - from, value: (column, row) => batch.value(column, row + from) }
}

export interface TextFile {
  readonly path: string
  readonly rowCount: number
  readonly bytes: number
}

const textPieceBytes = 1024 * 1024

/**
 * Writes a statement's rows as text files, by our own encoders: DuckDB's JSON has other timestamps, loses digits of
 * decimals and writes NULLs. A file ends at the first piece (1 MiB) past `fileBytesMax`, before compression.
 */
export async function copyText(
  instances: Instances,
  request: Extract<Request, { op: 'copyText' }>,
  hooks: { onOpen(sandbox: Sandbox): void; onRows(rowCount: number): void },
): Promise<TextFile[]> {
  const sandbox = await instances.sandbox(request.statement.files)
  hooks.onOpen(sandbox)
  const files: TextFile[] = []
  try {
    const statement = await Statement.open(sandbox, request)
    let total = 0
    for (let isLast = false; !isLast; ) {
      const path = join(request.folder, `${randomUUID()}${request.extension}`)
      let rowCount = 0
      const pieces = async function* (): AsyncGenerator<Uint8Array> {
        for (let bytes = 0; !isLast && bytes < (request.fileBytesMax ?? Infinity); ) {
          const piece = await statement.pull(Number.MAX_SAFE_INTEGER, textPieceBytes)
          isLast = piece.isLast
          rowCount += piece.rowCount
          total += piece.rowCount
          bytes += piece.bytes.length
          hooks.onRows(total)
          if (piece.bytes.length > 0) yield piece.bytes
        }
      }
      await pipeline([Readable.from(pieces(), { highWaterMark: 2 }), ...compressors(request.compression), createWriteStream(path, { flags: 'wx' })])
      files.push({ path, rowCount, bytes: (await stat(path)).size })
    }
    return files.filter((file) => file.rowCount > 0)
  } finally {
    sandbox.close()
  }
}

function compressors(compression: 'gzip' | 'zstd' | 'none'): Transform[] {
  switch (compression) {
    case 'gzip':
      return [createGzip({ level: 6 })]
    case 'zstd':
      return [createZstdCompress()]
    case 'none':
      return []
  }
}
