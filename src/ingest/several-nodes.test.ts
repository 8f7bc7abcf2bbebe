import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BatchId } from '#base/ids.ts'
import type { Dataset } from '#datasets/datasets.ts'
import { longType, type Field } from '#types/data-type.ts'
import { IngestBed, type IngestNode } from '../../test/support/ingest.ts'

/** Two nodes with one database and one lake, each with files of its own. */
const columns: readonly Field[] = [{ name: 'id', type: longType }]
const { signal } = new AbortController()
let bed: IngestBed
let one: IngestNode
let other: IngestNode

beforeAll(async () => {
  bed = await IngestBed.open()
  one = await bed.node({ nodeId: 'one', staging: stagingOf('one') })
  other = await bed.node({ nodeId: 'other', staging: stagingOf('other') })
}, 60_000)
afterAll(async () => {
  await one?.[Symbol.asyncDispose]()
  await other?.[Symbol.asyncDispose]()
  await bed?.[Symbol.asyncDispose]()
})

const stagingOf = (name: string) => join(bed.folder, `staging-${name}`)
const theirs = { code: 'node.other', hint: expect.stringContaining('one'), detail: { node: 'one' } }
const idsOf = async (dataset: Dataset) => (await bed.rows(dataset)).map(([id]) => id)

function file(dataset: Dataset, batchId: BatchId, text = '{"id":1}') {
  const taken = { pieces: 0 }
  async function* bytes() {
    taken.pieces += 1
    yield Buffer.from(text)
  }
  return { taken, upload: { batchId, datasetId: dataset.id, fileName: 'a.json', bytes: bytes(), signal } }
}

test('a batch completed at another node waits for the node that has its files', async () => {
  const dataset = await bed.dataset(columns)
  const down = await bed.node({ nodeId: 'down', staging: stagingOf('down'), isIdle: true })
  const batchId = await bed.upload(down, dataset, { 'a.json': '{"id":1}' })
  await down[Symbol.asyncDispose]()
  await other.ingest.complete(bed.caller, batchId)
  // Enqueued later: whoever is at it has passed the first one by.
  expect(await bed.load(other, dataset, { 'a.json': '{"id":2}' })).toMatchObject({ state: 'success' })
  expect(await bed.load(one, dataset, { 'a.json': '{"id":3}' })).toMatchObject({ state: 'success' })
  expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({ state: 'queued', nodeId: 'down' })
  await using _up = await bed.node({ nodeId: 'down', staging: stagingOf('down') })
  expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 1 })
  expect(await idsOf(dataset)).toEqual([1, 2, 3])
})

test('a batch that waits for a node is given up at another one', async () => {
  const dataset = await bed.dataset(columns)
  const gone = await bed.node({ nodeId: 'gone', staging: stagingOf('gone'), isIdle: true })
  const batchId = await bed.upload(gone, dataset, { 'a.json': '{"id":1}' })
  await gone.ingest.complete(bed.caller, batchId)
  await gone[Symbol.asyncDispose]()
  // It had begun when it died.
  await bed.metadata.db
    .updateTable('job_runs')
    .set({ state: 'running', fence: 1, lease_node: 'gone', leased_until: new Date(0) })
    .where('subject_id', '=', batchId)
    .execute()
  await other.ingest.abort(bed.caller, batchId)
  other.jobs.ring()
  await expect
    .poll(async () => (await other.jobs.runs({ subjectId: batchId }))[0]?.state, { timeout: 10_000 })
    .toMatch(/cancelled|failed/)
  expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({ state: 'aborted' })
})

