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
        code: '08P01',
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
