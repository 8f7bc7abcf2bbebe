import type { WireFailure } from './protocol.ts'

/** What DuckDB's wording means for who sent the statement. The text shown names no path and no engine. */
export function failureOf(error: unknown): WireFailure {
  const text = error instanceof Error ? error.message : String(error)
  const [, kind = '', rest = text] = /^([A-Z][A-Za-z -]* Error|INTERRUPT Error): ([\s\S]*)$/.exec(text) ?? []
  switch (kind) {
    case 'INTERRUPT Error':
      return { code: 'query.cancelled', message: 'The statement was cancelled.' }
    case 'Out of Memory Error':
      return rest.includes('max_temp_directory_size') || rest.includes('No space left')
        ? diskFull
        : {
            code: 'engine.memory',
            message: 'The statement needed more memory than it may use.',
            hint: 'Read fewer columns or rows, aggregate earlier, or raise engine.memoryBytes.',
          }
    case 'Permission Error':
      return { code: 'query.failed', message: 'The statement tried to reach a file or setting that it may not.' }
    case 'IO Error':
      if (rest.includes('No space left')) return diskFull
      return { code: 'lake.corrupt', message: `A file could not be read: ${withoutPaths(firstLine(rest))}` }
    default:
      return { code: 'query.failed', message: withoutPaths(firstLine(rest)) }
  }
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
