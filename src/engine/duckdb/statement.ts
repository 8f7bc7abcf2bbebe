import type { DuckDBPreparedStatement } from '@duckdb/node-api'
import { StatementType } from '@duckdb/node-api'
import { quoteIdentifier } from '#base/sql-text.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { EncodedRows } from '../encoded-rows.ts'
import { conforms, nearestType } from './engine-types.ts'
import { NotAQuery } from './failure.ts'
import type { Sandbox } from './instances.ts'
import { batchReader } from './values.ts'

/** One query in its sandbox, its rows encoded. They are fetched from DuckDB only when pulled. */
export async function openStatement(
  { connection }: Sandbox,
  {
    sql,
    encoding,
    columns,
  }: {
    readonly sql: string
    readonly encoding: Encoding
    /** As they are to be encoded; absent: as the engine has them. */
    readonly columns?: readonly Field[]
  },
): Promise<EncodedRows> {
  let prepared = await prepareQuery(connection, sql)
  try {
    const wanted = columns ?? columnsOf(prepared)
    const cast = castSql(sql, wanted, prepared)
    if (cast !== undefined) {
      prepared.destroySync()
      prepared = await prepareQuery(connection, cast)
    }
    const result = await prepared.stream()
    const read = batchReader(wanted, result.columnTypes())
    return new EncodedRows(encoding, wanted, async () => {
      const chunk = await result.fetchChunk()
      return chunk && chunk.rowCount > 0 ? read(chunk) : undefined
    })
  } finally {
    prepared.destroySync()
  }
}

/** The columns of a query; nothing is read. */
export async function describeQuery({ connection }: Sandbox, sql: string): Promise<Field[]> {
  const prepared = await prepareQuery(connection, sql)
  try {
    return columnsOf(prepared)
  } finally {
    prepared.destroySync()
  }
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
  const names = columns.map((_, index) => quoteIdentifier(`column ${index}`))
  const items = casts.map((type, index) =>
    type === false ? names[index] : `CAST(${names[index]} AS ${type})`,
  )
  return `SELECT ${items.join(', ')} FROM (${sql}\n) AS query(${names.join(', ')})`
}