test('files for a batch whose files lie elsewhere are refused before a byte is taken', async () => {
  const dataset = await bed.dataset(columns)
  const batchId = await bed.upload(one, dataset, { 'first.json': '{"id":1}' })
  const place = { batchId, datasetId: dataset.id, fileName: 'b.json' }
  await one.ingest.beginFile(bed.caller, place)
  const { taken, upload } = file(dataset, batchId)
  await expect(other.ingest.upload(bed.caller, upload)).rejects.toMatchObject(theirs)
  await expect(other.ingest.beginFile(bed.caller, place)).rejects.toMatchObject(theirs)
  const part = { ...upload, ...place, firstByte: 0, lastByte: 7, totalBytes: 8 }
  await expect(other.ingest.uploadPart(bed.caller, part)).rejects.toMatchObject(theirs)
  await expect(other.ingest.completeFile(bed.caller, place, signal)).rejects.toMatchObject(theirs)
  expect(taken.pieces).toBe(0)
  await expect(access(join(stagingOf('other'), batchId))).rejects.toMatchObject({ code: 'ENOENT' })
  await one.ingest.uploadPart(bed.caller, { ...part, bytes: file(dataset, batchId, '{"id":2}').upload.bytes })
  await one.ingest.completeFile(bed.caller, place, signal)
  await other.ingest.complete(bed.caller, batchId)
  expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 2 })
  expect(await idsOf(dataset)).toEqual([1, 2])
})

test('of first files that come to several nodes at once one node has the batch', async () => {
  const dataset = await bed.dataset(columns)
  for (let round = 0; round < 10; round += 1) {
    const batch = await one.ingest.open(bed.caller, { datasetId: dataset.id, format: 'json' })
    const files = [one, other].map(({ ingest }, index) => {
      const { taken, upload } = file(dataset, batch.id)
      return { taken, done: ingest.upload(bed.caller, { ...upload, fileName: `${index}.json` }) }
    })
    const ends = await Promise.allSettled(files.map(({ done }) => done))
    const refused = ends.flatMap((end, index) => (end.status === 'rejected' ? [{ end, index }] : []))
    expect(refused).toHaveLength(1)
    for (const { end, index } of refused) {
      expect(end.reason).toMatchObject({ code: 'node.other' })
      expect(files[index]?.taken.pieces).toBe(0)
    }
    await one.ingest.complete(bed.caller, batch.id)
    expect(await bed.finished(batch.id)).toMatchObject({ state: 'success', recordCount: 1 })
  }
})

test('what is kept of a batch is asked of the node that keeps it', async () => {
  const dataset = await bed.dataset(columns)
  const { id, state } = await bed.load(one, dataset, { 'a.json': '{"id":1}\n{"id":"x"}' })
  expect(state).toBe('failed')
  expect(await one.ingest.rejects(bed.caller, id, { limit: 10 })).toHaveLength(1)
  expect(await one.ingest.failedFiles(bed.caller, id)).toHaveLength(1)
  await expect(other.ingest.rejects(bed.caller, id, { limit: 10 })).rejects.toMatchObject(theirs)
  await expect(other.ingest.failedFiles(bed.caller, id)).rejects.toMatchObject(theirs)
  await expect(other.ingest.metaFiles(bed.caller, id)).rejects.toMatchObject(theirs)
  const good = await bed.load(one, dataset, { 'a.json': '{"id":1}' })
  expect(await other.ingest.rejects(bed.caller, good.id, { limit: 10 })).toEqual([])
  expect(await other.ingest.failedFiles(bed.caller, good.id)).toEqual([])
  expect((await other.ingest.metaFiles(bed.caller, good.id)).map(({ name }) => name)).toEqual([
    'input_files/input_file_1.json',
  ])
})

test('a batch is reverted and replayed by any node', async () => {
  const dataset = await bed.dataset(columns)
  const first = await bed.load(one, dataset, { 'a.json': '{"id":1}' })
  const second = await bed.load(other, dataset, { 'a.json': '{"id":2}' }, { replaces: [first.id] })
  expect(await idsOf(dataset)).toEqual([2])
  await one.ingest.revert(bed.caller, second.id)
  await expect
    .poll(async () => (await bed.datasets.batch(bed.caller, second.id)).state, { timeout: 20_000 })
    .toBe('inactive')
  expect(await idsOf(dataset)).toEqual([])
})
