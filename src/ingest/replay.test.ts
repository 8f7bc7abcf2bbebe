import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { armFaults } from '#base/faults.ts'
import { smallResult } from '#engine/small-result.ts'
import { longType, stringType, type Field } from '#types/data-type.ts'
import type { BatchData } from './ingest.ts'
import type { IngestBed } from '../../test/support/ingest.ts'
import { bed, nextNode, node } from '../../test/support/one-ingest.ts'
import { hangingAt } from '../../test/support/lake.ts'

const columns: readonly Field[] = [
  { name: 'id', type: longType },
  { name: 'name', type: stringType },
]

afterEach(() => armFaults(undefined))

const ids = async (dataset: Parameters<IngestBed['rows']>[0]) => (await bed.rows(dataset)).map(([id]) => id)

describe('a batch that replays others', () => {
  test('puts its rows in their place, and they are inactive', async () => {
    const dataset = await bed.dataset(columns)
    const one = await bed.load(node, dataset, { 'a.json': '{"id":1}\n{"id":2}' })
    const two = await bed.load(node, dataset, { 'a.json': '{"id":3}' })
    await bed.load(node, dataset, { 'a.json': '{"id":4}' })
    const batch = await bed.load(node, dataset, { 'a.json': '{"id":5}' }, { replaces: [one.id, two.id] })
    expect(batch).toMatchObject({ state: 'success', recordCount: 1 })
    expect(await ids(dataset)).toEqual([4, 5])
    for (const { id } of [one, two]) {
      expect(await bed.datasets.batch(bed.caller, id)).toMatchObject({ state: 'inactive' })
    }
  })

  test('that fails leaves them as they were', async () => {
    const dataset = await bed.dataset(columns)
    const one = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const batch = await bed.load(node, dataset, { 'a.json': '{"id":"x"}' }, { replaces: [one.id] })
    expect(batch).toMatchObject({ state: 'failed' })
    expect(await ids(dataset)).toEqual([1])
    expect(await bed.datasets.batch(bed.caller, one.id)).toMatchObject({ state: 'success' })
  })

  test('whose server dies before or after its commit does it once', async () => {
    for (const point of ['lake.rewrite.done', 'lake.commit.after'] as const) {
      const dataset = await bed.dataset(columns)
      const one = await bed.load(node, dataset, { 'a.json': '{"id":1}\n{"id":2}' })
      await node[Symbol.asyncDispose]()
      const dying = await bed.node({ nodeId: 'dying' })
      const batchId = await bed.upload(dying, dataset, { 'a.json': '{"id":3}' }, { replaces: [one.id] })
      const hanging = await hangingAt(point, async () => {
        await dying.ingest.complete(bed.caller, batchId)
        await bed.finished(batchId)
      })
      await nextNode({ nodeId: 'dying' })
      expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 1 })
      hanging.release()
      await dying[Symbol.asyncDispose]()
      expect(await ids(dataset)).toEqual([3])
    }
  })

  test('of which two replay the same one: the later one fails, whatever the order', async () => {
    const dataset = await bed.dataset(columns)
    const one = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const both = [
      await bed.upload(node, dataset, { 'a.json': '{"id":2}' }, { replaces: [one.id] }),
      await bed.upload(node, dataset, { 'a.json': '{"id":3}' }, { replaces: [one.id] }),
    ]
    await Promise.all(both.map((id) => node.ingest.complete(bed.caller, id)))
    const ended = await Promise.all(both.map((id) => bed.finished(id)))
    const [failed, ...more] = ended.filter(({ state }) => state === 'failed')
    expect([more, failed?.errors]).toEqual([
      [],
      [expect.objectContaining({ description: expect.stringMatching(`${one.id}.* is inactive`) })],
    ])
    expect(await ids(dataset)).toEqual([ended[0]?.state === 'success' ? 2 : 3])
  })

  test('are loaded ones of its dataset', async () => {
    const [dataset, other] = [await bed.dataset(columns), await bed.dataset(columns)]
    const one = await bed.load(node, other, { 'a.json': '{"id":1}' })
    const open = await bed.upload(node, dataset, {})
    for (const [id, code] of [
      [one.id, 'request.invalid'],
      [open, 'batch.state'],
    ] as const) {
      const asked = node.ingest.open(bed.caller, { datasetId: dataset.id, format: 'json', replaces: [id] })
      await expect(asked).rejects.toMatchObject({ code })
    }
  })
})

