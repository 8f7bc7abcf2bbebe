import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  constants,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { column, isAlive, never, testEngine, type TestEngine, until } from '../../test/support/engine.ts'
import { AppError } from '#base/errors.ts'
import { unprivilegedIds } from '#base/run-as.ts'
import { arrayType, type Field, longType } from '#types/data-type.ts'
import type { createDuckdbEngine } from './duckdb-engine.ts'
import type { CopyFormat } from './engine.ts'

let its: TestEngine
beforeAll(async () => {
  its = await testEngine()
})
afterAll(() => its[Symbol.asyncDispose]())

/** Hours of work that gives nothing before its end. */
const heavySql = 'SELECT sum(a.i * b.i % 7) FROM range(10000000) a(i), range(10000000) b(i)'
const endlessSql = 'SELECT i AS n FROM range(1000000000000) t(i)'
const columns = [column('n', 'double')]
const encoding = { kind: 'jsonRows' } as const

const open = async (
  sql: string,
  { signal = never, pool = 'interactive' }: { signal?: AbortSignal; pool?: 'interactive' | 'batch' } = {},
) => await its.engine.open({ sql, files: [], pool }, { encoding, columns, signal })
const children = (pool: string) => its.engine.status().children.filter((child) => child.pool === pool)
const isIdle = () => its.engine.status().children.every(({ statements }) => statements === 0)
const startCopy = async (
  signal = never,
  format: CopyFormat = { kind: 'parquet', compression: 'zstd' },
  sql = endlessSql,
) => await its.engine.copy({ sql, files: [], pool: 'batch' }, { folder: await its.folder(), format, signal })

