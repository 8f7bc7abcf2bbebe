import { randomUUID } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '#base/clock.ts'
import { armFaults, expiryFaultPoints } from '#base/faults.ts'
import { newBatchId } from '#base/ids.ts'
import { silentLogger } from '#base/log.ts'
import { createJobs } from '#jobs/create-jobs.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { createMaintenance, type Maintenance } from '#lake/maintenance.ts'
import { doorTag } from '#metadata/datasets.ts'
import { stringType, timestampType, type Field } from '#types/data-type.ts'
import { IngestBed, type IngestNode } from '../../test/support/ingest.ts'
import { hangingAt } from '../../test/support/lake.ts'
import { createExpirations } from './create-expirations.ts'
import type { Dataset } from './datasets.ts'
import type { Expirations } from './expirations.ts'
import { rowsPastOf } from './row-retention.ts'

const signal = new AbortController().signal
const columns: readonly Field[] = [
  { name: '_id', type: stringType },
  { name: 'timestamp', type: timestampType },
]
const dayMs = 86_400_000
let bed: IngestBed
let loads: IngestNode

interface Node extends AsyncDisposable {
  readonly jobs: Jobs
  readonly expirations: Expirations
  readonly maintenance: Maintenance
}
let node: Node

beforeAll(async () => {
  bed = await IngestBed.open()
  loads = await bed.node({ nodeId: 'loads' })
  node = await start()
})
afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
  await loads?.[Symbol.asyncDispose]()
  await bed?.[Symbol.asyncDispose]()
})
afterEach(() => armFaults(undefined))

async function start(nodeId = 'a'): Promise<Node> {
  const { metadata, access, lake } = bed
  const common = { metadata, access, lake, clock: systemClock }
  const jobs = createJobs({ ...common, nodeId, incarnation: randomUUID(), logger: silentLogger })
  const expirations = createExpirations({ ...common, jobs })
  const maintenance = createMaintenance({
    ...common,
    jobs,
    logger: silentLogger,
    rowsPast: rowsPastOf(common),
  })
  await jobs.start()
  return { jobs, expirations, maintenance, [Symbol.asyncDispose]: () => jobs[Symbol.asyncDispose]() }
}

function row(id: string, daysAgo: number): string {
  return JSON.stringify({ _id: id, timestamp: new Date(Date.now() - daysAgo * dayMs).toISOString() })
}

async function filled(): Promise<Dataset> {
  const dataset = await bed.dataset(columns)
  await bed.load(loads, dataset, { 'a.json': `${row('new', 1)}\n${row('old', 100)}` })
  await bed.load(loads, dataset, { 'b.json': row('older', 200) })
  return dataset
}

const dataFiles = async (dataset: Dataset) => {
  const names = await readdir(join(bed.folder, 'lake', dataset.id, 'data'), { recursive: true })
  return names.filter((name) => name.endsWith('.parquet'))
}
const end = (dataset: Dataset, afterMs: number) => ({
  datasetId: dataset.id,
  expiry: new Date(Date.now() + afterMs),
  displayName: 'end',
  description: '',
})
const isGone = async (dataset: Dataset) =>
  await vi.waitFor(
    async () =>
      expect(await node.expirations.get(bed.caller, dataset.id)).toMatchObject({ status: 'completed' }),
    { timeout: 20_000, interval: 50 },
  )

