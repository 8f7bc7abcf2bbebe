import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { someAtOnce } from '#base/some-at-once.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { StatsRow } from './copied-files.ts'
import { copySql, filedSql, type ParquetFormat, sortedSql } from './copy-sql.ts'
import { NotAQuery } from './failure.ts'
import type { Sandbox } from './instances.ts'
import { runToEnd } from './run-to-end.ts'

type CopySandbox = Pick<Sandbox, 'connection' | 'connect' | 'threads'>

interface ParquetCopy {
  readonly sql: string
  readonly folder: string
  readonly format: ParquetFormat
  /** Told of rows that have been read, where the engine does not tell. */
  readonly onRows: (rowCount: number) => void
}

/** Writes a query's rows as Parquet files. */
export async function copyParquet(sandbox: CopySandbox, copy: ParquetCopy): Promise<readonly StatsRow[]> {
  const { sql, folder, format } = copy
  // What is one statement by itself cannot end the parentheses that are put around it.
  if ((await sandbox.connection.extractStatements(sql)).count !== 1) throw new NotAQuery()
  if (format.partitionBy) return await copyParts(sandbox, copy)
  const rows = filedSql(`(${sortedSql(sql, format)}) AS sorted`, format)
  const isSplit = format.fileBytesMax !== undefined
  const target = isSplit ? folder : join(folder, newFileName())
  return await copyRows(sandbox.connection, copySql(rows, target, format, { isSplit }))
}

const sortedTable = 'sorted'

/**
 * The rows are sorted into a table, which spills as a sort does, and parts of it are written at the same time: what the
 * engine itself writes into parts is either not sorted or written by one thread.
 */
async function copyParts(
  sandbox: CopySandbox,
  { sql, folder, format, onRows }: ParquetCopy,
): Promise<readonly StatsRow[]> {
  const made = await runToEnd(sandbox.connection, `CREATE TABLE ${sortedTable} AS ${sortedSql(sql, format)}`)
  onRows(made.rowsChanged)
  const names = format.partitionBy?.map(({ name }) => name) ?? []
  const texts = names.map((name) => `CAST(${quoteIdentifier(name)} AS VARCHAR)`)
  // Values are told apart before they are printed: as texts, of each row, that takes several times as long.
  const found = await runToEnd(
    sandbox.connection,
    `SELECT ${texts.join(', ')} FROM (SELECT DISTINCT ${names.map(quoteIdentifier).join(', ')} FROM ${sortedTable}) ORDER BY ALL`,
  )
  const copied: StatsRow[] = []
  // While one is begun or ends, another has something to do.
  await someAtOnce(await found.getRowsJson(), sandbox.threads + 1, async (row) => {
    const keys = names.map((key, index) => ({ key, value: row[index] as string | null }))
    const rows = filedSql(`${sortedTable} WHERE ${keys.map(keySql).join(' AND ')}`, format)
    using part = await sandbox.connect()
    const files = await copyRows(part.connection, copySql(rows, join(folder, newFileName()), format))
    copied.push(...files.map((file) => ({ ...file, partition_keys: keys })))
  })
  return copied
}

async function copyRows(connection: Sandbox['connection'], sql: string): Promise<readonly StatsRow[]> {
  return (await (await runToEnd(connection, sql)).getRowObjectsJson()) as unknown as StatsRow[]
}

function newFileName(): string {
  return `${randomUUID()}.parquet`
}

interface Key {
  readonly key: string
  readonly value: string | null
}

function keySql({ key, value }: Key): string {
  const name = quoteIdentifier(key)
  return value === null ? `${name} IS NULL` : `${name} = ${quoteLiteral(value)}`
}
