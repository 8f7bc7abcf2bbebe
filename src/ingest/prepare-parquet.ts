import type { Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { shownValue } from '#base/shown-text.ts'
import { type DataType, type Field, longType, stringType } from '#types/data-type.ts'
import { requiredCheck } from '#datasets/row-checks.ts'
import { type Check, judgeRows, recordSql, schemaChecks, verdictSql } from './checks.ts'
import { hasCode, ingestCodes, invalidFile } from './ingest-failure.ts'
import { conversion, matchedFields, nullOf } from './parquet-conversion.ts'
import { withNullColumns } from './parquet-null-columns.ts'
import type { PreparedSource } from './prepare-text.ts'
import type { TableSchema } from './table-schema.ts'
import { Unreadable } from './records.ts'
import type { RejectLog } from './rejects.ts'
import type { SourceFile } from './source-text.ts'
import { unreadable } from './read-records.ts'

interface EngineUse {
  readonly engine: Engine
  readonly signal: AbortSignal
}

interface ParquetOptions extends EngineUse {
  readonly table: TableSchema
  readonly rejects: RejectLog
  /** Of files with the same columns no more rows than these are looked at, the first ones. */
  readonly rowCountMax?: number
}

/** Files with the same columns. */
interface Group {
  readonly columns: readonly Field[]
  readonly files: SourceFile[]
}

/**
 * The statement that reads Parquet files as the table's columns. Rows are looked at beforehand only when a column's type
 * or a required field asks for it.
 * @throws AppError 'ingest.invalid'
 */
export async function prepareParquet(
  files: readonly SourceFile[],
  options: ParquetOptions,
): Promise<PreparedSource> {
  const sources: { sql: string; rowCount: number }[] = []
  for (const group of await groupsOf(files, options)) {
    sources.push(await prepareGroup(group, options))
  }
  return {
    sql: sources.map(({ sql }) => sql).join('\nUNION ALL\n'),
    files: files.map(({ path }) => path),
    rowCount: sources.reduce((sum, source) => sum + source.rowCount, 0),
  }
}

/** @throws AppError 'ingest.invalid' */
export async function describeParquet(
  file: SourceFile,
  { engine, signal }: EngineUse,
): Promise<readonly Field[]> {
  try {
    const sql = `SELECT * FROM ${scan([file])}`
    const columns = await engine.describe({ sql, files: [file.path], pool: 'batch' }, { signal })
    await requireReadDecimals(file, columns, { engine, signal })
    return columns
  } catch (error) {
    throw notParquet(file, error)
  }
}

/** Wider decimals the engine takes for doubles, and reads other numbers than were written. */
const precisionMax = 38

/** @throws AppError 'ingest.invalid' */
async function requireReadDecimals(
  file: SourceFile,
  columns: readonly Field[],
  { engine, signal }: EngineUse,
): Promise<void> {
  if (!columns.some(({ type }) => hasKind(type, 'double'))) return
  const wide = await smallResult(
    engine,
    {
      sql: `SELECT name, precision FROM parquet_schema(${quoteLiteral(file.path)}) WHERE precision > ${precisionMax} LIMIT 1`,
      files: [file.path],
      pool: 'batch',
    },
    {
      columns: [
        { name: 'name', type: stringType },
        { name: 'precision', type: longType },
      ],
      signal,
    },
  )
  for (const [name, precision] of wide) {
    throw invalidFile(
      file.fileName,
      `has a column ${shownValue(String(name))} of decimals of ${String(precision)} digits: ${precisionMax} are read at most`,
    )
  }
}

function hasKind(type: DataType, kind: DataType['kind']): boolean {
  switch (type.kind) {
    case 'struct':
      return type.fields.some((field) => hasKind(field.type, kind))
    case 'array':
      return hasKind(type.element, kind)
    case 'map':
      return hasKind(type.key, kind) || hasKind(type.value, kind)
    default:
      return type.kind === kind
  }
}

/** Finds the file that cannot be read, after a statement over all of them failed. */
export async function explainParquetFailure(
  files: readonly SourceFile[],
  failure: unknown,
  { engine, signal }: EngineUse,
): Promise<unknown> {
  if (!hasCode(failure, 'query.failed', 'lake.corrupt')) return failure
  for (const file of files) {
    const sql = `SELECT count(hash(COLUMNS(*))) FROM ${scan([file])}`
    try {
      const columns = (await describeParquet(file, { engine, signal })).map((_, index) => ({
        name: `c${index}`,
        type: longType,
      }))
      await smallResult(engine, { sql, files: [file.path], pool: 'batch' }, { columns, signal })
    } catch (error) {
      return notParquet(file, error)
    }
  }
  return failure
}

function notParquet(file: SourceFile, error: unknown): unknown {
  if (!hasCode(error, 'query.failed', 'lake.corrupt')) return error
  return invalidFile(file.fileName, 'cannot be read as a Parquet file: it is torn or something else', {
    hint: `The reader says: ${error.message}`,
    cause: error,
  })
}

async function groupsOf(files: readonly SourceFile[], options: ParquetOptions): Promise<readonly Group[]> {
  const groups = new Map<string, Group>()
  for (const file of files) {
    const described = await describeParquet(file, options)
    const columns = fits(described, options.table)
      ? described
      : await withNullColumns(described, file.path, options)
    const key = JSON.stringify(columns)
    const group = groups.get(key)
    if (group) group.files.push(file)
    else groups.set(key, { columns, files: [file] })
  }
  return [...groups.values()]
}

function fits(columns: readonly Field[], table: TableSchema): boolean {
  try {
    plan({ columns, files: [] }, table)
    return true
  } catch (error) {
    if (error instanceof Unreadable) return false
    throw error
  }
}

async function prepareGroup(
  group: Group,
  options: ParquetOptions,
): Promise<{ sql: string; rowCount: number }> {
  const { engine, signal, table, rejects, rowCountMax } = options
  const { items, checks } = plan(group, table)
  const rows = (scanned: string) =>
    rowCountMax === undefined ? `FROM ${scanned}` : `FROM (FROM ${scanned} LIMIT ${rowCountMax}) AS source`
  const from = rows(scan(group.files))
  const statement = (sql: string) => ({
    sql,
    files: group.files.map(({ path }) => path),
    pool: 'batch' as const,
  })
  try {
    if (checks.length === 0) {
      const sql = `SELECT count(*) AS n ${from}`
      const columns = [{ name: 'n', type: longType }]
      const [row] = await smallResult(engine, statement(sql), { columns, signal })
      return { sql: `SELECT ${items.join(', ')} ${from}`, rowCount: Number(row?.[0]) }
    }
    const { files } = group
    const order = `list_position([${files.map(({ path }) => quoteLiteral(path)).join(', ')}], filename)`
    const rowCount = await judgeRows(
      {
        from,
        places: {
          from: rows(scan(files, ', filename = true, file_row_number = true')),
          file: order,
          row: 'file_row_number + 1',
          record: recordSql(group.columns.map(({ name }) => name)),
        },
        fileNames: files.map(({ fileName }) => fileName),
        paths: files.map(({ path }) => path),
      },
      { checks, rejects, engine, signal },
    )
    return { sql: `SELECT ${items.join(', ')} ${from} WHERE ${verdictSql(checks)} = -1`, rowCount }
  } catch (error) {
    throw await explainParquetFailure(group.files, error, options)
  }
}

/** The items of the select list, and what each row must not be. @throws AppError 'ingest.invalid' */
function plan(group: Group, table: TableSchema): { items: string[]; checks: Check[] } {
  const { columns, required } = table
  const [first] = group.files
  const checks: Check[] = []
  try {
    const sources = matchedFields(group.columns, columns.fields)
    const sqlByName = new Map<string, string>()
    const items = columns.fields.map((field, index) => {
      const source = sources[index]
      const converted = source
        ? conversion(`source.${quoteIdentifier(source.name)}`, source.type, field.type, field.name)
        : { sql: nullOf(field.type) }
      if ('misfit' in converted && converted.misfit !== undefined) {
        checks.push({
          sql: `(${converted.misfit})`,
          code: ingestCodes.corruptRow,
          reason: `the field ${shownValue(field.name)} holds a value that its type in the dataset cannot hold`,
        })
      }
      for (const path of required) {
        if (path[0] === field.name) {
          checks.push({ ...requiredCheck(converted.sql, path), code: ingestCodes.requiredMissing })
        }
      }
      sqlByName.set(field.name, converted.sql)
      return `${converted.sql} AS ${quoteIdentifier(field.name)}`
    })
    checks.push(...schemaChecks(table, (name) => sqlByName.get(name) ?? 'NULL'))
    return { items, checks }
  } catch (error) {
    throw error instanceof Unreadable && first ? unreadable(first, error) : error
  }
}

function scan(files: readonly SourceFile[], options = ''): string {
  const paths = files.map(({ path }) => quoteLiteral(path)).join(', ')
  return `read_parquet([${paths}], hive_partitioning = false${options}) AS source`
}
