import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
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

test('who asks for a start that has expired gets all that a compaction holds, not only what came after it', async () => {
  const short = join(folder, 'short')
  await using brief = await startProduct({ home: short, env: { SLUICE_LAKE_RETENTION_MS: '1000' } })
  await brief.run('CREATE TABLE kept AS SELECT 1 AS n')
  const [[first]] = (await brief.rows("SELECT snapshot_id FROM (SELECT history_meta('kept'))")) as [[unknown]]
  await brief.run('INSERT INTO kept SELECT 2; INSERT INTO kept SELECT 3; INSERT INTO kept SELECT 4')
  await sleep(1500)
  expect((await sluice(['maintain', 'kept', '--task', 'compact', 'expire', '--home', short])).code).toBe(0)
  await brief.run('INSERT INTO kept SELECT 5')
  const since = `SELECT n FROM kept SNAPSHOT SINCE '${String(first)}' ORDER BY n`
  await expect(brief.rows(since)).rejects.toThrow(/source\.removed/)
  const fallback = `SET resolve_fallback_snapshot_on_failure = true; ${since}`
  expect((await brief.rows(fallback)).flat()).toEqual([1, 2, 3, 4, 5])
})
