import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetIdOf, firstBatchRows, lines, loadBatch, prepareHome } from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const folder = passableFolder('backup')
const home = join(folder, 'home')
const backups = join(folder, 'backups')
const destination = join(folder, 'delivered')
const restored = join(folder, 'restored')
const batchRows = 25

afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Verified {
  readonly isRight: boolean
  readonly rowCount: number
}

async function countsOf(product: Product) {
  const [counts] = await product.rows('SELECT count(*), count(DISTINCT _id) FROM web_events')
  return { rows: Number(counts?.[0]), ids: Number(counts?.[1]) }
}

/** How many batches are loaded, once none waits any more. */
async function loadedBatches(product: Product): Promise<number> {
  const id = await datasetIdOf(product, 'web_events')
  for (let look = 0; look < 600; look += 1) {
    const batches = await product.call<Record<string, { status: string }>>(
      'GET',
      `/data/foundation/catalog/batches?dataSet=${id}&limit=100`,
    )
    const states = Object.values(batches).map(({ status }) => status)
    expect(states).not.toContain('failed')
    const loaded = states.filter((state) => state === 'success' || state === 'active').length
    // One whose upload had not ended is its client's to go on with.
    if (loaded + states.filter((state) => state === 'loading').length === states.length) return loaded
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('A batch still waits.')
}

async function verified(): Promise<Verified> {
  const { out } = await sluice(['verify', destination, '--format', 'json'])
  return JSON.parse(out) as Verified
}

/** Loads, queries and deliveries, one after another of each kind, until told to stop. */
function underLoad(product: Product, datasetId: string, flowId: string) {
  const state = { isOver: false, loaded: 0, queries: 0, deliveries: 0 }
  const loader = async () => {
    while (!state.isOver) {
      const from = firstBatchRows + state.loaded * batchRows
      state.loaded += 1
      await loadBatch(product, datasetId, lines(from, batchRows))
    }
  }
  const querier = async () => {
    while (!state.isOver) {
      await product.rows('SELECT person, count(*) FROM web_events GROUP BY person')
      state.queries += 1
    }
  }
  const deliverer = async () => {
    while (!state.isOver) {
      await product.call('POST', '/data/foundation/flowservice/runs', { flowId })
      state.deliveries += 1
      await new Promise((resolve) => setTimeout(resolve, 300))
    }
  }
  const work = Promise.all([loader(), querier(), deliverer()])
  work.catch(() => {}) // Told at the stop.
  return {
    state,
    stop: async () => {
      state.isOver = true
      await work
    },
  }
}

let flowId = ''
let loadedAtEnd = 0
let batchesBefore = 0

beforeAll(async () => {
  await prepareHome(home)
  const settings = {
    limits: { rowsMax: 90_000 },
    lake: { cacheFolder: join(home, 'cache'), retentionMs: '9d' },
  }
  writeFileSync(join(home, 'config.json'), JSON.stringify(settings))
  await mkdir(destination, { mode: 0o755 })
  await using product = await startProduct({ home })
  const create = ['export', 'create', 'nightly', '--dataset', 'web_events', '--to', destination]
  expect(await sluice([...create, '--format', 'json', '--home', home])).toMatchObject({ code: 0 })
  const flows = await product.call<{ items: { id: string }[] }>('GET', '/data/foundation/flowservice/flows')
  flowId = flows.items[0]!.id
  const load = underLoad(product, await datasetIdOf(product, 'web_events'), flowId)
  // The load must be well under way.
  while (load.state.loaded < 3 || load.state.deliveries < 2)
    await new Promise((resolve) => setTimeout(resolve, 50))
  batchesBefore = load.state.loaded - 1
  const ran = await sluice(['backup', '--to', backups, '--home', home])
  await load.stop()
  loadedAtEnd = load.state.loaded
  expect(ran).toMatchObject({ code: 0, out: expect.stringContaining('Saved') })
  // What the old home goes on to deliver, the restored one knows nothing of.
  await loadBatch(product, await datasetIdOf(product, 'web_events'), lines(90_000, batchRows))
  expect(await sluice(['export', 'run', 'nightly', '--home', home])).toMatchObject({ code: 0 })
})

test('a backup taken under load restores to a home that serves, agrees with itself and delivers nothing twice', async () => {
  const before = await verified()
  expect(before).toMatchObject({ isRight: true, rowCount: firstBatchRows + (loadedAtEnd + 1) * batchRows })
  expect(await sluice(['restore', '--from', backups, '--home', restored])).toMatchObject({
    code: 0,
    out: expect.stringContaining('Restored'),
  })
  // Settings come along, but not where things were.
  expect(JSON.parse(readFileSync(join(restored, 'config.json'), 'utf8'))).toEqual({
    limits: { rowsMax: 90_000 },
    lake: { retentionMs: '9d' },
  })
  await using product = await startProduct({ home: restored })
  // Uploads that waited are loaded by the restored home.
  const done = await loadedBatches(product)
  const counts = await countsOf(product)
  expect(counts.rows).toBe(firstBatchRows + (done - 1) * batchRows)
  expect(counts.ids).toBe(counts.rows)
  expect(done - 1).toBeGreaterThanOrEqual(batchesBefore)
  expect(done - 1).toBeLessThanOrEqual(loadedAtEnd)
  const flows = await product.call<{ items: { id: string }[] }>('GET', '/data/foundation/flowservice/flows')
  expect(flows.items.map(({ id }) => id)).toEqual([flowId])

  const fresh = await sluice(['export', 'run', 'nightly', '--home', restored])
  expect(fresh).toMatchObject({ code: 1, err: expect.stringContaining('chain.diverged') })
  expect(await verified()).toEqual(before)
  // It goes on working with what is its own.
  await loadBatch(product, await datasetIdOf(product, 'web_events'), lines(80_000, batchRows))
  expect((await countsOf(product)).rows).toBe(counts.rows + batchRows)
  expect(await sluice(['backup', '--to', backups, '--home', restored])).toMatchObject({ code: 0 })
})

test('a second backup links what the first has, a dry run writes nothing, and other folders are refused', async () => {
  await using _product = await startProduct({ home })
  const [first = ''] = backupsIn()
  const dry = await sluice(['backup', '--to', backups, '--home', home, '--dry-run'])
  expect(dry).toMatchObject({ code: 0, out: expect.stringMatching(/linked.*Nothing was written/) })
  const ran = await sluice(['backup', '--to', backups, '--home', home, '--format', 'json'])
  expect(ran.code).toBe(0)
  const { progress } = JSON.parse(ran.out) as { progress: { backupId: string; filesLinked: number } }
  expect(progress.filesLinked).toBeGreaterThan(0)
  const shared = lakeFilesOf(first).find((name) => existsSync(join(backups, progress.backupId, name)))!
  expect(statSync(join(backups, first, shared)).ino).toBe(
    statSync(join(backups, progress.backupId, shared)).ino,
  )
  const foreign = join(folder, 'foreign')
  await mkdir(foreign)
  writeFileSync(join(foreign, 'letter.txt'), 'mine')
  for (const [to, words] of [
    [foreign, 'is not empty and holds no backups'],
    [join(home, 'inside'), 'lie in one another'],
  ] as const) {
    const refused = await sluice(['backup', '--to', to, '--home', home])
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining(words) })
  }
  expect(readdirSync(foreign)).toEqual(['letter.txt'])
})

