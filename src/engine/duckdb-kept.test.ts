import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { column, never, testEngine, type TestEngine } from '../../test/support/engine.ts'
import type { KeyedScan } from './engine.ts'

// One for each test: what others have looked up lately takes the room of what comes.
let its: TestEngine
beforeEach(async () => {
  its = await testEngine({ memoryBytes: 4 * 2 ** 30 })
})
afterEach(() => its[Symbol.asyncDispose]())

/** Look-ups after which rows are kept for sure, with the time that it takes. */
const askedEnough = 20
const scanned = (list: string, path: string) => `(SELECT ${list} FROM read_parquet(['${path}']))`

interface Kept {
  readonly path: string
  readonly names: readonly string[]
  /** Rows of a statement over `scan`, and whether they were kept ones. */
  ask(sql: (scan: string) => string, options?: Partial<Asked>): Promise<[isKept: boolean, rows: unknown[][]]>
}

interface Asked {
  readonly columns: readonly ReturnType<typeof column>[]
  readonly keys: KeyedScan['keys']
  readonly names: readonly string[]
  readonly signal: AbortSignal
  readonly isKeyed: boolean
}

const tableCount = `(SELECT count(*) FROM duckdb_tables())::VARCHAR`

/** A file of rows that look-ups have been in often enough. */
async function kept(select: string, { engine = its, names = ['id', 'value'] } = {}): Promise<Kept> {
  const { folder, files } = await engine.copy(select, { kind: 'parquet', compression: 'zstd' })
  const path = join(folder, files[0]!.path.slice(folder.length))
  const whole = scanned('*', path)
  const ask: Kept['ask'] = async (sqlOf, options = {}) => {
    const own = options.names ?? names
    const sql = scanned(own.map((name) => `"${name}"`).join(', '), path)
    const keys = options.keys ?? [{ name: 'id', kind: 'integer' }]
    const columns = [column('tables', 'string'), ...(options.columns ?? [column('value', 'string')])]
    const rows: unknown[][] = []
    const statement = {
      sql: sqlOf(sql).replace('SELECT', `SELECT ${tableCount} AS "tables", `),
      files: [path],
      pool: 'interactive',
      ...(options.isKeyed === false ? {} : { lookups: [{ sql, whole, columns: own, keys }] }),
    } as const
    await using pull = await engine.engine.open(statement, {
      encoding: { kind: 'jsonRows' },
      columns,
      signal: options.signal ?? never,
    })
    for (;;) {
      const { bytes, state } = await pull.pull({ rowCountMax: 100, bytesMax: 1_000_000 })
      const lines = Buffer.from(bytes).toString().split('\n').filter(Boolean)
      rows.push(...lines.map((line) => JSON.parse(line) as unknown[]))
      if (state === 'done') break
    }
    return [rows.some(([count]) => count !== '0'), rows.map((row) => row.slice(1))]
  }
  return { path, names, ask }
}

const byId = (id: number) => (scan: string) => `SELECT "value" FROM ${scan} AS "t" WHERE "id" = ${id}`

async function warmed(file: Kept, options?: Partial<Asked>, sqlOf = byId(1)): Promise<void> {
  for (let count = 0; count < askedEnough; count += 1) await file.ask(sqlOf, options)
  await expect.poll(async () => (await file.ask(sqlOf, options))[0], { timeout: 30_000 }).toBe(true)
}

const thousand = 'SELECT i AS id, i::VARCHAR AS value FROM range(1000) AS r(i)'

