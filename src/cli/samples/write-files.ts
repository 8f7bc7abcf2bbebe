import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import { finished } from 'node:stream/promises'
import { constants, createGzip } from 'node:zlib'
import type { SampleRow } from '#samples/sample.ts'

/** Rows are gathered up to this before they are written, for each table. */
const pieceLength = 64 * 1024
/** What a file holds at most, unpacked: more go into the next one. */
const fileLengthMax = 256 * 1024 * 1024
const rowsATurn = 2_000

export interface WrittenTable {
  readonly rowCount: number
  readonly paths: readonly string[]
}

/**
 * Writes rows as packed JSON lines, a few files for each of the tables named. Rows of others are counted only. In memory
 * is little, whatever the number of rows.
 */
export async function writeFiles(
  rows: Iterable<SampleRow>,
  options: {
    readonly folder: string
    readonly tables: ReadonlySet<string>
    readonly signal: AbortSignal
    readonly onRows: (count: number) => void
  },
): Promise<ReadonlyMap<string, WrittenTable>> {
  const { folder, tables, signal, onRows } = options
  const writers = new Map<string, TableWriter>()
  let count = 0
  for (const { table, row } of rows) {
    count += 1
    if (count % rowsATurn === 0) {
      onRows(count)
      // Lets Ctrl-C through.
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
    }
    if (!tables.has(table)) continue
    let writer = writers.get(table)
    if (!writer) {
      writer = createTableWriter(folder, table)
      writers.set(table, writer)
    }
    const full = writer.add(JSON.stringify(row))
    if (full) await full
  }
  onRows(count)
  const written = new Map<string, WrittenTable>()
  for (const [table, writer] of writers) written.set(table, await writer.end())
  return written
}

interface TableWriter {
  /** A promise when there is something to wait for. */
  add(line: string): Promise<void> | undefined
  end(): Promise<WrittenTable>
}

function createTableWriter(folder: string, table: string): TableWriter {
  const paths: string[] = []
  let rowCount = 0
  let piece = ''
  let length = 0
  let file: ReturnType<typeof openFile> | undefined

  const flush = async (): Promise<void> => {
    if (piece === '') return
    if (!file) {
      const path = join(folder, `${table}-${paths.length + 1}.json.gz`)
      paths.push(path)
      file = openFile(path)
      length = 0
    }
    const text = piece
    piece = ''
    length += text.length
    await file.write(text)
    if (length < fileLengthMax) return
    await file.end()
    file = undefined
  }
  return {
    add: (line) => {
      rowCount += 1
      piece += `${line}\n`
      return piece.length >= pieceLength ? flush() : undefined
    },
    end: async () => {
      await flush()
      await file?.end()
      return { rowCount, paths }
    },
  }
}

function openFile(path: string) {
  const packer = createGzip({ level: constants.Z_BEST_SPEED })
  const file = packer.pipe(createWriteStream(path))
  const done = finished(file)
  // Looked at when the file ends; until then nobody may be listening.
  done.catch(() => {})
  return {
    write: async (text: string) => {
      if (!packer.write(text)) await Promise.race([once(packer, 'drain'), done])
    },
    end: async () => {
      packer.end()
      await done
    },
  }
}
