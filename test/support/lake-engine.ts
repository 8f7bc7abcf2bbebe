import { join } from 'node:path'
import { DuckDBInstance, type Json } from '@duckdb/node-api'
import { quoteIdentifier, quoteLiteral } from '../../src/base/sql-text.ts'
import type {
  ColumnStatistics,
  CopiedFile,
  CopyFormat,
  Engine,
  EngineStatement,
  FieldIds,
} from '../../src/engine/engine.ts'

/**
 * The engine in the test's own process, as far as the lake uses it: Parquet files with statistics, and rows as
 * `jsonRows`. A statement reads exactly the files it was given, as in a child.
 */
export function inProcessEngine(): Engine {
  return {
    open: async (statement, { columns }) => {
      const names = columns.map((column) => quoteIdentifier(column.name))
      const sql = `SELECT json_array(${names.join(', ')})::VARCHAR AS line FROM (${statement.sql}) AS t(${names.join(', ')})`
      const rows = await run({ ...statement, sql })
      const bytes = Buffer.from(rows.map((row) => `${textOf(row['line'])}\n`).join(''))
      return {
        pull: async () => ({ bytes, rowCount: rows.length, state: 'done' }),
        [Symbol.asyncDispose]: async () => {},
      }
    },
    copy: async (statement, { folder, format }) => {
      if (format.kind !== 'parquet') throw new Error('The lake writes Parquet.')
      const sql = copySql(statement.sql, folder, format)
      const files = (await run({ ...statement, sql }, folder)).map((row) => copiedFile(row))
      return { rowCount: files.reduce((sum, file) => sum + file.rowCount, 0), files }
    },
    describe: () => Promise.reject(new Error('The lake asks for no description.')),
    status: () => ({ children: [], restarts: 0 }),
    killChildren: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}

async function run(statement: EngineStatement, folder?: string): Promise<Record<string, Json>[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  const connection = await instance.connect()
  const list = (paths: readonly string[]): string => `[${paths.map(quoteLiteral).join(', ')}]`
  const folders = folder === undefined ? [] : [folder]
  try {
    await connection.run(`
      SET TimeZone = 'UTC';
      SET allowed_paths = ${list([...statement.files, ...folders])};
      SET allowed_directories = ${list(folders)};
      SET enable_external_access = false;
    `)
    return (await connection.runAndReadAll(statement.sql)).getRowObjectsJson()
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function copySql(sql: string, folder: string, format: Extract<CopyFormat, { kind: 'parquet' }>): string {
  const { partitionBy = [], orderBy = [], fieldIds = {} } = format
  const extra = partitionBy.map(({ name, expression }) => `, ${expression} AS ${quoteIdentifier(name)}`)
  const order = orderBy.length > 0 ? ` ORDER BY ${orderBy.join(', ')}` : ''
  const partition = partitionBy.map(({ name }) => quoteIdentifier(name)).join(', ')
  const options = [
    'FORMAT parquet',
    'COMPRESSION zstd',
    'RETURN_STATS true',
    `FIELD_IDS ${idsSql(fieldIds)}`,
    ...(partition === '' ? [] : [`PARTITION_BY (${partition})`, "FILENAME_PATTERN '{uuidv7}'"]),
  ]
  const target = partition === '' ? join(folder, 'rows.parquet') : folder
  return `COPY (SELECT *${extra.join('')} FROM (${sql}) AS s${order}) TO ${quoteLiteral(target)} (${options.join(', ')})`
}

function idsSql(ids: FieldIds, own?: number): string {
  const fields = Object.entries(ids).map(
    ([name, { id, fields }]) => `${quoteIdentifier(name)}: ${fields ? idsSql(fields, id) : id}`,
  )
  return `{${[...(own === undefined ? [] : [`__duckdb_field_id: ${own}`]), ...fields].join(', ')}}`
}

type Pairs = readonly { readonly key: string; readonly value: Json }[]

const textOf = (value: Json | undefined): string =>
  typeof value === 'string' ? value : JSON.stringify(value)

function copiedFile(row: Record<string, Json>): CopiedFile {
  const partition = (row['partition_keys'] ?? []) as unknown as Pairs
  const statistics = row['column_statistics'] as unknown as Pairs
  return {
    path: textOf(row['filename']),
    rowCount: Number(row['count']),
    bytes: Number(row['file_size_bytes']),
    partition: Object.fromEntries(
      partition.map(({ key, value }) => [key, value === null || value === 'NULL' ? null : textOf(value)]),
    ),
    statistics: Object.fromEntries(
      statistics.map(({ key, value }) => [key, columnStatistics(value as unknown as Pairs)]),
    ),
  }
}

function columnStatistics(pairs: Pairs): ColumnStatistics {
  const given = new Map(pairs.map(({ key, value }) => [key, textOf(value)]))
  const [min, max, nulls] = [given.get('min'), given.get('max'), given.get('null_count')]
  return {
    columnBytes: Number(given.get('column_size_bytes') ?? 0),
    valueCount: Number(given.get('num_values') ?? 0),
    ...(nulls === undefined ? {} : { nullCount: Number(nulls) }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    hasNan: given.get('has_nan') === 'true',
  }
}
