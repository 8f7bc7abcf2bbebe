import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetIdOf, firstBatchRows, lines, loadBatch, prepareHome } from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const folder = passableFolder('upkeep')
const home = join(folder, 'home')
const batchRows = 20
let product: Product

beforeAll(async () => {
  await prepareHome(home)
  product = await startProduct({ home })
  const id = await datasetIdOf(product, 'web_events')
  for (let batch = 0; batch < 5; batch += 1) {
    await loadBatch(product, id, lines(firstBatchRows + batch * batchRows, batchRows))
  }
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

test('upkeep is asked for, followed and shown: command, status, REST and metrics agree', async () => {
  const ran = await sluice([
    'maintain',
    'web_events',
    '--task',
    'compact',
    '--home',
    home,
    '--format',
    'json',
  ])
  expect(ran.code).toBe(0)
  const [run] = JSON.parse(ran.out) as { id: string; progress: Record<string, number> }[]
  expect(run).toMatchObject({ task: 'compact', state: 'succeeded', progress: { tables: 1, tablesDone: 1 } })
  const { filesRewritten = 0, rowsRewritten = 0, bytesRewritten = 0 } = run!.progress
  expect(filesRewritten).toBeGreaterThan(3)
  expect(bytesRewritten).toBeGreaterThan(rowsRewritten)
  expect(await product.rows('SELECT count(*) FROM web_events')).toEqual([[firstBatchRows + 5 * batchRows]])

  const { tasks } = await product.call<{ tasks: { task: string; totals: object; runs: object[] }[] }>(
    'GET',
    '/sluice/v1/maintenance',
  )
  expect(tasks.map(({ task }) => task)).toEqual(['compact', 'expire', 'sweep', 'retain'])
  const dataSetId = await datasetIdOf(product, 'web_events')
  expect(tasks[0]!.runs).toContainEqual(
    expect.objectContaining({ id: run!.id, dataSetId, state: 'succeeded' }),
  )
  const metrics = await product.text('/metrics')
  expect(metrics).toContain(`sluice_upkeep_bytes_rewritten_total{task="compact"} ${bytesRewritten}\n`)
  expect(metrics).toMatch(/sluice_upkeep_last_success_age_seconds\{task="compact"\} \d+\n/)

  const all = await sluice(['maintain', '--task', 'expire', 'sweep', '--home', home])
  expect(all).toMatchObject({
    code: 0,
    out: expect.stringMatching(/expire +succeeded(.|\n)*sweep +succeeded/),
  })
  const status = await sluice(['status', '--home', home])
  expect(status.out).toMatch(/compact +idle +20\d\d-\d\d-\d\d \d\d:\d\d UTC/)
})

test('a table that is not there and a task that is none are refused', async () => {
  expect(await sluice(['maintain', 'nothing', '--home', home])).toMatchObject({ code: 3 })
  expect(await sluice(['maintain', '--task', 'polish', '--home', home])).toMatchObject({ code: 2 })
  const ask = (body: object) => product.call('POST', '/sluice/v1/maintenance', body)
  await expect(ask({ tasks: ['polish'] })).rejects.toThrow('400')
  await expect(ask({ tasks: ['sweep'], dataSetId: '0'.repeat(24) })).rejects.toThrow('404')
  await expect(product.call('GET', `/sluice/v1/maintenance/runs/${crypto.randomUUID()}`)).rejects.toThrow(
    '404',
  )
})
