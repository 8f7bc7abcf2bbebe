import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sqlClients, type SqlClients } from './support/sql-clients.ts'

/** What mappers and tools write of PostgreSQL's own SQL, though they only read. */
let home: string
let product: Product
let clients: SqlClients

beforeAll(async () => {
  home = passableFolder('postgres-sql')
  product = await startProduct({ home: join(home, 'home') })
  clients = sqlClients(product, join(home, 'home'))
  await product.run(`
    CREATE TABLE visits AS
    SELECT * FROM VALUES
      ('v1', 'ann', timestamp '2026-06-30 22:30:00', 3),
      ('v2', 'Ann\\\\b', timestamp '2026-12-31 23:15:00.5', 1),
      ('v3', 'bob 7', timestamp '2026-01-02 09:15:00', 7)
    AS v(id, person, at, pages)`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

/** Everything as PostgreSQL writes it. */
const asTexts: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value }

async function rows(text: string, values: unknown[] = []): Promise<unknown[][]> {
  return await clients.connected('prod:all', async (client) => {
    const answer = await client.query({ text, values, rowMode: 'array', types: asTexts })
    return answer.rows as unknown[][]
  })
}

describe('zones', () => {
  it('are of instants, which become wall clocks, and of wall clocks, which become instants', async () => {
    const sql = `SELECT at AT TIME ZONE 'Europe/Berlin', timezone('utc', at) AT TIME ZONE 'America/New_York',
        date_trunc('month', at AT TIME ZONE 'Europe/Berlin') AT TIME ZONE 'Europe/Berlin',
        (at AT TIME ZONE 'Asia/Tokyo')::date, extract(hour FROM at AT TIME ZONE 'Asia/Tokyo') + 1
      FROM visits WHERE id = 'v1'`
    expect(await rows(sql)).toEqual([
      ['2026-07-01 00:30:00', '2026-07-01 02:30:00+00', '2026-06-30 22:00:00+00', '2026-07-01', '8'],
    ])
  })

  it('may be parameters and columns, and offsets, which count westwards', async () => {
    const sql = `SELECT at AT TIME ZONE $1, at AT TIME ZONE '-02:00', at AT TIME ZONE zone
      FROM visits, (VALUES ('UTC+03'), ('Asia/Tokyo')) AS z(zone) WHERE id = 'v1' ORDER BY zone`
    expect(await rows(sql, ['UTC-02'])).toEqual([
      ['2026-07-01 00:30:00', '2026-07-01 00:30:00', '2026-07-01 07:30:00'],
      ['2026-07-01 00:30:00', '2026-07-01 00:30:00', '2026-06-30 19:30:00'],
    ])
  })

  it('leave a column its name', async () => {
    expect(await rows("SELECT at FROM visits AS time WHERE time.id = 'v3'")).toEqual([
      ['2026-01-02 09:15:00+00'],
    ])
  })
})

it('the seconds since 1970 are a part of a time, and all seconds one of a span', async () => {
  const sql = `SELECT extract(EPOCH FROM at), floor(extract(epoch from at) / 3600) * 3600, date_part('epoch', at::date),
      extract(epoch FROM at - timestamp '2026-12-30 23:15:00'), extract(epoch FROM interval '1' month),
      extract(epoch FROM NULL::timestamp)
    FROM visits WHERE id = 'v2'`
  expect(await rows(sql)).toEqual([
    ['1798758900.500000', '1798758000', '1798675200.000000', '86400.500000', '2592000.000000', null],
  ])
})

describe('patterns', () => {
  it.each([
    ["person ~ '^ann$'", ['v1']],
    ["person ~* '^ANN'", ['v1', 'v2']],
    ["person !~ 'n'", ['v3']],
    ["person !~* '^a'", ['v3']],
    ["person ~ '[[:alpha:]]{3}[[:space:]][[:digit:]]'", ['v3']],
    [String.raw`person ~ E'\\mAnn\\M.b$'`, ['v2']],
    ["NOT person ~ 'n' AND pages > 1", ['v3']],
    ["(person || chr(10) || id) ~ 'n.v1'", ['v1']],
  ])('of regular expressions: %s', async (condition, ids) => {
    expect(await rows(`SELECT id FROM visits WHERE ${condition} ORDER BY id`)).toEqual(ids.map((id) => [id]))
  })

  it('of regular expressions may be parameters', async () => {
    const sql = 'SELECT id FROM visits WHERE person ~* $1 AND id !~ $2'
    expect(await rows(sql, ['^[[:upper:]]nn$', '9'])).toEqual([['v1']])
  })

  it('of LIKE may say that a backslash escapes, where another one would end the text', async () => {
    const sql = String.raw`SELECT id FROM visits WHERE person LIKE $1 ESCAPE '\' AND id <> 'x' ORDER BY 'y'`
    expect(await rows(sql, [String.raw`Ann\\%`])).toEqual([['v2']])
    const asked = String.raw`SELECT relname FROM pg_class WHERE relname LIKE 'v\\isits' ESCAPE '\'`
    expect(await rows(asked)).toEqual([['visits']])
    expect(await rows(String.raw`SELECT 'a''b' LIKE 'a''''b' ESCAPE '\''`)).toEqual([['t']])
  })

  it('leave the complement of bits what it was', async () => {
    expect(await rows('SELECT 5 & ~1, ~0 + 1')).toEqual([['4', '0']])
  })
})

describe('cursors', () => {
  it('take parameters, over tables and over the catalogue', async () => {
    await clients.connected('prod:all', async (client) => {
      const texts = async (text: string, values?: unknown[]): Promise<unknown[][]> =>
        (await client.query({ text, values, rowMode: 'array' } as pg.QueryArrayConfig)).rows
      await client.query('BEGIN')
      await texts(
        'DECLARE "Data" CURSOR FOR SELECT id FROM visits WHERE pages > $1 AND id > $2 ORDER BY id',
        [2, 'v0'],
      )
      await texts('DECLARE names CURSOR WITH HOLD FOR SELECT relname FROM pg_class WHERE relname = $1', [
        'visits',
      ])
      await texts('DECLARE none CURSOR FOR SELECT $1::int', ['7'])
      expect(await texts('FETCH FORWARD 1 FROM "Data"')).toEqual([['v1']])
      expect(await texts('FETCH FORWARD ALL FROM "Data"')).toEqual([['v3']])
      expect(await texts('FETCH ALL FROM names')).toEqual([['visits']])
      expect(await texts('FETCH ALL FROM none')).toEqual([[7]])
      await expect(client.query('DECLARE c CURSOR FOR SELECT $1::int')).rejects.toMatchObject({
        code: '42P02',
      })
    })
  })

  it('are listed for drivers that close them only if they are there', async () => {
    await clients.connected('prod:all', async (client) => {
      const listed = async (): Promise<unknown[]> =>
        (await client.query('SELECT name, is_holdable FROM pg_catalog.pg_cursors ORDER BY name')).rows
      expect(await listed()).toEqual([])
      await client.query('BEGIN')
      await client.query('DECLARE "Data" CURSOR FOR SELECT 1')
      await client.query('DECLARE names CURSOR WITH HOLD FOR SELECT relname FROM pg_class')
      expect(await listed()).toEqual([
        { name: 'Data', is_holdable: false },
        { name: 'names', is_holdable: true },
      ])
      await client.query('CLOSE "Data"')
      await client.query('COMMIT')
      expect(await listed()).toEqual([{ name: 'names', is_holdable: true }])
    })
  })
})

it('the parts of search_path are the names of schemas, as they compare them', async () => {
  const sql = `SELECT table_name FROM information_schema.tables WHERE table_schema IN
    (SELECT trim(unnest) FROM unnest(string_to_array(current_setting('search_path'), ',')))`
  expect(await rows(sql)).toEqual(expect.arrayContaining([['visits']]))
})

it('transactions may be deferrable', async () => {
  const sql = 'SET default_transaction_deferrable TO on; SHOW default_transaction_deferrable'
  await clients.connected('prod:all', async (client) => {
    const [, shown] = (await client.query(sql)) as unknown as pg.QueryResult[]
    expect(shown?.rows).toEqual([{ default_transaction_deferrable: 'on' }])
  })
})

it("settings of the client's own are kept, and those of Spark are not taken for such", async () => {
  await clients.connected('prod:all', async (client) => {
    const shown = async (sql: string) => Object.values((await client.query(sql)).rows[0] as object)
    await client.query("SET app.user_id = '42'")
    expect(await shown('SHOW app.user_id')).toEqual(['42'])
    expect(
      await shown("SELECT current_setting('app.user_id') AS kept, current_setting('app.none', true) AS none"),
    ).toEqual(['42', null])
    await client.query("BEGIN; SET LOCAL app.user_id = '7'")
    expect(await shown('SHOW app.user_id')).toEqual(['7'])
    await client.query('COMMIT')
    expect(await shown('SHOW app.user_id')).toEqual(['42'])
    await client.query('RESET ALL')
    expect(await shown('SHOW app.user_id')).toEqual([''])
    for (const sql of ['SHOW app.none', 'SET spark.sql.ansi.enabled = false', 'SET nothing = 1'])
      await expect(client.query(sql)).rejects.toMatchObject({ code: '22023' })
    await expect(client.query(`SET app.long = '${'x'.repeat(10_001)}'`)).rejects.toThrow('10000 characters')
    for (let index = 1; index < 100; index++) await client.query(`SET app.n${index} = 1`)
    await expect(client.query('SET app.more = 1')).rejects.toMatchObject({ code: '53400' })
  })
})