test('rows that are looked up again and again are kept, of every type as they are', async () => {
  const values = [
    'TRUE',
    '(-128)::TINYINT',
    '9223372036854775807',
    'NULL::BIGINT',
    `'NaN'::DOUBLE`,
    '(-0.0)::DOUBLE',
    '1.5::FLOAT',
    `12345678901234567890123456789012345.678::DECIMAL(38, 3)`,
    '-0.01::DECIMAL(5, 2)',
    `'it''s "ü"' || chr(10)`,
    `''`,
    `'\\x00\\xFF'::BLOB`,
    `DATE '0001-01-01'`,
    `DATE '9999-12-31'`,
    `TIMESTAMP '1969-12-31 23:59:59.999999'`,
    `TIMESTAMPTZ '2026-03-29 01:30:00.123456+00'`,
    `[1, NULL, 3]`,
    `[]::INTEGER[]`,
    `{'a': 1, 'b': {'c': [NULL, 'x']}, 'd': NULL::DATE}`,
    `NULL::STRUCT(a INTEGER, b VARCHAR)`,
    `MAP {'k': 1.5::DECIMAL(10, 3), 'l': NULL}`,
    `[{'m': MAP {'n': [TIMESTAMP '2026-01-01']}}]`,
  ]
  const names = values.map((_, index) => `c${index}`)
  const items = values.map((value, index) => `${value} AS c${index}`).join(', ')
  const file = await kept(
    `SELECT i AS id, ${items} FROM range(3) AS r(i) UNION ALL BY NAME SELECT i AS id FROM range(3, 6) AS r(i)`,
    { names: ['id', ...names] },
  )
  const printed = names.map((name) => `${name}::VARCHAR AS ${name}, typeof(${name}) AS type_${name}`)
  const columns = names.flatMap((name) => [column(name, 'string'), column(`type_${name}`, 'string')])
  const sqlOf = (id: number) => (scan: string) =>
    `SELECT ${printed.join(', ')} FROM ${scan} AS "t" WHERE "id" = ${id}`
  const own = []
  for (const id of [1, 4, 9]) own.push((await file.ask(sqlOf(id), { columns, isKeyed: false }))[1])
  await warmed(file, { columns }, sqlOf(1))
  for (const [index, id] of [1, 4, 9].entries()) {
    expect(await file.ask(sqlOf(id), { columns })).toEqual([id !== 9, own[index]])
  }
})

test('what is more than a pull gives comes whole, from the files', async () => {
  const file = await kept(thousand)
  await warmed(file)
  const above = (scan: string) => `SELECT "value" FROM ${scan} AS "t" WHERE "id" >= 1 ORDER BY "id"`
  const [isKept, rows] = await file.ask(above)
  expect([isKept, rows.length, rows.at(-1)]).toEqual([false, 999, ['999']])
  expect((await file.ask(byId(7)))[0]).toBe(true)
})

test('columns that are asked for later come in, and texts are keys too', async () => {
  const file = await kept('SELECT i AS id, i::VARCHAR AS value, -i AS other FROM range(1000) AS r(i)')
  await warmed(file)
  const byText = (scan: string) => `SELECT "other"::VARCHAR FROM ${scan} AS "t" WHERE "value" = '7'`
  const more = { names: ['value', 'other'], keys: [{ name: 'value', kind: 'text' }] } as const
  expect(await file.ask(byText, more)).toEqual([false, [['-7']]])
  await warmed(file, more, byText)
  expect(await file.ask(byText, more)).toEqual([true, [['-7']]])
  expect(await file.ask(byId(8))).toEqual([true, [['8']]])
})

test('rows of a value that many have are read from the files', async () => {
  const file = await kept('SELECT i AS id, (i % 7)::VARCHAR AS value FROM range(50000) AS r(i)')
  const many = (scan: string) => `SELECT count(*)::VARCHAR FROM ${scan} AS "t" WHERE "value" = '3'`
  const keys = [{ name: 'value', kind: 'text' }] as const
  for (let count = 0; count < 3 * askedEnough; count += 1) {
    expect(await file.ask(many, { keys })).toEqual([false, [['7143']]])
  }
  await warmed(file)
  expect(await file.ask(many, { keys })).toEqual([false, [['7143']]])
})

