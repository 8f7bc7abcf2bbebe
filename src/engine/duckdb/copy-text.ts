import { quoteLiteral } from '#base/sql-text.ts'
import { encodedHeader } from '#encode/csv.ts'
import type { Sandbox } from './instances.ts'
import { linesSql } from './lines-sql.ts'
import { makePipe, type NamedPipe } from './pipe.ts'
import type { Request, TextFile } from './protocol.ts'
import { runToEnd } from './run-to-end.ts'
import { conformingQuery } from './statement.ts'
import type { TextThread } from './text-thread.ts'

/** As they are: no quotes, no escapes. Each text has a line feed behind it. */
const asTheyAre = `FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '', USE_TMP_FILE false`

/**
 * Writes a query's rows as text files. The engine makes the lines, by expressions of ours: its own JSON has other timestamps
 * and writes NULLs. It writes them into a pipe, as its threads make them, and waits while nobody reads: reading a text at a
 * time out of its vectors takes many times as long. A thread of our own reads, because this one waits for the engine's
 * threads when one of them fails, and they may wait to be read.
 */
export async function copyText(
  { connection }: Sandbox,
  request: Extract<Request, { op: 'copyText' }>,
  { thread, onRows }: { readonly thread: TextThread; readonly onRows: (rowCount: number) => void },
): Promise<TextFile[]> {
  const { folder, kind } = request
  const { sql, columns } = await conformingQuery(connection, request.statement.sql)
  await thread.load()
  await using pipe = await makePipe(folder)
  const header = kind === 'csv' ? encodedHeader(columns) : new Uint8Array()
  await using writing = await thread.write(pipe.reader, { ...request, header }, onRows)
  const lines = linesSql(sql, columns, kind)
  const rowCount = await copyLines(connection, lines, pipe).catch(async (error: unknown) => {
    // Nobody reads any longer, which comes of another error.
    if (isBrokenPipe(error)) await writing.files
    throw error
  })
  const files = await writing.files
  const written = files.reduce((sum, file) => sum + file.rowCount, 0)
  if (written !== rowCount) throw new Error(`Broken invariant: ${rowCount} rows are ${written} lines`)
  return files
}

/** @returns how many lines the engine wrote */
async function copyLines(connection: Sandbox['connection'], sql: string, pipe: NamedPipe): Promise<number> {
  try {
    const copied = await runToEnd(connection, `COPY (${sql}) TO ${quoteLiteral(pipe.path)} (${asTheyAre})`)
    return copied.rowsChanged
  } finally {
    pipe.end()
  }
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && /^IO Error: .*Broken pipe/s.test(error.message)
}
