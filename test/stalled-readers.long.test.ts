import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct } from './support/product.ts'
import { query, WireClient } from './support/wire-client.ts'

/** All of one login: most of their statements wait in line for a place in the engine. */
const connections = 200

test('two hundred clients that stop reading fifty million rows leave the server small, and others served', async () => {
  const folder = passableFolder('stalled-long')
  const home = join(folder, 'home')
  try {
    await using product = await startProduct({ home, env: { SLUICE_LIMITS_SESSIONS_MAX: '300' } })
    const { sqlUser, sqlPassword } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
    const login = { user: sqlUser, password: sqlPassword }
    const port = Number(product.postgres.split(':')[1])
    await product.run('CREATE TABLE thousand AS SELECT explode(sequence(0, 999)) AS n')
    const large = `SELECT a.n, b.n, repeat('x', 100) AS filling
      FROM thousand a, thousand b, (SELECT n FROM thousand WHERE n < 50) c LIMIT 0`
    const residentMiB = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${product.pid}/status`, 'utf8'))?.[1]) / 1024
    const clients: WireClient[] = []
    for (let index = 0; index < connections; index++) clients.push(await WireClient.signedIn(port, login))
    const before = residentMiB()
    for (const client of clients) {
      client.pause()
      client.send(query(large))
    }
    let highest = 0
    for (let second = 0; second < 120; second++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      highest = Math.max(highest, residentMiB())
    }
    // A chunk of a quarter of a megabyte for each, and what Node adds.
    expect(highest - before).toBeLessThan(500)
    for (const client of clients) client.destroy()
    await expect
      .poll(async () => await product.rows('SELECT count(*) AS n FROM thousand').catch(() => []), {
        timeout: 120_000,
      })
      .toEqual([[1000]])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