const damage = {
  torn: (path: string) => truncateSync(path, Math.floor(statSync(path).size / 2)),
  missing: (path: string) => rmSync(path),
  changed: (path: string) => {
    const bytes = readFileSync(path)
    bytes[Math.floor(bytes.length / 2)]! ^= 1
    writeFileSync(path, bytes)
  },
}

test.each(Object.keys(damage) as (keyof typeof damage)[])(
  'a backup with a %s file is refused by its name and leaves no home',
  async (kind) => {
    const [first = ''] = backupsIn()
    const copy = join(folder, `copy-${kind}`)
    execFileSync('cp', ['-a', join(backups, first), copy])
    const dataFile = lakeFilesOf(first).find((file) => file.endsWith('.parquet'))!
    for (const name of [dataFile, 'database/job_runs.jsonl', 'manifest.json']) {
      const target = join(folder, `never-${kind}`)
      const path = join(copy, name)
      const whole = readFileSync(path)
      damage[kind](path)
      // Reading it for nothing finds the same, and is quicker.
      const dry = name === dataFile ? [] : ['--dry-run']
      const refused = await sluice(['restore', '--from', copy, '--home', target, ...dry])
      expect(refused.code).not.toBe(0)
      // Without its manifest a folder is no backup at all.
      expect(refused.err).toContain(kind === 'missing' && name === 'manifest.json' ? 'no whole backup' : name)
      expect(existsSync(target) ? readdirSync(target) : []).toEqual([])
      writeFileSync(path, whole)
    }
    expect(await sluice(['restore', '--from', copy, '--home', join(folder, 'x'), '--dry-run'])).toMatchObject(
      {
        code: 0,
        out: expect.stringContaining('Whole'),
      },
    )
    expect(existsSync(join(folder, 'x'))).toBe(false)
  },
)

test('a home that is not empty is left as it is, and one whose restore was broken off is not started on', async () => {
  const refused = await sluice(['restore', '--from', backups, '--home', home])
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('is not empty') })
  const broken = join(folder, 'broken')
  await mkdir(broken, { mode: 0o711 })
  writeFileSync(join(broken, 'restoring'), '')
  expect(await sluice(['status', '--home', broken])).toMatchObject({ code: 3 })
  expect(await sluice(['sql', '-c', 'SELECT 1', '--home', broken])).toMatchObject({
    code: 73,
    err: expect.stringContaining('did not finish'),
  })
})

function backupsIn(): string[] {
  return readdirSync(backups)
    .filter((name) => /^\d{8}T/.test(name))
    .toSorted()
}

function lakeFilesOf(backup: string): string[] {
  const { files } = JSON.parse(readFileSync(join(backups, backup, 'manifest.json'), 'utf8')) as {
    files: { name: string }[]
  }
  return files.map(({ name }) => name).filter((name) => name.startsWith('lake/'))
}