/** Opens a pipe to write into once somebody reads it. */
const openOnceRead = async (path: string): Promise<number> => {
  for (;;) {
    try {
      return openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENXIO')) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

test('a pattern that searches without end fails its statement alone', async () => {
  const before = its.engine.status()
  const text = "repeat('a', 40 + i::INTEGER) || 'b'"
  const slow = its.rows(`SELECT native_regex_count(${text}, '(?=a)(a+)+$|c\\1')::VARCHAR FROM range(1) t(i)`)
  const others = its.rows('SELECT native_levenshtein(i::VARCHAR, i::VARCHAR)::VARCHAR FROM range(10) t(i)')
  await expect(slow).rejects.toMatchObject({
    code: 'query.limit',
    message: 'A function that runs in JavaScript took more than 5 seconds for some rows.',
    hint: expect.stringContaining('repetitions inside repetitions'),
  })
  expect(await others).toHaveLength(10)
  expect(its.engine.status()).toEqual(before)
}, 60_000)

describe('where one thread fails while another waits for us', () => {
  let paths: string[]
  let table: string
  beforeAll(async () => {
    const { files } = await its.copy('SELECT i FROM range(1000000) t(i)', parquet)
    paths = files.map(({ path }) => path)
    table = `read_parquet(['${paths.join("', '")}'])`
  })
  const parquet = { kind: 'parquet', compression: 'none' } as const
  // The first group of rows keeps one thread in JavaScript, the next has the error of another.
  const slowSql = () => `
    SELECT CASE WHEN i < 122880 THEN native_levenshtein(repeat(i::VARCHAR, 20), 'another text')
      WHEN i > 150000 THEN error('no') ELSE 0 END AS n FROM ${table}`
  // More than a pipe holds.
  const longSql = () => `
    SELECT repeat(i::VARCHAR, 20) AS text, CASE WHEN i % 150000 = 149999 THEN error('no') END AS n FROM ${table}`

  test.each<[string, () => Promise<unknown>]>([
    ['for JavaScript, a copy', () => its.copy(slowSql(), parquet, paths)],
    ['for JavaScript, a query', () => its.rows(slowSql(), { columns, files: paths })],
    ['to be read, a text', () => its.copy(longSql(), { kind: 'json', compression: 'gzip' }, paths)],
  ])('%s ends, and its child goes on', async (_name, run) => {
    const before = its.engine.status()
    for (let attempt = 0; attempt < 6; attempt++) {
      await expect(run()).rejects.toMatchObject({ code: 'query.failed' })
    }
    expect(its.engine.status()).toEqual(before)
  })

  test("an error that speaks of a pipe is the statement's own", async () => {
    const sql = `SELECT repeat(i::VARCHAR, 20) AS text, CASE WHEN i = 149999 THEN error('Broken pipe') END AS n FROM ${table}`
    await expect(its.copy(sql, { kind: 'json', compression: 'none' }, paths)).rejects.toMatchObject({
      code: 'query.failed',
      message: 'Broken pipe',
    })
  })

  test.skipIf(availableParallelism() < 2)(
    'what fails keeps nobody waiting beside it',
    async () => {
      const folder = await its.folder()
      // The first file is opened before there are threads, and a thread each opens the others.
      const [first, held, failed] = [join(folder, 'first'), join(folder, 'held'), join(folder, 'failed')]
      writeFileSync(first, 'yes\n')
      execFileSync('mkfifo', ['-m', '666', held, failed])
      const files = [first, held, failed]
      const sql = `SELECT count(CASE line WHEN 'no' THEN error(line) END)::DOUBLE AS n
        FROM read_csv(['${files.join("', '")}'], columns = {'line': 'VARCHAR'}, auto_detect = false, header = false)`
      const before = its.engine.status()
      const failing = its.rows(sql, { columns, files })
      failing.catch(() => {}) // Met below.
      const [heldWriter, failedWriter] = [await openOnceRead(held), await openOnceRead(failed)]
      try {
        writeSync(failedWriter, 'no\n')
        closeSync(failedWriter) // One thread fails, while the other one waits until we close.
        await new Promise((resolve) => setTimeout(resolve, 300))
        for (let attempt = 0; attempt < 3; attempt++) await its.rows('SELECT 1::DOUBLE AS n', { columns })
      } finally {
        closeSync(heldWriter)
      }
      await expect(failing).rejects.toMatchObject({ code: 'query.failed' })
      expect(its.engine.status()).toEqual(before)
    },
    60_000,
  )
})

describe('a cancel', () => {
  test.each([
    ['a statement that gives no row yet', (signal: AbortSignal) => open(heavySql, { signal })],
    ['a copy to Parquet', (signal: AbortSignal) => startCopy(signal)],
    [
      'a copy of parts',
      (signal: AbortSignal) =>
        startCopy(
          signal,
          {
            kind: 'parquet',
            compression: 'zstd',
            partitionBy: [{ name: 'part', expression: 'n' }],
            columns: [`(${heavySql} WHERE a.i <> n) AS heavy`],
          },
          'SELECT i AS n FROM range(9) AS t(i)',
        ),
    ],
    ['a copy to text', (signal: AbortSignal) => startCopy(signal, { kind: 'json', compression: 'gzip' })],
    [
      'a description that waits',
      (signal: AbortSignal) => its.engine.describe({ sql: heavySql, files: [], pool: 'batch' }, { signal }),
    ],
  ])('ends %s and leaves the child alive', async (name, start) => {
    const before = its.engine.status()
    const blocker = name.includes('waits') ? await open(endlessSql, { pool: 'batch' }) : undefined
    const controller = new AbortController()
    const started = start(controller.signal)
    await until(() => blocker !== undefined || !isIdle())
    setTimeout(() => controller.abort(), 200)
    await expect(started).rejects.toMatchObject({ code: 'query.cancelled' })
    await blocker?.[Symbol.asyncDispose]()
    await until(isIdle)
    expect(its.engine.status()).toEqual(before)
  })

  test('between pulls gives the place up', async () => {
    const controller = new AbortController()
    await using pull = await open(endlessSql, { signal: controller.signal })
    await pull.pull({ rowCountMax: 10, bytesMax: 1e6 })
    controller.abort(new AppError('query.timeout', 'Too slow.'))
    await until(isIdle)
    await expect(pull.pull({ rowCountMax: 1, bytesMax: 1 })).rejects.toMatchObject({ code: 'query.timeout' })
  })
})

describe('when a child dies', () => {
  test('a copy fails, and the next works in another child', async () => {
    const { restarts } = its.engine.status()
    const { pid } = children('batch')[0]!
    const failed = expect(startCopy()).rejects.toMatchObject({ code: 'engine.crashed' })
    await until(() => children('batch').some(({ statements }) => statements > 0))
    await its.engine.killChildren()
    await failed
    expect(isAlive(pid)).toBe(false)
    const { rowCount } = await its.copy('SELECT 1 AS n', { kind: 'json', compression: 'none' })
    expect(rowCount).toBe(1)
    expect(its.engine.status().restarts).toBe(restarts + 1)
  })

  test('rows that nobody saw come from another child', async () => {
    const { restarts } = its.engine.status()
    await using opened = await open('SELECT i FROM range(3) t(i)')
    const opening = open('SELECT sum(i % 7) FROM range(300000000) t(i)')
    await until(() => children('interactive').some(({ statements }) => statements > 1))
    await its.engine.killChildren()
    const { bytes, state } = await opened.pull({ rowCountMax: 10, bytesMax: 1e6 })
    expect([Buffer.from(bytes).toString(), state]).toEqual(['[0]\n[1]\n[2]\n', 'done'])
    await using second = await opening
    expect((await second.pull({ rowCountMax: 10, bytesMax: 1e6 })).rowCount).toBe(1)
    expect(its.engine.status().restarts).toBe(restarts + 1)
  })

  test('a statement whose rows were seen fails', async () => {
    await using pull = await open(endlessSql)
    await pull.pull({ rowCountMax: 10, bytesMax: 1e6 })
    await its.engine.killChildren()
    await expect(pull.pull({ rowCountMax: 10, bytesMax: 1e6 })).rejects.toMatchObject({
      code: 'engine.crashed',
    })
  })

  test('idle children are left alone', async () => {
    await until(() => its.engine.status().children.length === 2)
    const before = its.engine.status()
    await its.engine.killChildren()
    expect(its.engine.status()).toEqual(before)
  })
})

test('a statement that needs too much memory fails alone', async () => {
  await using small = await testEngine({ memoryBytes: 2 ** 27 })
  const { pid } = small.engine.status().children[0]!
  const greedy = small.rows('SELECT len(list(i)) FROM range(100000000) t(i)', { columns })
  await expect(greedy).rejects.toMatchObject({ code: 'engine.memory' })
  expect(await small.rows("SELECT 'fine'")).toEqual([['fine']])
  expect(small.engine.status().children[0]!.pid).toBe(pid)
})

/** Where the system says what a process holds. */
const hasStatus = existsSync('/proc/self/status')

test.runIf(hasStatus)(
  'a list that the engine does not count ends its child before the machine is full',
  async () => {
    await using small = await testEngine({ memoryBytes: 2 ** 27 })
    const greedy = small.rows('SELECT len(list_transform(range(2000000000), lambda i: i + 1))', { columns })
    await expect(greedy).rejects.toMatchObject({ code: 'engine.memory' })
    expect(await small.rows("SELECT 'fine'")).toEqual([['fine']])
  },
)

test('rows of tens of megabytes for several at once are no reason to lose a child', async () => {
  await using small = await testEngine({ memoryBytes: 2 ** 31 })
  const numbers: Field[] = [{ name: 'numbers', type: arrayType(longType) }]
  const rows = () => small.rows('SELECT range(6000000)', { columns: numbers })
  for (const answer of await Promise.all([rows(), rows(), rows()]))
    expect(answer[0]?.[0]).toHaveLength(6_000_000)
  expect(small.engine.status().restarts).toBe(0)
})

test('a child that says nonsense is replaced, and the server goes on', async () => {
  using code = await copiedCode({
    file: 'src/engine/duckdb/serve-frames.ts',
    find: 'send(chunkFrame(number, rowCount, isLast, bytes), () => giveBack(bytes))',
    put: 'send([Buffer.alloc(100, 0xff)])',
  })
  await using mad = await testEngine({ createEngine: code.createEngine })
  await expect(mad.rows("SELECT 'mad'")).rejects.toMatchObject({ code: 'engine.crashed' })
  await until(() => mad.engine.status().restarts === 2) // Once more, because nothing of the first try was seen.
  const statement = { sql: 'SELECT 1 AS n', files: [], pool: 'interactive' } as const
  expect(await mad.engine.describe(statement, { signal: never })).toMatchObject([{ name: 'n' }])
})

test('what memory cannot hold is spilled into the scratch folder, and removed', async () => {
  await using small = await testEngine({ memoryBytes: 2 ** 27 })
  const spilled = () =>
    readdirSync(small.scratchFolder, { recursive: true }).filter((name) => String(name).endsWith('.tmp'))
  const sql = 'SELECT hash(i) AS n FROM range(10000000) t(i) ORDER BY n LIMIT 1000000 OFFSET 5000000'
  const options = { encoding, columns: [column('n', 'string')], signal: never }
  {
    await using sorted = await small.engine.open({ sql, files: [], pool: 'interactive' }, options)
    // It waits for us half-way, with what is still to come in the scratch folder.
    expect(await sorted.pull({ rowCountMax: 1, bytesMax: 1e6 })).toMatchObject({ rowCount: 1 })
    expect(spilled()).not.toEqual([])
    let rowCount = 1
    for (let state = 'more'; state !== 'done';) {
      const chunk = await sorted.pull({ rowCountMax: 100_000, bytesMax: 1e7 })
      rowCount += chunk.rowCount
      state = chunk.state
    }
    expect(rowCount).toBe(1_000_000)
  }
  await until(() => spilled().length === 0)
})

test('a full disk is told of as such', async ({ skip }) => {
  const folder = await its.folder()
  const mounted = join(folder, 'small')
  mkdirSync(mounted)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=0777', 'tmpfs', mounted], { stdio: 'ignore' })
  } catch {
    skip('Mounting a small disk takes root.')
  }
  try {
    for (const [index, format] of [
      { kind: 'parquet', compression: 'none' },
      { kind: 'json', compression: 'none' },
    ].entries()) {
      const target = join(mounted, String(index))
      mkdirSync(target)
      execFileSync('chmod', ['0777', target])
      const copied = its.engine.copy(
        { sql: 'SELECT hash(i) AS n FROM range(3000000) t(i)', files: [], pool: 'batch' },
        { folder: target, format: format as CopyFormat, signal: never },
      )
      await expect(copied).rejects.toMatchObject({ code: 'store.full' })
      execFileSync('rm', ['-r', target])
    }
  } finally {
    execFileSync('umount', [mounted])
  }
})

describe('a statement can reach nothing else:', () => {
  const forbidden = /tried to reach a file or setting that it may not|runs queries only/

  test.each([
    ['another file', () => "SELECT content FROM read_text('/etc/passwd')"],
    ['a neighbour of its file', (file: string) => `SELECT content FROM read_text('${file}.other')`],
    ['a pattern', (file: string) => `SELECT content FROM read_text('${file}*')`],
    ['a list of the folder', (file: string) => `SELECT * FROM glob('${file}/../*')`],
    ['a way around', (file: string) => `SELECT content FROM read_text('${file}/../file.other')`],
    ['the network', () => "SELECT * FROM read_csv('http://127.0.0.1:9/x.csv')"],
    ['a database', () => "ATTACH '/tmp/x.db' AS x"],
    ['an extension', () => 'INSTALL httpfs'],
    ['a library', () => "LOAD '/tmp/x.duckdb_extension'"],
    ['a setting', () => 'SET enable_external_access = true'],
    ['a pragma', () => 'PRAGMA threads = 1'],
    ['writing', () => "COPY (SELECT 1) TO '/tmp/x.csv'"],
    ['writing what it may read', (file: string) => `COPY (SELECT 1) TO '${file}'`],
    ['a second statement', () => "SELECT 1; COPY (SELECT 1) TO '/tmp/x.csv'"],
  ])('%s', async (_name, sqlOf) => {
    const file = join(await its.folder(), 'file')
    writeFileSync(file, 'mine', { mode: 0o644 })
    writeFileSync(`${file}.other`, "another's", { mode: 0o644 })
    const read = its.rows(sqlOf(file), { files: [file] })
    await expect(
      read.catch((error: AppError) => {
        throw new Error(`${error.code} ${error.message}`)
      }),
    ).rejects.toThrow(
      /^query\.failed (?:The statement tried to reach a file or setting that it may not|The engine runs queries only|Cannot prepare multiple statements)/,
    )
    expect(await its.rows(`SELECT content FROM read_text('${file}')`, { files: [file] })).toEqual([['mine']])
    expect(readFileSync(file, 'utf8')).toBe('mine')
  })

  test.each([
    ['by its end', "SELECT 1) TO '/tmp/x.parquet' (FORMAT parquet) --"],
    ['by a second statement', 'SELECT 1; SELECT 2'],
    ['by an expression', "SELECT content FROM read_text('/etc/passwd')"],
  ])('a copy, %s', async (_name, sql) => {
    const copied = its.copy(sql, { kind: 'parquet', compression: 'none' })
    await expect(copied).rejects.toMatchObject({ code: 'query.failed' })
  })

  test('a copy writes into its folder only', async () => {
    const other = await its.folder()
    await expect(
      its.copy(`SELECT 1 AS n`, {
        kind: 'parquet',
        compression: 'none',
        orderBy: [`(SELECT 1))) TO '${other}/x.parquet' (FORMAT parquet) --`],
      }),
    ).rejects.toThrow(forbidden)
    expect(readdirSync(other)).toEqual([])
  })

  test.runIf(unprivilegedIds())('the children are not root', () => {
    const { uid, gid } = unprivilegedIds()!
    for (const { pid } of its.engine.status().children) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      expect(/Uid:\t(.*)/.exec(status)![1]).toBe([uid, uid, uid, uid].join('\t'))
      expect(/Gid:\t(.*)/.exec(status)![1]).toBe([gid, gid, gid, gid].join('\t'))
      expect(/Groups:\t(.*)/.exec(status)![1]!.trim()).toBe('')
    }
  })
})

test('stopping ends what runs and leaves neither process nor scratch', async () => {
  const stopped = await testEngine()
  const { engine, scratchFolder } = stopped
  const pids = engine.status().children.map(({ pid }) => pid)
  const running = expect(stopped.rows(heavySql, { columns })).rejects.toMatchObject({
    code: 'engine.unavailable',
  })
  await until(() => engine.status().children.some(({ statements }) => statements > 0))
  await engine[Symbol.asyncDispose]()
  await running
  expect(pids.filter(isAlive)).toEqual([])
  expect(readdirSync(scratchFolder)).toEqual([])
  await expect(stopped.rows('SELECT 1')).rejects.toMatchObject({ code: 'engine.unavailable' })
  await stopped[Symbol.asyncDispose]()
})

test('children end with their server, and the next one clears up', async () => {
  const scratch = join(await its.folder(), 'scratch')
  const host = startHost(scratch)
  const pids = await pidsOf(host)
  expect(pids.every(isAlive)).toBe(true)
  host.kill('SIGKILL')
  await until(() => !pids.some(isAlive))
  const left = readdirSync(scratch)
  expect(left).toHaveLength(2)
  const next = startHost(scratch)
  await pidsOf(next)
  expect(readdirSync(scratch).filter((name) => left.includes(name))).toEqual([])
  next.kill('SIGKILL')
  await once(next, 'close')
})

test.runIf(unprivilegedIds())('texts are written where the children may not read the code', async () => {
  using code = await copiedCode()
  await using hidden = await testEngine({ createEngine: code.createEngine })
  const { rowCount } = await hidden.copy('SELECT 1 AS n', { kind: 'json', compression: 'gzip' })
  expect(rowCount).toBe(1)
})

/** Another copy of the code, in a folder of nobody else's, with one change if asked for. */
async function copiedCode(
  change?: Readonly<Record<'file' | 'find' | 'put', string>>,
): Promise<Disposable & { readonly createEngine: typeof createDuckdbEngine }> {
  const root = join(import.meta.dirname, '..', '..')
  const folder = mkdtempSync(join(tmpdir(), 'sluice-hidden-'))
  for (const name of ['src', 'package.json'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  if (change) {
    const path = join(folder, change.file)
    const before = readFileSync(path, 'utf8')
    expect(before).toContain(change.find)
    writeFileSync(path, before.replace(change.find, change.put))
  }
  const engine = (await import(join(folder, 'src', 'engine', 'duckdb-engine.ts'))) as {
    readonly createDuckdbEngine: typeof createDuckdbEngine
  }
  return {
    createEngine: engine.createDuckdbEngine,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

function startHost(scratch: string): ChildProcess {
  const host = join(import.meta.dirname, '..', '..', 'test', 'support', 'engine-host.ts')
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', host, scratch], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function pidsOf(host: ChildProcess): Promise<number[]> {
  const [line] = (await once(createInterface({ input: host.stdout! }), 'line')) as [string]
  return JSON.parse(line) as number[]
}