describe('the end of a dataset', () => {
  test('takes what was sent and refused along, at every node', async () => {
    const staging = join(bed.folder, 'staging-other')
    await using other = await bed.node({ nodeId: 'other', staging })
    const dataset = await bed.dataset(columns)
    const files = { 'a.json': `{"_id":5,"timestamp":"x"}` }
    const refused = await bed.load(loads, dataset, files, { partialIngestionPercentage: 100 })
    const failed = await bed.load(loads, dataset, files)
    const elsewhere = await bed.load(other, dataset, files)
    const kept = async () =>
      [
        ...(await readdir(bed.staging, { recursive: true })),
        ...(await readdir(staging, { recursive: true })),
      ].filter((name) => [refused, failed, elsewhere].some(({ id }) => name.includes(id)))
    expect(await kept()).toContain(`rejects/${refused.id}.jsonl`)
    expect(await kept()).toContain(`${failed.id}/file-1`)
    expect(await kept()).toContain(`${elsewhere.id}/file-1`)
    await node.expirations.create(bed.caller, end(dataset, 200))
    await isGone(dataset)
    await vi.waitFor(async () => expect(await kept()).toEqual([]), { timeout: 10_000, interval: 50 })
    await expect(loads.ingest.metaFiles(bed.caller, refused.id)).rejects.toMatchObject({
      code: 'dataset.unknown',
    })
  })

  test('takes dataset, rows and files at its time, and is told of afterwards', async () => {
    const dataset = await filled()
    expect(await dataFiles(dataset)).not.toEqual([])
    const made = await node.expirations.create(bed.caller, end(dataset, 500))
    expect(await node.expirations.get(bed.caller, made.id)).toMatchObject({ status: 'pending' })
    await isGone(dataset)
    await expect(bed.datasets.get(bed.caller, dataset.id)).rejects.toMatchObject({ code: 'dataset.unknown' })
    expect(await dataFiles(dataset)).toEqual([])
    const [run] = await node.jobs.runs({ kind: 'dataset.expire', subjectId: made.id })
    expect(run).toMatchObject({ state: 'succeeded', result: { rowsRemoved: 3 } })
  })

  test('that was put off does not come at the earlier time; one that was cancelled does not come', async () => {
    const [later, never] = [await filled(), await filled()]
    const made = await node.expirations.create(bed.caller, end(later, 600))
    const other = await node.expirations.create(bed.caller, end(never, 600))
    await expect(node.expirations.create(bed.caller, end(never, 600))).rejects.toMatchObject({
      code: 'expiration.exists',
    })
    await node.expirations.update(bed.caller, made.id, { expiry: new Date(Date.now() + 60 * dayMs) })
    await node.expirations.cancel(bed.caller, other.id)
    for (const { id } of [made, other]) {
      const runs = await node.jobs.runs({ kind: 'dataset.expire', subjectId: id })
      const first = runs.find(({ tick }) => Date.parse(tick) < Date.now() + dayMs)
      const run = await node.jobs.finished(first!.id, { signal })
      expect(run).toMatchObject({ state: 'succeeded', result: { isSkipped: true } })
    }
    expect(await bed.rows(later)).toHaveLength(3)
    expect(await bed.rows(never)).toHaveLength(3)
    await expect(node.expirations.cancel(bed.caller, other.id)).rejects.toMatchObject({
      code: 'expiration.state',
    })
    await expect(node.expirations.create(bed.caller, end(later, -1))).rejects.toMatchObject({
      code: 'request.invalid',
    })
  })

  test('does not come early by the clock of a node that is ahead', async () => {
    const dataset = await filled()
    const made = await node.expirations.create(bed.caller, end(dataset, 30 * dayMs))
    const [run] = await node.jobs.runs({ kind: 'dataset.expire', subjectId: made.id })
    await node.jobs.resume(run!.id)
    await bed.metadata.db
      .updateTable('job_runs')
      .set({ due_at: new Date() })
      .where('id', '=', run!.id)
      .execute()
    node.jobs.ring()
    await vi.waitFor(
      async () =>
        expect(await node.jobs.run(run!.id)).toMatchObject({ state: 'waiting', code: 'job.postponed' }),
      30_000,
    )
    expect(await bed.rows(dataset)).toHaveLength(3)
  })

  test.each(expiryFaultPoints)('is reached by the next life of a server that died at %s', async (point) => {
    const dataset = await filled()
    await node[Symbol.asyncDispose]()
    const dying = await start('dying')
    const hanging = await hangingAt(point, async () => {
      await dying.expirations.create(bed.caller, end(dataset, 100))
      await isGone(dataset)
    })
    node = await start('dying')
    await isGone(dataset)
    hanging.release()
    await dying[Symbol.asyncDispose]()
    expect(await dataFiles(dataset)).toEqual([])
  })
})

