import type { ColumnStatistics, CopiedFile, CopyResult } from '../engine.ts'
import type { TextFile } from './protocol.ts'

/** A file as DuckDB's RETURN_STATS tells of it, as JSON: maps are lists of pairs, integers may be texts. Keys are ours. */
export interface StatsRow {
  readonly filename: string
  readonly count: string | number
  readonly file_size_bytes: string | number
  readonly column_statistics: Pairs<Pairs<string | null>> | null
  readonly partition_keys: Pairs<string | null> | null
}

type Pairs<T> = readonly { readonly key: string; readonly value: T }[]

/** Files without rows are left out. */
export function parquetCopied(rows: readonly StatsRow[]): CopyResult {
  return copied(
    rows.map((row) => ({
      path: row.filename,
      rowCount: Number(row.count),
      bytes: Number(row.file_size_bytes),
      partition: Object.fromEntries((row.partition_keys ?? []).map(({ key, value }) => [key, value])),
      statistics: Object.fromEntries(
        (row.column_statistics ?? []).map(({ key, value }) => [key, columnStatistics(value)]),
      ),
    })),
  )
}

export function textCopied(files: readonly TextFile[]): CopyResult {
  return copied(files.map((file) => ({ ...file, partition: {}, statistics: {} })))
}

function copied(files: readonly CopiedFile[]): CopyResult {
  const filled = files.filter((file) => file.rowCount > 0)
  return { rowCount: filled.reduce((sum, file) => sum + file.rowCount, 0), files: filled }
}

function columnStatistics(pairs: Pairs<string | null>): ColumnStatistics {
  const given = new Map(pairs.map(({ key, value }) => [key, value ?? undefined]))
  const count = (key: string): number | undefined => {
    const text = given.get(key)
    return text === undefined ? undefined : Number(text)
  }
  const statistics = {
    columnBytes: count('column_size_bytes'),
    valueCount: count('num_values'),
    nullCount: count('null_count'),
    min: given.get('min'),
    max: given.get('max'),
    hasNan: given.has('has_nan') ? given.get('has_nan') === 'true' : undefined,
  }
  return Object.fromEntries(
    Object.entries(statistics).filter(([, value]) => value !== undefined),
  ) as ColumnStatistics
}
