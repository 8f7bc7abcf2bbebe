import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import type { Encoding } from '../../src/encode/encoding.ts'
import type { ClusterEngine, EngineStatement, FileTable } from '../../src/engine/engine.ts'
import { createSparkEngine, type SparkAddress } from '../../src/engine/spark-engine.ts'
import type { Field } from '../../src/types/data-type.ts'
import { sparkServer } from './spark-server.ts'

export interface TestSpark extends AsyncDisposable {
  readonly engine: ClusterEngine
  readonly address: SparkAddress
  readonly folder: string
  describe(sql: string): Promise<readonly Field[]>
  /** All rows as JSON arrays, of the columns given or else as Spark has them. */
  rows(sql: string, options?: SparkRowsOptions): Promise<unknown[][]>
  bytes(sql: string, options: SparkRowsOptions & { readonly encoding: Encoding }): Promise<Buffer>
}

export interface SparkRowsOptions {
  readonly columns?: readonly Field[]
  readonly tables?: readonly FileTable[]
  readonly rowCountMax?: number
  readonly signal?: AbortSignal
}

const never = new AbortController().signal
const statement = (sql: string, tables: readonly FileTable[] = []): EngineStatement => ({
  sql,
  files: tables.flatMap((table) => table.files),
  tables,
  pool: 'interactive',
})

/** An engine of the run's Spark, with the questions that tests ask. */
export async function testSpark(given?: SparkAddress): Promise<TestSpark> {
  const address = given ?? (await sparkServer())
  const folder = await mkdtemp(join(tmpdir(), 'spark-test-'))
  const engine = createSparkEngine({
    address,
    statementsMax: 4,
    stateFile: join(folder, 'session'),
    folder: join(folder, 'rows'),
    logger: silentLogger,
  })
  const describe: TestSpark['describe'] = (sql) => engine.describe(statement(sql), { signal: never })
  const bytes: TestSpark['bytes'] = async (
    sql,
    { encoding, columns, tables, signal = never, rowCountMax },
  ) => {
    const options = {
      encoding,
      columns: columns ?? (await describe(sql)),
      signal,
      ...(rowCountMax === undefined ? {} : { rowCountMax }),
    }
    await using pull = await engine.open(statement(sql, tables), options)
    const pieces: Uint8Array[] = []
    for (;;) {
      const chunk = await pull.pull({ rowCountMax: 10_000, bytesMax: 1_000_000 })
      pieces.push(chunk.bytes)
      if (chunk.state === 'done') return Buffer.concat(pieces)
    }
  }
  return {
    engine,
    address,
    folder,
    describe,
    bytes,
    rows: async (sql, options = {}) => {
      const text = await bytes(sql, { ...options, encoding: { kind: 'jsonRows' } })
      return text
        .toString()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown[])
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

let shared: Promise<TestSpark> | undefined

/** One for all tests of a file, from the first use until its end. */
export function sharedSpark(): Promise<TestSpark> {
  shared ??= testSpark()
  return shared
}

afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]()
})
