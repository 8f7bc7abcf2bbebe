import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { query, WireClient } from './support/wire-client.ts'

/** What a result takes of the server while nobody reads it: what the kernel holds for its socket, and a chunk. */
const folder = passableFolder('stalled')
let product: Product
let login: { readonly user: string; readonly password: string }
let port: number

beforeAll(async () => {
  const home = join(folder, 'home')
  product = await startProduct({ home })
  const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  login = { user: sqlUser, password: sqlPassword }
  port = Number(product.postgres.split(':')[1])
  await product.run('CREATE TABLE thousand AS SELECT explode(sequence(0, 999)) AS n')
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const residentMiB = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${product.pid}/status`, 'utf8'))?.[1]) / 1024

/** Two million rows, 250 MB. */
const large = `SELECT a.n, b.n, repeat('x', 100) AS filling
  FROM thousand a, thousand b, (SELECT n FROM thousand WHERE n < 2) c LIMIT 0`

test('a client that stops reading two million rows does not make the server grow, and can be cut off', async () => {
  const stalled = await Promise.all(
    Array.from({ length: 2 }, async () => await WireClient.signedIn(port, login)),
  )
  const before = residentMiB()
  for (const client of stalled) {
    client.pause()
    client.send(query(large))
  }
  // All of them have begun, and then nothing more happens: what is held is what stays held.
  let [last, stillFor] = [-1, 0]
  await expect
    .poll(
      () => {
        const now = Math.round(residentMiB())
        stillFor = Math.abs(now - last) <= 2 ? stillFor + 1 : 0
        last = now
        return stillFor
      },
      { timeout: 60_000, interval: 100 },
    )
    .toBeGreaterThan(20)
  // Held whole they would take five hundred.
  expect(residentMiB() - before).toBeLessThan(150)
  // Others are answered meanwhile.
  expect(await product.rows('SELECT count(*) AS n FROM thousand')).toEqual([[1000]])

  // Who reads on gets what comes next; who goes away takes nothing with him.
  const [reader, ...others] = stalled
  for (const client of others) client.destroy()
  reader!.resume()
  await reader!.expect('T')
  for (let row = 0; row < 10_000; row++) await reader!.expect('D')
  await reader![Symbol.asyncDispose]()
  await expect
    .poll(
      async () => {
        const property = encodeURIComponent('state==IN_PROGRESS')
        return (
          await product.call<{ queries: unknown[] }>(
            'GET',
            `/data/foundation/query/queries?property=${property}`,
          )
        ).queries
      },
      { timeout: 30_000 },
    )
    .toEqual([])
}, 180_000)
