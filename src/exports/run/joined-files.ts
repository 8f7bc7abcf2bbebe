import { stat } from 'node:fs/promises'
import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { CopiedFile, ColumnStatistics, Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import { type DataType, type Field, stringType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'

interface JoinedFile {
  readonly path: string
  /** Of the row groups that it was made of. */
  readonly rowCount: number
  readonly columns: readonly Field[]
  readonly signal: AbortSignal
}

/**
 * Has the engine decode every value of a file that it did not write, and tells of it what the engine tells of its own.
 * @throws AppError 'export.counts', and as the engine for what it cannot decode
 */
export async function readJoined(engine: Engine, file: JoinedFile): Promise<CopiedFile> {
  const { path, rowCount, columns } = file
  const values = columns.map(({ name }) => quoteIdentifier(name)).join(', ')
  const [counts] = await texts(engine, file, {
    // A hash is nothing that anybody compares: it needs each value.
    sql: `SELECT CAST(count(*) AS VARCHAR), CAST(bit_xor(hash(${values})) AS VARCHAR) FROM read_parquet(${quoteLiteral(path)}, hive_partitioning = false)`,
    columnCount: 2,
  })
  if (Number(counts?.[0]) !== rowCount)
    throw new AppError('export.counts', `${rowCount} rows were joined and ${counts?.[0]} are in the file.`)
  const { size } = await stat(path)
  return { path, rowCount, bytes: size, partition: {}, statistics: await statisticsOf(engine, file) }
}

/** Of the footer: what row groups say of their leaves. Where one of them says not enough, nothing is said of the file. */
async function statisticsOf(engine: Engine, file: JoinedFile): Promise<CopiedFile['statistics']> {
  const leaves = file.columns.flatMap(({ name, type }) => leavesOf(quoteIdentifier(name), type))
  const byType = Map.groupBy(leaves.entries(), ([, { type }]) => duckdbType(type))
  const parts = [...byType].map(([type, own]) => {
    return `SELECT CAST(column_id AS VARCHAR), CAST(sum(stats_null_count) AS VARCHAR),
      ${printed(`min(CAST(stats_min_value AS ${type}))`, type)}, ${printed(`max(CAST(stats_max_value AS ${type}))`, type)},
      CAST(bool_and(coalesce(num_values = stats_null_count, false) OR stats_min_value IS NOT NULL) AS VARCHAR),
      CAST(bool_and(coalesce(num_values = stats_null_count, false) OR stats_max_value IS NOT NULL) AS VARCHAR),
      CAST(count(stats_null_count) = count(*) AS VARCHAR)
      FROM groups WHERE column_id IN (${own.map(([leaf]) => leaf).join(', ')}) GROUP BY column_id`
  })
  const rows = await texts(engine, file, {
    sql: `WITH groups AS MATERIALIZED (SELECT * FROM parquet_metadata(${quoteLiteral(file.path)})) ${parts.join(' UNION ALL ')}`,
    columnCount: 7,
  })
  return Object.fromEntries(
    rows.map(([leaf, nullCount, min, max, hasMin, hasMax, hasNullCount]) => [
      must(leaves[Number(leaf)], `leaf ${leaf} is one of a column`).key,
      {
        ...(hasMin === 'true' && min !== null ? { min } : {}),
        ...(hasMax === 'true' && max !== null ? { max } : {}),
        ...(hasNullCount === 'true' ? { nullCount: Number(nullCount) } : {}),
      } satisfies ColumnStatistics,
    ]),
  )
}

/** In the order of the file, named as the engine names them in what it tells of its own files. */
function leavesOf(key: string, type: DataType): readonly { readonly key: string; readonly type: DataType }[] {
  switch (type.kind) {
    case 'struct':
      return type.fields.flatMap((field) => leavesOf(`${key}.${quoteIdentifier(field.name)}`, field.type))
    case 'array':
      return leavesOf(`${key}."element"`, type.element)
    case 'map':
      return [...leavesOf(`${key}."key"`, type.key), ...leavesOf(`${key}."value"`, type.value)]
    default:
      return [{ key, type }]
  }
}

/** As the engine prints the bounds of what it writes. */
function printed(bound: string, type: string): string {
  if (type === 'BLOB') return `hex(${bound})`
  return type === 'BOOLEAN' ? `CAST(CAST(${bound} AS TINYINT) AS VARCHAR)` : `CAST(${bound} AS VARCHAR)`
}

async function texts(
  engine: Engine,
  { path, signal }: Pick<JoinedFile, 'path' | 'signal'>,
  { sql, columnCount }: { readonly sql: string; readonly columnCount: number },
): Promise<readonly (readonly (string | null)[])[]> {
  const columns = Array.from({ length: columnCount }, (_, index): Field => ({
    name: `c${index}`,
    type: stringType,
  }))
  const rows = await smallResult(engine, { sql, files: [path], pool: 'batch' }, { columns, signal })
  return rows as readonly (readonly (string | null)[])[]
}