test('a text or a name that looks like the scan stays what it is, and names of the statement are its own', async () => {
  const file = await kept(thousand)
  await warmed(file)
  const columns = [column('value', 'string')]
  const quoted = (scan: string) =>
    `SELECT '${scan.replaceAll("'", "''")}' AS "${scan.replaceAll('"', '""')}" FROM ${scan} AS "t" WHERE "id" = 3`
  const [isKept, [[text] = []]] = await file.ask(quoted, { columns })
  expect([isKept, text]).toEqual([true, scanned('"id", "value"', file.path)])
  const shadowed = (scan: string) =>
    `SELECT "value" FROM (WITH "kept 0" AS (SELECT 'wrong' AS "value", 3 AS "id"), "memory" AS (SELECT 1) SELECT * FROM ${scan} AS "t" WHERE "id" = 3)`
  expect(await file.ask(shadowed)).toEqual([true, [['3']]])
})

test('a look-up that fails, or that is stopped, is nobody else’s trouble', async () => {
  const file = await kept(thousand)
  await warmed(file)
  const failing = (scan: string) =>
    `SELECT CASE WHEN "id" = 5 THEN error('no') ELSE "value" END FROM ${scan} AS "t" WHERE "id" = 5`
  const stopping = new AbortController()
  const endless = file.ask(
    (scan) => `SELECT count(*)::VARCHAR FROM ${scan} AS "t", range(1000000000000) AS r(i) WHERE "id" = 5`,
    { signal: stopping.signal },
  )
  const outcomes = Promise.allSettled([endless, file.ask(failing)])
  for (let id = 0; id < 50; id += 1) expect(await file.ask(byId(id))).toEqual([true, [[String(id)]]])
  stopping.abort()
  expect(await outcomes).toMatchObject([
    { status: 'rejected', reason: { code: 'query.cancelled' } },
    { status: 'rejected', reason: { code: 'query.failed', message: expect.stringContaining('no') } },
  ])
  const together = await Promise.all(Array.from({ length: 40 }, (_, id) => file.ask(byId(id))))
  expect(together).toEqual(Array.from({ length: 40 }, (_, id) => [true, [[String(id)]]]))
})

test('where rows are kept nothing else can be reached or changed', async () => {
  const [file, other] = [await kept(thousand), await kept(thousand)]
  await warmed(file)
  for (const reach of [scanned('*', other.path), `read_text('/etc/passwd')`]) {
    const sqlOf = (scan: string) =>
      `SELECT "value" FROM ${scan} AS "t" WHERE "id" = 5 AND 0 < (SELECT count(*) FROM ${reach})`
    await expect(file.ask(sqlOf)).rejects.toMatchObject({ code: 'query.failed' })
  }
  for (const sql of ['DROP TABLE "kept 0"', 'SET memory_limit = "8GB"', 'DELETE FROM "kept 0"']) {
    await expect(file.ask(() => sql)).rejects.toMatchObject({ code: 'query.failed' })
  }
  expect(await file.ask(byId(5))).toEqual([true, [['5']]])
})

test('rows that are too large are not kept, and what needs more memory than there is has its own', async () => {
  await using small = await testEngine({ memoryBytes: 2 ** 29 })
  const large = await kept(
    `SELECT i AS id, repeat(md5(i::VARCHAR), 20) AS value FROM range(100000) AS r(i)`,
    { engine: small },
  )
  for (let count = 0; count < 3 * askedEnough; count += 1) {
    const [isKept, rows] = await large.ask(byId(count))
    expect([isKept, rows.length]).toEqual([false, 1])
  }
  const file = await kept(thousand, { engine: small })
  await warmed(file)
  const hungry = (scan: string) =>
    `SELECT count(DISTINCT md5((i * "id")::VARCHAR))::VARCHAR FROM ${scan} AS "t", range(300000) AS r(i) WHERE "id" = 1`
  expect(await file.ask(hungry)).toEqual([false, [['300000']]])
  expect(await file.ask(byId(2))).toEqual([true, [['2']]])
})
