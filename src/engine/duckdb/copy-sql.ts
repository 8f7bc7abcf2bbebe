import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { CopyFormat, FieldIds } from '../engine.ts'

type ParquetFormat = Extract<CopyFormat, { kind: 'parquet' }>

/** DuckDB's COPY of a query to Parquet files in a folder; its rows tell of the files. */
export function copySql(sql: string, folder: string, format: ParquetFormat): string {
  const {
    partitionBy = [],
    orderBy = [],
    columns,
    fieldIds,
    compression,
    fileBytesMax,
    groupRowsMax,
  } = format
  const partitions = partitionBy.map(({ name }) => quoteIdentifier(name))
  const keys = partitionBy.map(({ expression }, index) => `, ${expression} AS ${partitions[index]}`)
  const order = orderBy.length > 0 ? ` ORDER BY ${orderBy.join(', ')}` : ''
  const isPartitioned = partitionBy.length > 0
  const isSplit = !isPartitioned && fileBytesMax !== undefined
  const options = [
    'FORMAT parquet',
    `COMPRESSION ${compression === 'none' ? 'uncompressed' : compression}`,
    'RETURN_STATS true',
    ...(groupRowsMax === undefined ? [] : [`ROW_GROUP_SIZE ${groupRowsMax}`]),
    ...(fieldIds ? [`FIELD_IDS ${fieldIdsSql(fieldIds)}`] : []),
    ...(isPartitioned ? [`PARTITION_BY (${partitions.join(', ')})`] : []),
    // DuckDB refuses to split by both.
    ...(isSplit ? [`FILE_SIZE_BYTES ${Math.max(1, Math.floor(fileBytesMax))}`] : []),
    ...(isPartitioned || isSplit ? ["FILENAME_PATTERN '{uuidv7}'"] : []),
  ]
  const target = isPartitioned || isSplit ? folder : join(folder, `${randomUUID()}.parquet`)
  const sorted = `SELECT *${keys.join('')} FROM (${sql}\n) AS query${order}`
  const items = columns && [...columns, ...partitions].join(', ')
  const rows = items === undefined ? sorted : `SELECT ${items} FROM (${sorted}) AS sorted`
  return `COPY (${rows}) TO ${quoteLiteral(target)} (${options.join(', ')})`
}

function fieldIdsSql(ids: FieldIds, own?: number): string {
  const fields = Object.entries(ids).map(
    ([name, { id, fields }]) => `${quoteIdentifier(name)}: ${fields ? fieldIdsSql(fields, id) : id}`,
  )
  return `{${[...(own === undefined ? [] : [`__duckdb_field_id: ${own}`]), ...fields].join(', ')}}`
}
