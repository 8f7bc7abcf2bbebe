import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const folder = passableFolder('adopt-after-restore')
const home = join(folder, 'home')
const restored = join(folder, 'restored')
const backups = join(folder, 'backups')
const delivered = join(folder, 'delivered')
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = (where: string) => sluice(['export', 'run', 'feed', '--home', where])

async function verified() {
  const { code, out } = await sluice(['verify', delivered, '--format', 'json'])
  const { rowCount, findings } = JSON.parse(out) as { rowCount: number; findings: { code: string }[] }
  return { code, rowCount, codes: findings.map((finding) => finding.code) }
}

test('what a restored home delivers after adopting is right, and restores to the rows that the home has', async () => {
  {
    await using product = await startProduct({ home })
    await product.run('CREATE TABLE orders AS SELECT 1 AS id')
    const create = ['export', 'create', 'feed', '--dataset', 'orders', '--to', delivered, '--home', home]
    expect(await sluice(create)).toMatchObject({ code: 0 })
    expect(await run(home)).toMatchObject({ code: 0 })
    expect(await sluice(['backup', '--to', backups, '--home', home])).toMatchObject({ code: 0 })
    // What the backup does not have.
    await product.run('INSERT INTO orders SELECT 2')
    expect(await run(home)).toMatchObject({ code: 0 })
  }
  expect(await sluice(['restore', '--from', backups, '--home', restored])).toMatchObject({ code: 0 })
  await using product = await startProduct({ home: restored })
  expect(await run(restored)).toMatchObject({ code: 1, err: expect.stringContaining('chain.diverged') })
  expect(await sluice(['export', 'adopt', 'feed', '--home', restored])).toMatchObject({ code: 0 })
  expect(await run(restored)).toMatchObject({ code: 0 })
  await product.run('INSERT INTO orders SELECT 3')
  await product.run('INSERT INTO orders SELECT 4')
  expect(await run(restored)).toMatchObject({ code: 0 })
  expect(await verified()).toEqual({ code: 0, rowCount: 4, codes: ['chain.reset'] })

  const again = ['restore', delivered, '--home', restored, '--dataset']
  const looked = await sluice([...again, 'again', '--dry-run'])
  expect(looked).toMatchObject({ code: 0, out: expect.stringContaining('undone') })
  expect(await sluice([...again, 'again'])).toMatchObject({ code: 0 })
  expect(await product.rows('SELECT id FROM again ORDER BY id')).toEqual([[1], [3], [4]])
  // What the backup did not have is still there to be had.
  expect(await sluice([...again, 'lost', '--through', '2'])).toMatchObject({ code: 0 })
  expect(await product.rows('SELECT id FROM lost ORDER BY id')).toEqual([[1], [2]])
})