describe('rows of a dataset that keeps them for a while', () => {
  const keep = async (dataset: Dataset, ttlValue: string | null) =>
    await bed.datasets.update(bed.caller, dataset.id, (current) => ({
      ...current,
      extensions: { adobe_lakeHouse: { rowExpiration: { ttlValue } } },
    }))
  const retain = async () => {
    const runId = await node.maintenance.request({ task: 'retain' })
    return await node.jobs.finished(runId, { signal })
  }

  test('go when they are older, from the disk too; those of others stay', async () => {
    const [dataset, other, again] = [await filled(), await filled(), await filled()]
    await keep(dataset, 'P90D')
    await keep(again, 'P90D')
    await keep(again, null) // Taken back before it came.
    expect(await retain()).toMatchObject({ state: 'succeeded', result: { tablesFailed: 0, rowsRemoved: 2 } })
    expect((await bed.rows(dataset)).map(([id]) => id)).toEqual(['new'])
    expect(await dataFiles(dataset)).toHaveLength(1)
    expect(await bed.rows(other)).toHaveLength(3)
    expect(await bed.rows(again)).toHaveLength(3)
    expect(await retain()).toMatchObject({ state: 'succeeded', result: { rowsRemoved: 0 } })
    const audited = await bed.metadata.db
      .selectFrom('audit')
      .selectAll()
      .where('asset_type', '=', 'dataset rows')
      .where('asset_id', '=', dataset.id)
      .execute()
    expect(audited).toMatchObject([{ action: 'delete', detail: { ttlValue: 'P90D', rowsRemoved: 2 } }])
  })

  test('leave a batch inactive that has none any more, and no other', async () => {
    const dataset = await bed.dataset(columns)
    const old = await bed.load(loads, dataset, { 'a.json': row('old', 200) })
    const both = await bed.load(loads, dataset, { 'b.json': `${row('new', 1)}\n${row('older', 300)}` })
    const empty = await bed.load(loads, dataset, { 'c.json': '[]' })
    const other = await bed.load(loads, await bed.dataset(columns), { 'd.json': row('old', 200) })
    await keep(dataset, 'P90D')
    expect(await retain()).toMatchObject({ state: 'succeeded', result: { rowsRemoved: 2 } })
    const states = await Promise.all(
      [old, both, empty, other].map(async ({ id }) => (await bed.datasets.batch(bed.caller, id)).state),
    )
    expect(states).toEqual(['inactive', 'success', 'success', 'success'])
    expect(await loads.ingest.loadedFiles(bed.caller, old.id)).toEqual([])
  })

  test('leave a batch of another engine as it is, whose rows do not say that they are of it', async () => {
    const dataset = await bed.dataset(columns)
    const old = await bed.load(loads, dataset, { 'a.json': row('old', 200) })
    const id = newBatchId()
    const tags = { [doorTag]: ['iceberg'] }
    const batch = { id, datasetId: dataset.id, recordCount: 2, bytes: 100, tags }
    await bed.metadata.transaction((tx) => bed.datasets.recordCommittedBatch(tx, batch))
    await keep(dataset, 'P90D')
    expect(await retain()).toMatchObject({ state: 'succeeded', result: { rowsRemoved: 1 } })
    expect(await bed.datasets.batch(bed.caller, old.id)).toMatchObject({ state: 'inactive' })
    expect(await bed.datasets.batch(bed.caller, id)).toMatchObject({ state: 'success' })
  })

  test.each(['P29D', 'P4W', '90', 'P', 'PT900H', 'P-90D'])('are not kept for %s', async (span) => {
    await expect(keep(await bed.dataset(columns), span)).rejects.toMatchObject({ code: 'request.invalid' })
  })

  test('have a time', async () => {
    const dataset = await bed.dataset([{ name: 'name', type: stringType }])
    await expect(keep(dataset, 'P90D')).rejects.toMatchObject({ code: 'request.invalid' })
  })
})
