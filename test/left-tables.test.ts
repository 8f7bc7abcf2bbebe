import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { expect, it } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sqlClients } from './support/sql-clients.ts'

const waitMs = 30_000

/** Names of datasets of temporary tables. */
async function temporaryDatasets(product: Product): Promise<string[]> {
  const datasets = await product.call<Record<string, { name: string }>>(
    'GET',
    '/data/foundation/catalog/dataSets?limit=100',
  )
  return Object.values(datasets).flatMap(({ name }) => (name.startsWith('temp_') ? [name.slice(32)] : []))
}

it('removes the table that a crash left empty which was to be filled, and no other that is empty', async () => {
  const folder = passableFolder('unfilled')
  const home = join(folder, 'home')
  try {
    {
      await using product = await startProduct({ home })
      await product.run("CREATE TABLE none AS SELECT 'x' AS name WHERE false")
    }
    {
      const product = await startProduct({ home, faultPoint: 'lake.commit.before@server' })
      await expect(product.run('CREATE TABLE half AS SELECT 1 AS a')).rejects.toThrow()
      await product.exited
    }
    await using product = await startProduct({ home })
    const names = async () => (await product.rows('SHOW TABLES')).map(([name]) => name)
    await expect.poll(names, { timeout: waitMs }).toEqual(['none'])
    await product.run('CREATE TABLE half AS SELECT 2 AS a')
    expect(await product.rows('SELECT a FROM half')).toEqual([[2]])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

it('removes the temporary tables of sessions and runs that a crash ended, and no others', async () => {
  const folder = passableFolder('left')
  const home = join(folder, 'home')
  try {
    {
      const product = await startProduct({ home })
      await product.run('CREATE TABLE kept AS SELECT 1 AS a')
      const { id } = await product.call<{ id: string }>('POST', '/data/foundation/query/queries', {
        sql: "CREATE TEMP TABLE of_a_run AS SELECT 1 AS a; SELECT raise_error('for good')",
      })
      const state = async () =>
        (await product.call<{ state: string }>('GET', `/data/foundation/query/queries/${id}`)).state
      await expect.poll(state, { timeout: waitMs }).toBe('FAILED')
      await sqlClients(product, home)
        .connected('prod:all', async (client: pg.Client) => {
          client.on('error', () => {})
          await client.query('CREATE TEMP TABLE of_a_session AS SELECT 1 AS a')
          expect((await temporaryDatasets(product)).toSorted()).toEqual(['of_a_run', 'of_a_session'])
          process.kill(product.pid, 'SIGKILL')
          await product.exited
        })
        .catch((error: unknown) => {
          if (error instanceof Error && error.name === 'AssertionError') throw error
        })
    }
    await using product = await startProduct({ home })
    await sqlClients(product, home).connected('prod:all', async (client) => {
      await client.query('CREATE TEMP TABLE of_now AS SELECT 2 AS a')
      await expect.poll(() => temporaryDatasets(product), { timeout: waitMs }).toEqual(['of_now'])
      expect((await client.query('SELECT a FROM of_now')).rows).toEqual([{ a: 2 }])
    })
    expect(await product.rows('SELECT a FROM kept')).toEqual([[1]])
    await expect.poll(() => temporaryDatasets(product), { timeout: waitMs }).toEqual([])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
