import { codeOf } from '#base/system-error.ts'
import { CliError, exitCodeOf } from './exit-code.ts'
import { RestError } from './client.ts'
import { exitCodes } from './exit-code.ts'

export interface ResultColumn {
  readonly name: string
  /** Spark's name of the type. */
  readonly type: string
}

/** What comes of statements, in order. Numbers are kept as they were written: longs and decimals lose nothing. */
export type ResultEvent =
  | { readonly kind: 'columns'; readonly columns: readonly ResultColumn[] }
  | { readonly kind: 'row'; readonly values: readonly unknown[] }
  | { readonly kind: 'done'; readonly tag: string; readonly rowCount: number | undefined }
  | { readonly kind: 'notice'; readonly text: string }

/**
 * Reads the `table` format of POST /sluice/v1/sql.
 * @throws RestError for a failure on the way, CliError when the answer breaks off
 */
export async function* readResults(answer: AsyncIterable<Uint8Array>): AsyncGenerator<ResultEvent> {
  try {
    for await (const line of linesOf(answer)) yield eventOf(line)
  } catch (error) {
    if (codeOf(error) === 'ECONNRESET') {
      throw new CliError(exitCodes.unavailable, 'The result broke off: the server is gone.')
    }
    throw error
  }
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}

function eventOf(line: string): ResultEvent {
  const value: unknown = exactJson(line)
  if (Array.isArray(value)) return { kind: 'row', values: value }
  // What is no row holds only small numbers.
  const plain = JSON.parse(line) as {
    columns?: readonly ResultColumn[]
    tag?: string
    rowCount?: number
    notice?: string
    error?: { code: string; message: string; hint?: string; position?: { line: number; column: number } }
  }
  if (plain.columns) return { kind: 'columns', columns: plain.columns }
  if (plain.notice !== undefined) return { kind: 'notice', text: plain.notice }
  if (plain.tag !== undefined) return { kind: 'done', tag: plain.tag, rowCount: plain.rowCount }
  const {
    code = 'internal',
    message = 'The server sent a line that is not understood.',
    hint,
  } = plain.error ?? {}
  throw exitCodeOf(code) === exitCodes.internal
    ? new CliError(exitCodes.internal, message, hint)
    : new RestError(400, code, message, hint)
}

interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): object
  isRawJSON(value: unknown): value is { readonly rawJSON: string }
}

/** The language has it, our version of its types does not yet. */
const exact = JSON as unknown as ExactJson

function exactJson(text: string): unknown {
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? exact.rawJSON(source) : value,
  )
}

/** A value as text for a cell: text as it is, numbers as written, everything else as JSON; NULL is `null`. */
export function cellText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  if (exact.isRawJSON(value)) return value.rawJSON
  return JSON.stringify(value)
}
