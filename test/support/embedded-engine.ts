import { DuckDBInstance } from '@duckdb/node-api'
import { AppError } from '../../src/base/errors.ts'
import { parquetCopied } from '../../src/engine/duckdb/copied-files.ts'
import { copyParquet } from '../../src/engine/duckdb/copy-parquet.ts'
import { failureOf } from '../../src/engine/duckdb/failure.ts'
import { describeQuery, openStatement } from '../../src/engine/duckdb/statement.ts'
import type { Engine } from '../../src/engine/engine.ts'

/**
 * The engine without its children: the same DuckDB, statements and copies, in the test's own process and on one
 * instance. For campaigns of many thousand small statements, each of which would otherwise wait for an instance of its
 * own; what keeps statements apart from each other and from the machine is for the tests of the real one.
 */
export async function embeddedEngine(): Promise<Engine> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' })
  let copyCount = 0

  async function connected<T>(signal: AbortSignal, work: Work<T>): Promise<T> {
    signal.throwIfAborted()
    const connection = await instance.connect()
    const interrupt = (): void => connection.interrupt()
    signal.addEventListener('abort', interrupt, { once: true })
    try {
      await connection.run(`SET TimeZone = 'UTC'`)
      return await work(connection)
    } catch (error) {
      const { code, message, hint } = failureOf(error, signal.aborted)
      throw new AppError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) })
    } finally {
      signal.removeEventListener('abort', interrupt)
      connection.closeSync()
    }
  }

  return {
    open: async ({ sql, files }, { encoding, columns, signal }) => {
      checkPaths(sql, files)
      // Whole at once: what is asked here is small.
      const rows = await connected(signal, async (connection) => {
        const statement = await openStatement({ connection }, { sql, encoding, columns })
        return await statement.pull(Infinity, Infinity)
      })
      return {
        pull: async () => ({ bytes: rows.bytes, rowCount: rows.rowCount, state: 'done' }),
        [Symbol.asyncDispose]: async () => {},
      }
    },
    describe: async ({ sql }, { signal }) =>
      await connected(signal, async (connection) => await describeQuery({ connection }, sql)),
    copy: async ({ sql, files }, { folder, format, signal }) => {
      checkPaths(sql, files)
      if (format.kind !== 'parquet') throw new Error('Only Parquet is written here.')
      return await connected(signal, async (connection) => {
        // What it makes is its own.
        const database = `copy_${(copyCount += 1)}`
        await connection.run(`ATTACH ':memory:' AS ${database}; USE ${database}`)
        const connect = async () => {
          const beside = await instance.connect()
          await beside.run(`USE ${database}`)
          return { connection: beside, [Symbol.dispose]: () => beside.closeSync() }
        }
        try {
          const copied = { sql, folder, format, onRows: () => {} }
          return parquetCopied(await copyParquet({ connection, threads: 2, connect }, copied))
        } finally {
          await connection.run(`USE memory; DETACH ${database}`)
        }
      })
    },
    status: () => ({ children: [], restarts: 0 }),
    killChildren: async () => {},
    [Symbol.asyncDispose]: async () => instance.closeSync(),
  }
}

/** A statement reads no file that it was not given: its sandbox would see to it. */
function checkPaths(sql: string, files: readonly string[]): void {
  for (const [, list = ''] of sql.matchAll(/read_parquet\(\[((?:'(?:[^']|'')*'(?:, )?)+)\]/g)) {
    for (const [, path = ''] of list.matchAll(/'((?:[^']|'')*)'/g)) {
      if (files.includes(path.replaceAll("''", "'"))) continue
      throw new AppError('query.failed', 'The statement tried to reach a file or setting that it may not.')
    }
  }
}

type Work<T> = (connection: Awaited<ReturnType<DuckDBInstance['connect']>>) => Promise<T>