describe('the files of a loaded batch', () => {
  async function idsIn(file: BatchData | undefined): Promise<unknown[]> {
    const path = join(bed.folder, `${randomUUID()}.parquet`)
    await writeFile(path, file!.read({ start: 0, end: file!.bytes }))
    const statement = { sql: `SELECT id FROM '${path}' ORDER BY id`, files: [path], pool: 'batch' as const }
    const { signal } = new AbortController()
    return (await smallResult(bed.engine, statement, { columns: columns.slice(0, 1), signal })).flat()
  }

  test('are Parquet, hold its rows and no others, and are read in part', async () => {
    const dataset = await bed.dataset(columns)
    await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":2}\n{"id":3}' })
    const [file, ...more] = await node.ingest.loadedFiles(bed.caller, id)
    expect(more).toEqual([])
    const whole = await buffer(file!.read({ start: 0, end: file!.bytes }))
    expect(whole.byteLength).toBe(file!.bytes)
    expect(whole.subarray(0, 4).toString()).toBe('PAR1')
    const part = await buffer(file!.read({ start: 4, end: 20 }))
    expect(part).toEqual(whole.subarray(4, 20))
    const copy = await bed.dataset(columns)
    const loaded = await bed.upload(node, copy, {}, { format: 'parquet' })
    await bed.send(node, { batch: { id: loaded, datasetId: copy.id }, fileName: 'a.parquet', bytes: whole })
    await node.ingest.complete(bed.caller, loaded)
    // The system's columns are in it, which a batch does not bring: it has its own.
    expect(await bed.finished(loaded)).toMatchObject({ state: 'success', recordCount: 2, errors: [] })
  })

  test('are read without a lease: whoever reads slowly keeps no room from statements', async () => {
    const dataset = await bed.dataset(columns)
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const lease = async () => await Promise.reject(new Error('There is no room for leases.'))
    await using other = await bed.node({ nodeId: 'full', change: (lake) => ({ ...lake, lease }) })
    const [file] = await other.ingest.loadedFiles(bed.caller, id)
    expect((await buffer(file!.read({ start: 0, end: file!.bytes }))).byteLength).toBe(file!.bytes)
  })

  test('of one that is open or was reverted are none', async () => {
    const dataset = await bed.dataset(columns)
    const open = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
    expect(await node.ingest.loadedFiles(bed.caller, open)).toEqual([])
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":2}' })
    expect(await node.ingest.loadedFiles(bed.caller, id)).toHaveLength(1)
    await node.ingest.revert(bed.caller, id)
    await vi.waitFor(async () => expect(await node.ingest.loadedFiles(bed.caller, id)).toEqual([]), {
      timeout: 20_000,
    })
  })

  test('are there when others were reverted, and with them the snapshots', async () => {
    const dataset = await bed.dataset(columns)
    const one = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const two = await bed.load(node, dataset, { 'a.json': '{"id":2}' })
    await node.ingest.revert(bed.caller, one.id)
    await vi.waitFor(
      async () => expect(await bed.datasets.batch(bed.caller, one.id)).toMatchObject({ state: 'inactive' }),
      { timeout: 20_000 },
    )
    expect(await node.ingest.loadedFiles(bed.caller, two.id)).toHaveLength(1)
  })

  test('are there of one that replays others, without the rows that stay', async () => {
    const dataset = await bed.dataset(columns)
    const one = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const two = await bed.load(node, dataset, { 'a.json': '{"id":2}' })
    const { signal } = new AbortController()
    // Rows of both are in one file, which the replay writes anew.
    await bed.lake.compact({ tableId: dataset.tableId, rule: { filesMin: 2 }, signal })
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":3}\n{"id":4}' }, { replaces: [one.id] })
    await bed.load(node, dataset, { 'a.json': '{"id":5}' })
    expect(await ids(dataset)).toEqual([2, 3, 4, 5])
    const [file, ...more] = await node.ingest.loadedFiles(bed.caller, id)
    expect([more, await idsIn(file)]).toEqual([[], [3, 4]])
    const emptied = await bed.load(node, dataset, { 'a.json': '[]' }, { replaces: [two.id] })
    expect(await node.ingest.loadedFiles(bed.caller, emptied.id)).toEqual([])
    expect(await idsIn((await node.ingest.loadedFiles(bed.caller, id))[0])).toEqual([3, 4])
  })

  test('that were compacted and are not kept any more are said to be gone', async () => {
    const dataset = await bed.dataset(columns)
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    for (const n of [2, 3, 4]) await bed.load(node, dataset, { 'a.json': `{"id":${n}}` })
    const { signal } = new AbortController()
    await bed.lake.compact({ tableId: dataset.tableId, signal })
    expect(await node.ingest.loadedFiles(bed.caller, id)).toHaveLength(1)
    await bed.lake.expire({ tableId: dataset.tableId, retentionMs: 0, signal })
    await expect(node.ingest.loadedFiles(bed.caller, id)).rejects.toMatchObject({ code: 'source.removed' })
  })
})
