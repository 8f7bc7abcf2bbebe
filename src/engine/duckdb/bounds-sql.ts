import { quoteList } from '#base/sql-text.ts'
import type { Share } from './protocol.ts'

/** Of rows that are made ahead; a few chunks of them, which the engine's own megabyte is not. */
const aheadBytes = 4 * 1024 * 1024

/** What an instance may use, and the only paths that it can reach from then on. */
export function boundsSql(paths: readonly string[], { memoryBytes, spillBytes }: Share): string {
  return [
    memoryLimitSql(memoryBytes),
    `SET max_temp_directory_size = '${kibibytes(spillBytes)}'`,
    `SET streaming_buffer_size = '${kibibytes(aheadBytes)}'`,
    `SET allowed_paths = ${quoteList(paths)}`,
    'SET enable_external_access = false',
  ].join('; ')
}

export function memoryLimitSql(bytes: number): string {
  return `SET memory_limit = '${kibibytes(bytes)}'`
}

function kibibytes(bytes: number): string {
  return `${Math.max(1, Math.floor(bytes / 1024))}KiB`
}
