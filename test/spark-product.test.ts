import { readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startProduct, type Product } from './support/product.ts'
import { passableFolder } from './support/passable-folder.ts'
import { temporaryFolder } from './support/sluice.ts'
import { isSparkMissing, sparkServer } from './support/spark-server.ts'

let home: string
let product: Product

/** The same statement on both engines. */
async function onBoth(sql: string): Promise<{ readonly duckdb: unknown[][]; readonly spark: unknown[][] }> {
  const duckdb = await product.rows(`SET engine = 'duckdb'; ${sql}`)
  return { duckdb, spark: await product.rows(`SET engine = 'spark'; ${sql}`) }
}

describe.skipIf(isSparkMissing)('a session that chooses Spark', () => {
  beforeAll(async () => {
    home = passableFolder('spark product [1]{a}')
    const { host, port } = await sparkServer()
    product = await startProduct({ home, env: { SLUICE_SPARK_ADDRESS: `${host}:${port}` } })
    await product.run(`CREATE TABLE events AS
      SELECT id, who, at, web, tags, counts, price, small FROM VALUES
        (1, 'u1', TIMESTAMP '1500-02-01 10:00:00.000001', struct('/a' AS page, array(1, 2) AS n),
          array('x', NULL), map('k', 1L), 1.10BD, CAST(1 AS TINYINT)),
        (2, 'u1', TIMESTAMP '2024-03-31 01:30:00', NULL, array(), map(), -99.99BD, CAST(NULL AS TINYINT)),
        (3, 'ü2', NULL, struct(NULL AS page, NULL AS n), NULL, NULL, NULL, CAST(-128 AS TINYINT))
        AS e(id, who, at, web, tags, counts, price, small)`)
    await product.run(`INSERT INTO events SELECT 4, 'u4', TIMESTAMP '9999-12-31 23:59:59.999999', NULL, array('y'),
      map('a', 9223372036854775807L, 'b', NULL), 0.05BD, CAST(7 AS TINYINT)`)
  })

  afterAll(async () => {
    await product[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  })

  it.each([
    ['every column', 'SELECT * FROM events ORDER BY id'],
    ['fields and elements', 'SELECT id, web.page, web.n[1], tags[0], counts.K FROM events ORDER BY id'],
    ['no column at all', 'SELECT count(*) FROM events'],
    ['a table twice', 'SELECT a.id, b.id FROM events a JOIN events b ON a.who = b.who ORDER BY 1, 2'],
    [
      'sessions',
      `SELECT id, SESS_TIMEOUT(at, 1800) OVER (PARTITION BY who ORDER BY at) AS s FROM events ORDER BY id`,
    ],
    [
      'system columns',
      `SET drop_system_columns = false;
       SELECT count(DISTINCT _acp_system_metadata.sourceBatchId), count(DISTINCT _ACP_BATCHID) FROM events`,
    ],
    ['snapshots', `SELECT count(*), max(is_current) FROM (SELECT history_meta('events'))`],
    ['nothing', 'SELECT id, web FROM events WHERE false'],
  ])('reads %s as DuckDB does', async (_name, sql) => {
    const { duckdb, spark } = await onBoth(sql)
    expect(spark).toEqual(duckdb)
  })

  it('reads the rows of an increment and of the past as DuckDB does', async () => {
    const [[first] = []] = await product.rows(
      `SELECT CAST(snapshot_id AS STRING) FROM (SELECT history_meta('events')) ORDER BY made_current_at`,
    )
    expect(await onBoth(`SELECT id FROM events SNAPSHOT SINCE ${String(first)}`)).toEqual({
      duckdb: [[4]],
      spark: [[4]],
    })
    const past = [[1], [2], [3]]
    expect(await onBoth(`SELECT id FROM events SNAPSHOT AS OF ${String(first)} ORDER BY id`)).toEqual({
      duckdb: past,
      spark: past,
    })
  })

  it('says which engine it is', async () => {
    expect(await product.rows(`SET engine = spark; SHOW engine`)).toEqual([['spark']])
  })

  it('stores rows that Spark has computed', async () => {
    const everything = 'SELECT * FROM events'
    await product.run(`SET engine = spark; CREATE TABLE copied AS ${everything}`)
    await product.run(`SET engine = spark; INSERT INTO copied ${everything} WHERE id > 2`)
    const [one, other] = [`${everything} ORDER BY id`, 'SELECT DISTINCT id FROM copied ORDER BY id']
    expect(await product.rows(`SELECT count(*) FROM copied`)).toEqual([[6]])
    expect(await product.rows(other)).toEqual([[1], [2], [3], [4]])
    const rows = await product.rows(one)
    const twice = rows.flatMap((row) => (Number(row[0]) > 2 ? [row, row] : [row]))
    expect(await product.rows('SELECT * FROM copied ORDER BY id')).toEqual(twice)
  })

  it.each([
    ['what is known to be nothing', 'SELECT 1 AS a, NULL AS b WHERE false'],
    ['nothing of a table', 'SELECT id, web, NULL AS n FROM events WHERE id > 9'],
    [
      'values of every kind',
      `SELECT id, SESS_TIMEOUT(at, 1800) OVER (PARTITION BY who ORDER BY at) AS session,
        NULL AS n, array(NULL) AS a, struct(1 AS Aa, struct(2 AS Bb, NULL AS x) AS cC) AS s, map('k', struct('v' AS V)) AS m,
        double('NaN') AS d, float('-Infinity') AS f, 99999999999999999999999999999999999999BD AS b,
        DATE '0001-01-01' AS o, TIMESTAMP '9999-12-31 23:59:59.999999' AS t, X'00ff' AS x, true AS y FROM events`,
    ],
  ])('stores %s as DuckDB does', async (_name, sql) => {
    const stored: unknown[] = []
    for (const engine of ['duckdb', 'spark']) {
      await product.run(`SET engine = ${engine}; CREATE TABLE made AS ${sql}`)
      stored.push([
        await product.rows('SELECT * FROM made ORDER BY 1'),
        await product.rows('DESCRIBE TABLE made'),
      ])
      await product.run('DROP TABLE made')
    }
    const [duckdb, spark] = stored
    expect(spark).toEqual(duckdb)
  })

  it('stores nothing of a statement that fails, and says why', async () => {
    await product.run('CREATE TABLE strict AS SELECT 1 AS id')
    const failing = "SELECT if(id = 3, raise_error('no such person'), id) FROM events"
    await expect(product.run(`SET engine = spark; INSERT INTO strict ${failing}`)).rejects.toThrow(
      /no such person/,
    )
    await expect(product.run(`SET engine = spark; CREATE TABLE broken AS ${failing}`)).rejects.toThrow(
      /no such person/,
    )
    expect(await product.rows('SELECT * FROM strict')).toEqual([[1]])
    await expect(product.rows('SELECT * FROM broken')).rejects.toThrow(/broken/)
    // What is left goes when Spark has ended the statement, which nobody waits for.
    await vi.waitFor(() => expect(readdirSync(join(home, 'spark-rows'))).toEqual([]), 30_000)
  })

  it('gives at most as many rows as a session without LIMIT gets', async () => {
    const rows = await product.rows('SET engine = spark; SELECT id FROM range(200000)')
    expect(rows).toHaveLength(50_000)
  })

  it.each([
    ["SELECT raise_error('no')", /"?no"?/],
    ['SELECT id.x FROM events', /id|field/],
    ["SELECT map('a', 1, 'a', 2)", /same key twice/],
  ])('fails in our words: %s', async (sql, message) => {
    const failed = product.rows(`SET engine = spark; ${sql}`)
    await expect(failed).rejects.toThrow(message)
    await expect(failed).rejects.not.toThrow(/spark|\[[A-Z_]+\]|SQLSTATE:|\/tmp/i)
  })
})

it('refuses Spark where none is configured', async () => {
  const own = await temporaryFolder('spark-none')
  await using plain = await startProduct({ home: own })
  for (const statement of ['SELECT 1', 'CREATE TABLE t AS SELECT 1 AS a']) {
    await expect(plain.rows(`SET engine = spark; ${statement}`)).rejects.toThrow(/This server has no Spark/)
  }
  await expect(plain.rows("SET engine = 'flink'")).rejects.toThrow(/duckdb or spark/)
  expect(await plain.rows('SELECT 1')).toEqual([[1]])
})
