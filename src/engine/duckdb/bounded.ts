import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { quoteIdentifier } from '#base/sql-text.ts'
import { boundsSql } from './bounds-sql.ts'

/** An instance that can reach certain files only, before anybody's statement runs in it. */
export interface Bounded {
  readonly instance: DuckDBInstance
  readonly connection: DuckDBConnection
}

export async function bounded(
  instance: DuckDBInstance,
  { files, bytesMax }: { readonly files: readonly string[]; readonly bytesMax: number },
): Promise<Bounded> {
  const connection = await instance.connect()
  await connection.run(boundsSql(files, { memoryBytes: bytesMax, spillBytes: 0 }))
  return { instance, connection }
}

/** Of a value that more rows have the engine finds them sooner in the files, whose texts are in dictionaries. */
const rowsOfKeyMax = 1_000

/** Whether a value of the column is that of few rows: so many on average. */
export async function isKey({ connection }: Bounded, whole: string, column: string): Promise<boolean> {
  const sql = `SELECT count(*) <= ${rowsOfKeyMax} * approx_count_distinct(${quoteIdentifier(column)}) FROM ${whole} AS "whole"`
  const answer = await connection.runAndReadAll(sql)
  return answer.getRows()[0]?.[0] === true
}
