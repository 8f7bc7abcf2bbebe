import { AppError, toAppError } from '#base/errors.ts'
import type { ExecuteOptions, QuerySession, SessionStatement, StatementResult } from '#query/query.ts'
import type { ResultRows } from '#query/results.ts'
import { type Field, sparkName } from '#types/data-type.ts'

export const sqlFormats = ['table', 'csv', 'json', 'ndjson', 'arrow'] as const
export type SqlFormat = (typeof sqlFormats)[number]

export interface SqlOutputOptions {
  readonly open: (onNotice: (notice: string) => void) => Promise<QuerySession>
  readonly sql: string
  readonly format: SqlFormat
  readonly signal: AbortSignal
  readonly onRows?: (rowCount: number, bytes: number) => void
}

const formatsOfOne: ReadonlySet<SqlFormat> = new Set(['csv', 'json', 'arrow'])
/** Statements that give rows whatever they say. */
const kindsOfRows: ReadonlySet<SessionStatement['kind']> = new Set([
  'query',
  'question',
  'explain',
  'describe',
  'show',
  'fetch',
])

/** One pull: what is in memory of a result at a time. */
const pullLimit = { rowCountMax: 2_048, bytesMax: 256 * 1024, goesOn: true }
const noticesMax = 1_000

/**
 * The bytes of an answer. Nothing is read from the engine before it is asked for; ending the iteration, or the signal,
 * ends the statement.
 */
export async function* sqlOutput(options: SqlOutputOptions): AsyncGenerator<Uint8Array, void, undefined> {
  const { open, sql, format, signal, onRows } = options
  const notices: string[] = []
  await using session = await open((notice) => {
    if (notices.length < noticesMax) notices.push(notice)
  })
  const writer = writers[format]()
  let hasBegun = false
  try {
    const statements = await session.parse(sql)
    // Said before any of them is run, where they can be counted; those inside of blocks cannot.
    const counted = statements.filter(({ kind }) => kindsOfRows.has(kind)).length
    if (counted > 1 && formatsOfOne.has(format)) throw moreThanOne(format)
    for (const statement of statements) {
      const results = session.execute(statement, { parameters: [], encoding: writer.encoding, signal })
      for await (const result of results) {
        for await (const { bytes, rowCount } of written(result, writer, notices)) {
          onRows?.(rowCount, bytes.byteLength)
          hasBegun = true
          yield bytes
        }
      }
    }
    const last = Buffer.concat([...writer.notices(notices), ...writer.end()])
    if (last.byteLength > 0) yield last
  } catch (error) {
    if (!hasBegun || signal.aborted || !writer.failure) throw error
    yield writer.failure(toAppError(error))
  }
}

async function* written(
  result: StatementResult,
  writer: Writer,
  notices: string[],
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly rowCount: number }> {
  if (result.kind === 'command') {
    const bytes = Buffer.concat([...writer.notices(notices), ...writer.command(result.tag, result.rowCount)])
    if (bytes.byteLength > 0) yield { bytes, rowCount: 0 }
    return
  }
  await using rows = result.rows
  // The head goes with the first rows, so that a statement that fails at once has sent nothing.
  let head = writer.begin(result.columns)
  let total = 0
  for await (const chunk of chunksOf(rows)) {
    total += chunk.rowCount
    const bytes = Buffer.concat([...writer.notices(notices), ...head, writer.rows(chunk.bytes)])
    head = []
    if (bytes.byteLength > 0) yield { bytes, rowCount: chunk.rowCount }
  }
  const tail = Buffer.concat([...head, ...writer.finish(total)])
  if (tail.byteLength > 0) yield { bytes: tail, rowCount: 0 }
}

async function* chunksOf(rows: ResultRows): AsyncGenerator<{ bytes: Uint8Array; rowCount: number }> {
  for (;;) {
    const chunk = await rows.pull(pullLimit)
    yield chunk
    if (chunk.state === 'done') return
  }
}

/** How a format frames results. */
interface Writer {
  readonly encoding: ExecuteOptions['encoding']
  begin(columns: readonly Field[]): Uint8Array[]
  rows(bytes: Uint8Array): Uint8Array
  finish(rowCount: number): Uint8Array[]
  command(tag: string, rowCount: number | undefined): Uint8Array[]
  notices(notices: string[]): Uint8Array[]
  end(): Uint8Array[]
  /** Says a failure inside the answer; absent: the connection is broken off. */
  readonly failure?: (error: AppError) => Uint8Array
}

const nothing = {
  begin: () => [],
  rows: (bytes: Uint8Array) => bytes,
  finish: () => [],
  command: () => [],
  notices: () => [],
  end: () => [],
}

const writers: Readonly<Record<SqlFormat, () => Writer>> = {
  ndjson: () => ({ ...nothing, encoding: () => ({ kind: 'jsonLines', keepsNulls: true }) }),
  csv: () => ({ ...nothing, encoding: () => ({ kind: 'csv', header: true }), begin: onlyOnce('csv') }),
  arrow: () => ({ ...nothing, encoding: () => ({ kind: 'arrow' }), begin: onlyOnce('arrow') }),
  json: jsonWriter,
  table: () => ({
    ...nothing,
    encoding: () => ({ kind: 'jsonRows' }),
    begin: (columns) => [
      line({ columns: columns.map(({ name, type }) => ({ name, type: sparkName(type) })) }),
    ],
    finish: (rowCount) => [line({ tag: `SELECT ${rowCount}`, rowCount })],
    command: (tag, rowCount) => [line(rowCount === undefined ? { tag } : { tag, rowCount })],
    notices: (notices) => notices.splice(0).map((notice) => line({ notice })),
    failure: ({ code, message, hint, position }) => line({ error: { code, message, hint, position } }),
  }),
}

/** An array of objects: commas between the lines, brackets around. */
function jsonWriter(): Writer {
  let hasBegun = false
  let hasRows = false
  const once = onlyOnce('json')
  return {
    ...nothing,
    encoding: () => ({ kind: 'jsonLines', keepsNulls: true }),
    begin: (columns) => {
      once(columns)
      hasBegun = true
      return [Buffer.from('[')]
    },
    rows: (bytes) => {
      if (bytes.byteLength === 0) return bytes
      const lines = Buffer.from(bytes).toString('utf8').trimEnd().replaceAll('\n', ',\n')
      const text = hasRows ? `,\n${lines}` : lines
      hasRows = true
      return Buffer.from(text)
    },
    finish: () => [Buffer.from(']\n')],
    end: () => (hasBegun ? [] : [Buffer.from('[]\n')]),
  }
}

function onlyOnce(format: SqlFormat): (columns: readonly Field[]) => Uint8Array[] {
  let count = 0
  return () => {
    count += 1
    if (count === 1) return []
    throw moreThanOne(format)
  }
}

function moreThanOne(format: SqlFormat): AppError {
  return new AppError(
    'query.unsupported',
    `The format ${format} holds one result, and these statements give more.`,
    { hint: 'Ask for ndjson or table, or send one statement at a time.' },
  )
}

function line(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}
