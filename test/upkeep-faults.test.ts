import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { backupFaultPoints, upkeepFaultPoints } from '#base/faults.ts'
import {
  datasetIdOf,
  firstBatchRows,
  goneOrWell,
  lines,
  loadBatch,
  prepareHome,
} from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const folder = passableFolder('upkeep-faults')
const prepared = join(folder, 'home')
const batchCount = 6
const batchRows = 20
const allRows = firstBatchRows + batchCount * batchRows
/** Everything but the newest snapshot may go. */
const env = { SLUICE_LAKE_RETENTION_MS: '1ms' }
const fourDaysAgo = new Date(Date.now() - 4 * 86_400_000)

beforeAll(async () => {
  await prepareHome(prepared)
  await using product = await startProduct({ home: prepared, env })
  const id = await datasetIdOf(product, 'web_events')
  for (let batch = 0; batch < batchCount; batch += 1) {
    await loadBatch(product, id, lines(firstBatchRows + batch * batchRows, batchRows))
  }
  // What an engine that died left without a word.
  for (const name of ['orphan-a.parquet', 'orphan-b.parquet']) {
    const path = join(prepared, 'lake', id, 'data', name)
    writeFileSync(path, 'nobody knows me')
    utimesSync(path, fourDaysAgo, fourDaysAgo)
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Life {
  readonly home: string
  /** Starts it when it does not run; the point is armed in the first life. */
  running(): Promise<Product>
}

async function inCopy(point: string, work: (life: Life) => Promise<void>): Promise<void> {
  const base = passableFolder('upkeep-fault')
  const home = join(base, 'home')
  execFileSync('cp', ['-a', prepared, home])
  const lives: Product[] = []
  try {
    await work({
      home,
      running: async () => {
        const last = lives.at(-1)
        if (last?.isRunning()) return last
        const options = lives.length === 0 ? { faultPoint: `${point}@server` } : {}
        lives.push(await startProduct({ home, env, ...options }))
        return lives.at(-1)!
      },
    })
    expect(lives.map((life) => life.output().match(/fault\.struck/g)?.length ?? 0)).toEqual([1, 0])
  } finally {
    await lives.at(-1)?.[Symbol.asyncDispose]()
    rmSync(base, { recursive: true, force: true })
  }
}

/** The answer of the server, started again when it dies over it. */
async function patiently<T>(life: Life, ask: (product: Product) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    let product: Product | undefined
    try {
      product = await life.running()
      return await ask(product)
    } catch (error) {
      if (attempt === 4) throw error
      if (product) await goneOrWell(product)
    }
  }
}

async function ended(
  life: Life,
  path: string,
): Promise<{ state: string; progress: Record<string, unknown> }> {
  for (let look = 0; look < 600; look += 1) {
    const run = await patiently(life, (product) =>
      product.call<{ state: string; progress: Record<string, unknown> }>('GET', path),
    )
    if (['succeeded', 'failed', 'cancelled'].includes(run.state)) return run
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${path} did not end.`)
}

async function counts(product: Product): Promise<number[]> {
  const [row = []] = await product.rows('SELECT count(*), count(DISTINCT _id) FROM web_events')
  return row.map(Number)
}

describe('upkeep whose server is killed', () => {
  test.concurrent.each(upkeepFaultPoints)(
    'at %s goes on in the next life, and every row is there',
    async (point) => {
      await inCopy(point, async (life) => {
        const datasetId = await patiently(life, (product) => datasetIdOf(product, 'web_events'))
        for (const task of ['compact', 'expire', 'sweep']) {
          const { runs } = await patiently(life, (product) =>
            product.call<{ runs: { id: string }[] }>('POST', '/sluice/v1/maintenance', {
              tasks: [task],
              dataSetId: datasetId,
            }),
          )
          const run = await ended(life, `/sluice/v1/maintenance/runs/${runs[0]!.id}`)
          expect(run).toMatchObject({ state: 'succeeded', progress: { tablesDone: 1, tablesFailed: 0 } })
          expect(await patiently(life, counts)).toEqual([allRows, allRows])
        }
        const data = readdirSync(join(life.home, 'lake', datasetId, 'data'))
        expect(data.filter((name) => name.startsWith('orphan'))).toEqual([])
        const { tasks } = await patiently(life, (product) =>
          product.call<{ tasks: { task: string; totals: Record<string, number> }[] }>(
            'GET',
            '/sluice/v1/maintenance',
          ),
        )
        // An attempt that dies after its commit takes its figures with it; that it was struck there shows the commit.
        const expired = tasks.find(({ task }) => task === 'expire')!.totals['snapshotsRemoved']
        if (!point.startsWith('lake.remove.')) expect(expired).toBeGreaterThan(0)
        // Rows can be added to what the upkeep left.
        await patiently(life, (product) => loadBatch(product, datasetId, lines(70_000, batchRows)))
        expect(await patiently(life, counts)).toEqual([allRows + batchRows, allRows + batchRows])
      })
    },
  )
})

describe('a backup whose server is killed', () => {
  test.concurrent.each(backupFaultPoints)(
    'at %s leaves nothing that looks whole, and begins anew',
    async (point) => {
      const backups = join(folder, `backups-${point}`)
      mkdirSync(backups)
      await inCopy(point, async (life) => {
        const first = await life.running()
        const { id } = await first.call<{ id: string }>('POST', '/sluice/v1/backups', { folder: backups })
        await first.exited
        const visible = readdirSync(backups).filter((name) => !name.startsWith('.'))
        expect(visible).toEqual(['sluice-backups.json'])
        expect(await sluice(['restore', '--from', backups, '--home', join(folder, 'none')])).toMatchObject({
          code: 3,
        })
        expect(existsSync(join(folder, 'none'))).toBe(false)

        const run = await ended(life, `/sluice/v1/backups/${id}`)
        expect(run.state).toBe('succeeded')
        const there = readdirSync(backups).filter((name) => name !== 'sluice-backups.json')
        expect(there).toEqual([run.progress['backupId']])
        const manifest = readFileSync(join(backups, there[0]!, 'manifest.json'), 'utf8')
        expect(manifest).toContain('.parquet')
        expect(await sluice(['restore', '--from', backups, '--home', 'x', '--dry-run'])).toMatchObject({
          code: 0,
        })
      })
    },
  )
})
