import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { quoteLiteral } from '../../src/base/sql-text.ts'

/** A statement's rows as a Parquet file. */
export async function parquetBytes(sql: string): Promise<Buffer<ArrayBuffer>> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-parquet-'))
  const path = join(folder, 'rows.parquet')
  const instance = await DuckDBInstance.create()
  try {
    const connection = await instance.connect()
    await connection.run("SET TimeZone = 'UTC'")
    await connection.run(`COPY (${sql}) TO ${quoteLiteral(path)} (FORMAT parquet)`)
    connection.closeSync()
    return await readFile(path)
  } finally {
    instance.closeSync()
    await rm(folder, { recursive: true, force: true })
  }
}
