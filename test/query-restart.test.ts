import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { signIn } from './support/actor.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'

const base = '/data/foundation/query'
const waiting = { timeout: 60_000, interval: 100 }

interface Query {
  readonly id: string
  readonly state: string
  readonly errors: readonly { readonly message: string; readonly errorType: string }[]
}

const submit = async (product: Product, sql: string): Promise<string> =>
  (await product.call<Query>('POST', `${base}/queries`, { dbName: 'prod:all', sql })).id

/** The query's end. */
const ended = async (product: Product, id: string): Promise<Query> => {
  const query = () => product.call<Query>('GET', `${base}/queries/${id}`)
  await expect.poll(async () => (await query()).state, waiting).not.toMatch(/SUBMITTED|IN_PROGRESS/)
  return await query()
}

const find = async (product: Product, text: string): Promise<Query | undefined> => {
  const property = encodeURIComponent(`sql~${text}`)
  const { queries } = await product.call<{ queries: Query[] }>('GET', `${base}/queries?property=${property}`)
  return queries[0]
}

test('after a kill what ran in the background is done, once, and what ran in a session is said to have failed', async () => {
  const folder = passableFolder('query-restart')
  const home = join(folder, 'home')
  try {
    let id = ''
    {
      const product = await startProduct({ home, faultPoint: 'query.step.after@server' })
      await product.run('CREATE TABLE digits AS SELECT explode(sequence(0, 9)) AS d')
      const tables = 'abcdefghijklmnop'
        .split('')
        .map((letter) => `digits ${letter}`)
        .join(', ')
      // Nobody reads its rows: it waits.
      const actor = await signIn(
        product.http,
        JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')),
      )
      const asked = fetch(`${product.http}/sluice/v1/sql`, {
        method: 'POST',
        headers: { authorization: `Bearer ${actor.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ sql: `SELECT a.d AS endless FROM ${tables} LIMIT 0`, format: 'ndjson' }),
      })
      asked.catch(() => {})
      await expect.poll(async () => (await find(product, 'endless'))?.state, waiting).toBe('IN_PROGRESS')
      id = (
        await product.call<Query>('POST', `${base}/queries`, {
          dbName: 'prod:all',
          sql: 'SELECT d FROM digits',
          ctasParameters: { datasetName: 'kept' },
        })
      ).id
      await product.exited
    }
    await using product = await startProduct({ home })
    const query = () => product.call<Query>('GET', `${base}/queries/${id}`)
    await expect.poll(async () => (await query()).state, waiting).toBe('SUCCESS')
    expect(await product.rows('SELECT count(*) FROM kept')).toEqual([[10]])
    expect(await find(product, 'endless')).toMatchObject({
      state: 'FAILED',
      errors: [{ message: 'The server ended while this ran.', errorType: 'SYSTEM_ERROR' }],
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('after a kill a block goes on in its handler, with all that its body had set, made and dropped', async () => {
  const folder = passableFolder('query-restart-block')
  const home = join(folder, 'home')
  try {
    let id = ''
    {
      const product = await startProduct({ home, faultPoint: 'query.copy.written@server' })
      await product.run('CREATE TABLE kept (a int)')
      id = await submit(
        product,
        `$$ BEGIN
          CREATE TABLE passing AS SELECT 1 AS a;
          INSERT INTO kept SELECT a FROM passing;
          DROP TABLE passing;
          ALTER TABLE kept ADD COLUMN b int, c int;
          CREATE DATABASE made;
          CREATE VIEW seen AS SELECT a FROM kept;
          SET @seven = 7;
          CREATE TEMP TABLE held AS SELECT 3 AS three;
          IF @seven = 7 THEN SELECT raise_error('no'); END IF;
          INSERT INTO kept (a) SELECT 2;
        EXCEPTION WHEN OTHER THEN
          COPY (SELECT 1 AS a) TO '%scratch_space%/handler';
          INSERT INTO kept (a) SELECT @seven + three FROM held;
        END $$`,
      )
      await product.exited
    }
    await using product = await startProduct({ home })
    expect(await ended(product, id)).toMatchObject({ state: 'SUCCESS', errors: [] })
    expect(await product.rows('SELECT a, c FROM kept ORDER BY a')).toEqual([
      [1, null],
      [10, null],
    ])
    expect(await product.rows("SELECT table_exists('passing')")).toEqual([[false]])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('what is there already, or is not, fails in the background as it does in a session', async () => {
  const folder = passableFolder('query-restart-first')
  try {
    await using product = await startProduct({ home: join(folder, 'home') })
    await product.run('CREATE TABLE kept (a int)')
    await product.run('CREATE VIEW seen AS SELECT a FROM kept')
    await product.run('CREATE DATABASE made')
    for (const [text, message] of [
      ['ALTER TABLE kept ADD COLUMN a int, b int', 'There is a column "a" already.'],
      ['ALTER TABLE kept DROP CONSTRAINT PRIMARY KEY (a)', 'The table "kept" has no such key on a.'],
      ['CREATE VIEW seen AS SELECT a FROM kept', 'There is a table or view "seen" already.'],
      ['DROP VIEW unseen', 'There is no view "unseen".'],
      ['CREATE DATABASE made', 'There is a database "made" already.'],
      ['DROP DATABASE unmade', 'There is no database "unmade".'],
      ['DROP SCHEMA made.nothing', 'There is no schema "nothing" in the database "made".'],
    ] as const) {
      expect
        .soft(await ended(product, await submit(product, text)), text)
        .toMatchObject({ state: 'FAILED', errors: [{ message, errorType: 'USER_ERROR' }] })
    }
    const handled = await submit(
      product,
      '$$ BEGIN DROP VIEW unseen; EXCEPTION WHEN OTHER THEN INSERT INTO kept SELECT 1; END $$',
    )
    expect(await ended(product, handled)).toMatchObject({ state: 'SUCCESS' })
    expect(await product.rows('SELECT a FROM kept')).toEqual([[1]])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
