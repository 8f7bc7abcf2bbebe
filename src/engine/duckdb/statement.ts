import type { DuckDBPreparedStatement } from '@duckdb/node-api'
import { ResultReturnType, StatementType } from '@duckdb/node-api'
import { AppError } from '#base/errors.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { Encoding } from '#encode/encoding.ts'
import { isPrinted } from '#encode/printed.ts'
import type { Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { EncodedRows } from '../encoded-rows.ts'
import { conforms, nearestType } from './engine-types.ts'
import { NotAQuery } from './failure.ts'
import type { Sandbox } from './instances.ts'
import { doubleSql } from './plain-sql.ts'
import { batchReader } from './values.ts'

type Connected = Pick<Sandbox, 'connection'>

interface Query {
  readonly sql: string
  readonly encoding: Encoding
  /** As they are to be encoded; absent: as the engine has them. */
  readonly columns?: readonly Field[]
}

/** One query in its sandbox, its rows encoded. They are fetched from DuckDB only when pulled. */
export async function openStatement({ connection }: Connected, query: Query): Promise<EncodedRows> {
  const { sql, encoding, columns } = query
  const isText = columns?.map(({ type }, index) => type.kind === 'double' && isPrinted(encoding, index)) ?? []
  const prepared = columns && (await preparePrinted(connection, { sql, columns, isText }))
  return prepared
    ? await encodedRows(connection, query, { prepared, wanted: columns })
    : await openShort({ connection }, query)
}

/** The same for few rows, which are printed before the engine has planned to print them (0.8 ms for each double column). */
export async function openShort({ connection }: Connected, query: Query): Promise<EncodedRows> {
  return await encodedRows(connection, query, await prepareConforming(connection, query.sql, query.columns))
}

async function encodedRows(
  connection: Sandbox['connection'],
  { sql, encoding }: Query,
  { prepared, wanted }: { readonly prepared: DuckDBPreparedStatement; readonly wanted: readonly Field[] },
): Promise<EncodedRows> {
  try {
    const result = await prepared.stream()
    const read = batchReader(wanted, result.columnTypes())
    return new EncodedRows(encoding, wanted, async () => {
      const chunk = await result.fetchChunk()
      if (chunk && chunk.rowCount > 0) return read(chunk)
      if (result.returnType === ResultReturnType.INVALID) throw await reasonOf(connection, sql)
      return undefined
    })
  } finally {
    prepared.destroySync()
  }
}

/**
 * Why a query failed after its first rows. The engine gives such a failure as the end of the rows and keeps the reason to
 * itself, so the query is asked for one value of all its rows, which fails as a whole.
 */
async function reasonOf(connection: Sandbox['connection'], sql: string): Promise<unknown> {
  try {
    const parsed = await connection.extractStatements(sql)
    // Else it could end the parentheses that are put around it.
    if (parsed.count === 1) await connection.run(`SELECT bit_xor(hash(row)) FROM (${sql}\n) AS row`)
  } catch (error) {
    return error
  }
  return new AppError('query.failed', 'The statement failed before all of its rows were there.', {
    hint: 'Run it again: what failed did not fail the second time.',
  })
}

/** A query with columns of types of ours, and what they are; nothing is read. */
export async function conformingQuery(
  connection: Sandbox['connection'],
  sql: string,
): Promise<{ readonly sql: string; readonly columns: readonly Field[] }> {
  const prepared = await prepareQuery(connection, sql)
  try {
    const columns = columnsOf(prepared)
    return { sql: castSql(sql, columns, prepared) ?? sql, columns }
  } finally {
    prepared.destroySync()
  }
}

/** The columns of a query; nothing is read. */
export async function describeQuery(
  { connection }: Pick<Sandbox, 'connection'>,
  sql: string,
): Promise<Field[]> {
  const prepared = await prepareQuery(connection, sql)
  try {
    return columnsOf(prepared)
  } finally {
    prepared.destroySync()
  }
}

/**
 * The query with some of its doubles as texts: all threads of the engine print them sooner than the one that encodes.
 * Undefined: there are none, or something is not as it is wanted and takes another way.
 */
async function preparePrinted(
  connection: Sandbox['connection'],
  {
    sql,
    columns,
    isText,
  }: { readonly sql: string; readonly columns: readonly Field[]; readonly isText: readonly boolean[] },
): Promise<DuckDBPreparedStatement | undefined> {
  if (!isText.includes(true)) return undefined
  // What is one statement by itself cannot end the parentheses that are put around it.
  const parsed = await connection.extractStatements(sql).catch(() => undefined)
  if (parsed?.count !== 1) return undefined
  const text = aroundSql(sql, columns, (name, index) =>
    isText[index] ? doubleSql(`CAST(${name} AS DOUBLE)`) : name,
  )
  const prepared = await connection.prepare(text).catch(() => undefined)
  const isWanted =
    prepared?.columnCount === columns.length &&
    columns.every(({ type }, index) => isText[index] || conforms(type, prepared.columnType(index)))
  if (isWanted) return prepared
  prepared?.destroySync()
  return undefined
}

async function prepareConforming(
  connection: Sandbox['connection'],
  sql: string,
  columns: readonly Field[] | undefined,
): Promise<{ readonly prepared: DuckDBPreparedStatement; readonly wanted: readonly Field[] }> {
  const prepared = await prepareQuery(connection, sql)
  const wanted = columns ?? columnsOf(prepared)
  const cast = castSql(sql, wanted, prepared)
  if (cast === undefined) return { prepared, wanted }
  prepared.destroySync()
  return { prepared: await prepareQuery(connection, cast), wanted }
}

/** @throws when the text is not one query */
async function prepareQuery(
  connection: Sandbox['connection'],
  sql: string,
): Promise<DuckDBPreparedStatement> {
  const prepared = await connection.prepare(sql)
  if (prepared.statementType === StatementType.SELECT) return prepared
  prepared.destroySync()
  throw new NotAQuery()
}

function columnsOf(prepared: DuckDBPreparedStatement): Field[] {
  return Array.from({ length: prepared.columnCount }, (_, index) => ({
    name: prepared.columnName(index),
    type: nearestType(prepared.columnType(index)),
  }))
}

/** The query with a conversion around it, if any column's type is not the wanted one. */
function castSql(
  sql: string,
  columns: readonly Field[],
  prepared: DuckDBPreparedStatement,
): string | undefined {
  const casts = columns.map(
    ({ type }, index) => !conforms(type, prepared.columnType(index)) && duckdbType(type),
  )
  if (!casts.some(Boolean)) return undefined
  return aroundSql(sql, columns, (name, index) => {
    const type = casts[index]
    return type ? `CAST(${name} AS ${type})` : name
  })
}

/** A query that makes something of each column of another. */
function aroundSql(
  sql: string,
  columns: readonly Field[],
  itemOf: (name: string, index: number) => string,
): string {
  const names = columns.map((_, index) => quoteIdentifier(`column ${index}`))
  return `SELECT ${names.map(itemOf).join(', ')} FROM (${sql}\n) AS query(${names.join(', ')})`
}
