import { AppError } from '#base/errors.ts'
import { plainWords } from './plain-words.ts'
import type { WireFailure } from './protocol.ts'
import { tookTooLong } from './watched.ts'

/** The text is something else than one query. */
export class NotAQuery extends Error {}

/** Stopped by the server between two calls into DuckDB. */
export class Interrupted extends Error {}

/** What DuckDB's wording means for who sent the statement. The text shown names no path and no engine. */
export function failureOf(error: unknown, isInterrupted: boolean): WireFailure {
  if (isInterrupted || error instanceof Interrupted) return cancelled
  if (error instanceof NotAQuery) {
    return { code: 'query.failed', message: 'The engine runs queries only, one at a time.' }
  }
  if (error instanceof AppError) {
    const { code, message, hint } = error
    return { code, message, ...(hint === undefined ? {} : { hint }) }
  }
  const text = error instanceof Error ? error.message : String(error)
  if (text.startsWith('ENOSPC')) return diskFull
  const raised = raisedText(text)
  if (raised !== undefined) return { code: 'query.failed', message: raised }
  const [, kind = '', rest = text] =
    /^(?:Failed to [a-z ]+: )?([A-Z][A-Za-z -]* Error): ([\s\S]*)$/.exec(text) ?? []
  switch (kind) {
    case '':
    case 'INTERNAL Error':
    case 'FATAL Error':
      return { code: 'internal', message: 'The engine met an error it did not expect.', cause: text }
    case 'INTERRUPT Error':
      return cancelled
    case 'Out of Memory Error':
      if (rest.includes('No space left')) return diskFull
      return rest.includes('max_temp_directory_size') ? spillFull : memoryFull
    case 'Permission Error':
      return {
        code: 'query.failed',
        message: 'The statement tried to reach a file or setting that it may not.',
        cause: text,
      }
    case 'IO Error':
      if (rest.includes('No space left')) return diskFull
      return {
        code: 'lake.corrupt',
        message: `A file could not be read or written: ${withoutPaths(firstLine(rest))}`,
        cause: text,
      }
    default: {
      if (/^(?:Max expression depth|memory exhausted)/.test(rest)) return tooDeep
      if (rest.startsWith(tookTooLong)) return { ...functionTooSlow, message: firstLine(rest) }
      if (rest.startsWith('More than one row returned by a subquery')) return severalRows
      const words = plainWords(kind, firstLine(rest))
      return words === undefined
        ? { code: 'query.failed', message: 'The engine could not read the statement.', cause: text }
        : { code: 'query.failed', message: withoutPaths(words) }
    }
  }
}

/** What a statement said itself by `raise_error`, which is printed with a mark on either side of it. */
function raisedText(text: string): string | undefined {
  const start = text.indexOf('Error: \u0001')
  const end = text.lastIndexOf('\u0002')
  return start < 0 || end < start ? undefined : text.slice(start + 'Error: \u0001'.length, end)
}

const cancelled: WireFailure = { code: 'query.cancelled', message: 'The statement was cancelled.' }

const functionTooSlow = {
  code: 'query.limit',
  hint: 'Mostly a pattern with repetitions inside repetitions, such as (a+)+: write it so that each text fits in one way only, or without look-around and back references.',
} as const satisfies Partial<WireFailure>

/** What DuckDB's parser puts inside of one another: also joins, set operations and common tables, one in the next. */
const tooDeep: WireFailure = {
  code: 'query.limit',
  message: 'The statement is a chain of too many operators, joins or queries.',
  hint: 'At most about a thousand can follow one another: do a part of them in a table of its own.',
}

const severalRows: WireFailure = {
  code: 'query.several_rows',
  message: 'A query used as a value gave more than one row.',
}

const memoryFull: WireFailure = {
  code: 'engine.memory',
  message: 'The statement needed more memory than it may use.',
  hint: 'Read fewer columns or rows, aggregate earlier, or raise engine.memoryBytes.',
}

const spillFull: WireFailure = {
  code: 'engine.memory',
  message: 'The statement needed more memory than it may use, and more disk than it may use instead.',
  hint: 'Read fewer columns or rows, aggregate earlier, raise engine.memoryBytes, or free space below the home.',
}

const diskFull: WireFailure = {
  code: 'store.full',
  message: 'The disk is full.',
  hint: 'Free some space below the home (or the destination) and try again; nothing half-written is visible.',
}

function firstLine(text: string): string {
  return text.split('\n')[0]!.trim()
}

/** Only the last part of a path says something to the reader. */
function withoutPaths(text: string): string {
  return text.replaceAll(/(?:\/[^\s/"']+)+\/([^\s/"']+)/g, '$1')
}
