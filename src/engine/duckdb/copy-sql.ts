import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { CopyFormat, FieldIds } from '../engine.ts'

export type ParquetFormat = Extract<CopyFormat, { kind: 'parquet' }>

/** A query's rows, each with the keys of its part, in the order of the files: part by part. */
export function sortedSql(sql: string, { partitionBy = [], orderBy = [] }: ParquetFormat): string {
  const keys = partitionBy.map(({ name, expression }) => `, ${expression} AS ${quoteIdentifier(name)}`)
  const order = [...partitionBy.map(({ name }) => quoteIdentifier(name)), ...orderBy]
  const ordered = order.length > 0 ? ` ORDER BY ${order.join(', ')}` : ''
  return `SELECT *${keys.join('')} FROM (${sql}\n) AS query${ordered}`
}

/** What the files have of sorted rows: the format's columns, or all but the keys of parts. */
export function filedSql(from: string, { columns, partitionBy = [] }: ParquetFormat): string {
  const keys = partitionBy.map(({ name }) => quoteIdentifier(name))
  const items = columns ?? [keys.length > 0 ? `* EXCLUDE (${keys.join(', ')})` : '*']
  return `SELECT ${items.join(', ')} FROM ${from}`
}

/**
 * The engine's own level is 3. With this one a million events take a quarter less time to write and are as many bytes, real
 * ones (of Google Analytics) 4 % more, prose 14 %.
 */
const zstdLevel = 1

/** DuckDB's COPY of a query to Parquet; its rows tell of the files. @param target a file, or a folder when `isSplit` by size */
export function copySql(
  sql: string,
  target: string,
  { compression, fieldIds, fileBytesMax = 0, groupRowsMax }: ParquetFormat,
  { isSplit = false } = {},
): string {
  const options = [
    'FORMAT parquet',
    `COMPRESSION ${compression === 'none' ? 'uncompressed' : compression}`,
    ...(compression === 'zstd' ? [`COMPRESSION_LEVEL ${zstdLevel}`] : []),
    'RETURN_STATS true',
    ...(groupRowsMax === undefined ? [] : [`ROW_GROUP_SIZE ${groupRowsMax}`]),
    ...(fieldIds ? [`FIELD_IDS ${fieldIdsSql(fieldIds)}`] : []),
    ...(isSplit
      ? [`FILE_SIZE_BYTES ${Math.max(1, Math.floor(fileBytesMax))}`, "FILENAME_PATTERN '{uuidv7}'"]
      : []),
  ]
  return `COPY (${sql}) TO ${quoteLiteral(target)} (${options.join(', ')})`
}

function fieldIdsSql(ids: FieldIds, own?: number): string {
  const fields = Object.entries(ids).map(
    ([name, { id, fields }]) => `${quoteIdentifier(name)}: ${fields ? fieldIdsSql(fields, id) : id}`,
  )
  return `{${[...(own === undefined ? [] : [`__duckdb_field_id: ${own}`]), ...fields].join(', ')}}`
}
