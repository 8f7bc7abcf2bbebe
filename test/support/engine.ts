import { chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { silentLogger } from '../../src/base/log.ts'
import { unprivilegedIds } from '../../src/base/run-as.ts'
import type { Encoding } from '../../src/encode/encoding.ts'
import { createDuckdbEngine } from '../../src/engine/duckdb-engine.ts'
import type { CopyFormat, CopyResult, Engine, EngineStatement } from '../../src/engine/engine.ts'
import type { DataType, Field } from '../../src/types/data-type.ts'

/** An engine in folders of its own, with the questions that tests ask. */
export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine
  readonly scratchFolder: string
  /** A new folder that children may write. */
  folder(): Promise<string>
  /** All rows, in one encoding. */
  bytes(sql: string, options: RowsOptions): Promise<Buffer>
  /** All rows as JSON arrays. */
  rows(sql: string, options?: Partial<RowsOptions>): Promise<unknown[][]>
  copy(sql: string, format: CopyFormat, files?: readonly string[]): Promise<CopyResult & { folder: string }>
}

export interface RowsOptions {
  readonly encoding: Encoding
  readonly columns: readonly Field[]
  readonly files: readonly string[]
  readonly pool: EngineStatement['pool']
  readonly signal: AbortSignal
}

export const never = new AbortController().signal

export const column = (
  name: string,
  kind: Exclude<DataType['kind'], 'decimal' | 'array' | 'map' | 'struct'>,
) => ({
  name,
  type: { kind },
})

export async function testEngine({
  createEngine = createDuckdbEngine,
  ...options
}: {
  readonly memoryBytes?: number
  readonly statementsPerChild?: number
  /** Of another copy of the code. */
  readonly createEngine?: typeof createDuckdbEngine
} = {}): Promise<TestEngine> {
  const stack = new AsyncDisposableStack()
  const base = await mkdtemp(join(tmpdir(), 'engine-test-'))
  stack.defer(() => rm(base, { recursive: true, force: true }))
  await chmod(base, 0o755) // The children may be another user.
  const scratchFolder = join(base, 'scratch')
  const engine = stack.use(
    await createEngine({
      interactiveChildren: 1,
      statementsPerChild: 4,
      batchChildren: 1,
      memoryBytes: 2 ** 30,
      scratchFolder,
      logger: silentLogger,
      ...options,
    }),
  )
  const folder: TestEngine['folder'] = async () => {
    const path = await mkdtemp(join(base, 'out-'))
    await chmod(path, 0o755)
    const ids = unprivilegedIds()
    if (ids) await chown(path, ids.uid, ids.gid)
    return path
  }
  const bytes: TestEngine['bytes'] = async (sql, { encoding, columns, files, pool, signal }) => {
    await using pull = await engine.open({ sql, files, pool }, { encoding, columns, signal })
    const pieces: Uint8Array[] = []
    for (;;) {
      const chunk = await pull.pull({ rowCountMax: 10_000, bytesMax: 1_000_000 })
      pieces.push(chunk.bytes)
      if (chunk.state === 'done') return Buffer.concat(pieces)
    }
  }
  return {
    engine,
    scratchFolder,
    folder,
    bytes,
    rows: async (sql, given = {}) => {
      const text = await bytes(sql, {
        encoding: { kind: 'jsonRows' },
        columns: [column('value', 'string')],
        files: [],
        pool: 'interactive',
        signal: never,
        ...given,
      })
      return text
        .toString()
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as unknown[])
    },
    copy: async (sql, format, files = []) => {
      const path = await folder()
      const result = await engine.copy({ sql, files, pool: 'batch' }, { folder: path, format, signal: never })
      return { ...result, folder: path }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

let shared: Promise<TestEngine> | undefined

/** One engine for all tests of a file, from the first use until its end. */
export function sharedEngine(): Promise<TestEngine> {
  shared ??= testEngine()
  return shared
}

afterAll(async () => {
  await (await shared)?.[Symbol.asyncDispose]()
})

/** Waits until it is so, at most ten seconds. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500; look++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('Not so after ten seconds.')
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // No such process.
  }
}
