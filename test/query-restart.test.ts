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
