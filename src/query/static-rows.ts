import { createEncoder } from '#encode/encoder.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Value } from '#encode/value.ts'
import { type Field, stringType } from '#types/data-type.ts'
import type { StatementResult } from './query.ts'
import type { ResultRows } from './results.ts'

/** What SHOW and its like answer. */
export interface ShownRows {
  readonly columns: readonly Field[]
  readonly rows: readonly (readonly (string | null)[])[]
}

/** Text columns of a result we make ourselves. */
export function textColumns(...names: readonly string[]): Field[] {
  return names.map((name) => ({ name, type: stringType }))
}

/** A small result that is in memory already. */
export function staticResult(
  columns: readonly Field[],
  rows: readonly (readonly (string | null)[])[],
  encoding: (columns: readonly Field[]) => Encoding,
): StatementResult {
  return { kind: 'rows', columns, rows: staticRows(columns, rows, encoding(columns)) }
}

/** Rows that are in memory already. */
export function staticRows(
  columns: readonly Field[],
  rows: readonly (readonly Value[])[],
  encoding: Encoding,
): ResultRows {
  const encoder = createEncoder(encoding, columns)
  let next = 0
  return {
    pull: async ({ rowCountMax }) => {
      const from = next
      const part = rows.slice(from, from + Math.min(rowCountMax, rows.length))
      next += part.length
      encoder.add({ rowCount: part.length, value: (column, row) => part[row]?.[column] ?? null })
      const isDone = next >= rows.length
      return {
        bytes: isDone ? encoder.finish() : encoder.take(),
        rowCount: part.length,
        state: isDone ? 'done' : 'more',
      }
    },
    [Symbol.asyncDispose]: async () => {},
  }
}
