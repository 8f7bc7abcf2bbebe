import { readdir, writeFile } from 'node:fs/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { armFaults } from '#base/faults.ts'
import { type BatchId, newUuidId } from '#base/ids.ts'
import { hasBatchUpload, selectBatchParts } from '#metadata/batch-uploads.ts'
import { selectUnfinishedBatchFiles } from '#metadata/batches.ts'
import { longType, stringType, type Field } from '#types/data-type.ts'
import type { IngestBed } from '../../test/support/ingest.ts'
import { bed, nextNode, node } from '../../test/support/one-ingest.ts'
import { hangingAt } from '../../test/support/lake.ts'
import type { FilePlace, UploadPart } from './ingest.ts'

const signal = new AbortController().signal
const columns: readonly Field[] = [
  { name: 'id', type: longType },
  { name: 'name', type: stringType },
]

afterEach(() => armFaults(undefined))

async function openFile(fileName = 'large.json') {
  const dataset = await bed.dataset(columns)
  const batchId = await bed.upload(node, dataset, {})
  const place: FilePlace = { batchId, datasetId: dataset.id, fileName }
  await node.ingest.beginFile(bed.caller, place)
  return { dataset, batchId, place }
}

function part(place: FilePlace, text: string, { from, to }: { from: number; to: number }): UploadPart {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(text).subarray(from, to)
  }
  const totalBytes = Buffer.byteLength(text)
  return { ...place, firstByte: from, lastByte: to - 1, totalBytes, bytes: bytes(), signal }
}

describe('a file in parts', () => {
  const text = '{"id":1,"name":"é"}\n{"id":2,"name":"b"}\n'
  const total = Buffer.byteLength(text)

  test('is put together once by who completes it several times at the same moment', async () => {
    const { batchId, place } = await openFile()
    await node.ingest.uploadPart(bed.caller, part(place, text, { from: 0, to: total }))
    await Promise.all([1, 2, 3, 4].map(async () => await node.ingest.completeFile(bed.caller, place, signal)))
    expect(await node.ingest.fileStatus(bed.caller, place)).toMatchObject({ isWhole: true, bytes: total })
    expect(await readdir(`${bed.staging}/${batchId}`)).toHaveLength(1)
    await node.ingest.complete(bed.caller, batchId)
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 2 })
  })

  test('is loaded as one, whatever the order of its parts, cut within a character, one sent twice', async () => {
    const { dataset, batchId, place } = await openFile()
    const send = (from: number, to: number) =>
      node.ingest.uploadPart(bed.caller, part(place, text, { from, to }))
    await send(17, total)
    await send(0, 17)
    expect(await node.ingest.fileStatus(bed.caller, place)).toEqual({ isWhole: false, bytes: total })
    await send(17, total)
    const staged = await selectUnfinishedBatchFiles(bed.metadata.db) // What a backup takes along.
    expect(staged.filter((file) => file.batch_id === batchId).map(({ number }) => number)).toEqual([2, 3])
    await expect(node.ingest.complete(bed.caller, batchId)).rejects.toMatchObject({
      code: 'batch.state',
      message: expect.stringContaining('"large.json"'),
    })
    await node.ingest.completeFile(bed.caller, place, signal)
    await node.ingest.completeFile(bed.caller, place, signal)
    expect(await node.ingest.fileStatus(bed.caller, place)).toMatchObject({ isWhole: true, bytes: total })
    expect(await readdir(`${bed.staging}/${batchId}`)).toHaveLength(1)
    await node.ingest.complete(bed.caller, batchId)
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 2 })
    expect(await bed.rows(dataset)).toEqual([
      [1, 'é'],
      [2, 'b'],
    ])
  })

  test.each([
    [
      'a gap',
      [
        [0, 10],
        [12, total],
      ],
      'lacks the bytes 10 to 11',
    ],
    [
      'an overlap',
      [
        [0, 10],
        [9, total],
      ],
      'overlap at byte 9',
    ],
    ['no end', [[0, 10]], `ends at byte 10 of ${total}`],
    ['no part', [], 'has no parts'],
  ] as const)('with %s is not completed, and can be mended', async (_what, ranges, message) => {
    const { place } = await openFile()
    for (const [from, to] of ranges) {
      await node.ingest.uploadPart(bed.caller, part(place, text, { from, to }))
    }
    await expect(node.ingest.completeFile(bed.caller, place, signal)).rejects.toMatchObject({
      code: 'request.invalid',
      message: expect.stringContaining(message),
    })
    expect(await node.ingest.fileStatus(bed.caller, place)).toMatchObject({ isWhole: false })
  })

  test('keeps nothing of a part that is not as long as its range', async () => {
    const { batchId, place } = await openFile()
    const short = { ...part(place, text, { from: 0, to: 10 }), lastByte: 10 }
    await expect(node.ingest.uploadPart(bed.caller, short)).rejects.toMatchObject({ code: 'request.invalid' })
    expect(await readdir(bed.staging)).not.toContain(batchId)
  })

  test('is begun before its parts come', async () => {
    const { place } = await openFile()
    const other = { ...place, fileName: 'other.json' }
    const sent = node.ingest.uploadPart(bed.caller, part(other, text, { from: 0, to: 10 }))
    await expect(sent).rejects.toMatchObject({ code: 'request.invalid' })
    await expect(node.ingest.fileStatus(bed.caller, other)).rejects.toMatchObject({ code: 'object.missing' })
  })

  test('that gets a part while it is completed is completed again', async () => {
    const { place } = await openFile()
    const whole = () => part(place, text, { from: 0, to: total })
    await node.ingest.uploadPart(bed.caller, whole())
    const hanging = await hangingAt('load.upload.stored', () =>
      node.ingest.completeFile(bed.caller, place, signal),
    )
    await node.ingest.uploadPart(bed.caller, whole())
    hanging.release()
    await expect(hanging.outcome).rejects.toMatchObject({ code: 'batch.state' })
    await node.ingest.completeFile(bed.caller, place, signal)
    expect(await node.ingest.fileStatus(bed.caller, place)).toMatchObject({ isWhole: true })
  })
})

describe('texts that are looked at while they come', () => {
  const lines = Array.from({ length: 20_000 }, (_, n) => `{"id":${n},"name":"größer ${n}"}\n`)
  const loaded = async (batchId: BatchId) => {
    await node.ingest.complete(bed.caller, batchId)
    const { state, recordCount, failedRecordCount } = await bed.finished(batchId)
    const refused = await node.ingest.rejects(bed.caller, batchId, { limit: 10 })
    return [state, recordCount, failedRecordCount, ...refused.map(({ row }) => row)]
  }
  const options = { hasDiagnostics: true, partialIngestionPercentage: 50 }

  test('are loaded with all their rows, sent whole or in parts', async () => {
    const { dataset, batchId, place } = await openFile()
    const text = lines.join('')
    const total = Buffer.byteLength(text)
    await node.ingest.uploadPart(bed.caller, part(place, text, { from: 400_001, to: total }))
    await node.ingest.uploadPart(bed.caller, part(place, text, { from: 0, to: 400_001 }))
    await node.ingest.completeFile(bed.caller, place, signal)
    await bed.send(node, { batch: { id: batchId, datasetId: dataset.id }, fileName: 'b.json', bytes: text })
    expect(await loaded(batchId)).toEqual(['success', 40_000, 0])
    const rows = await bed.rows(dataset)
    expect(new Set(rows.map(([id, name]) => `${String(id)} ${String(name)}`)).size).toBe(20_000)
    expect(rows).toContainEqual([19_999, 'größer 19999'])
  })

  test('have the rows refused that are no rows of the table', async () => {
    const dataset = await bed.dataset(columns)
    const text = lines.with(12_345, '{"id":"x"}\n').with(19_999, '{"id":1,"name":').join('')
    const batchId = await bed.upload(node, dataset, { 'a.json': text }, options)
    expect(await loaded(batchId)).toEqual(['success', 19_998, 2, 12_346, 20_000])
  })

  test('are looked at again when their file was changed before the load', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, { 'a.json': lines.join('') }, options)
    const [name = ''] = await readdir(`${bed.staging}/${batchId}`)
    // Of this one the engine makes a row, too: another than our readers let through.
    const changed = lines.with(12_345, lines[12_345]!.replace('12345', '1.345')).join('')
    await writeFile(`${bed.staging}/${batchId}/${name}`, changed)
    expect(await loaded(batchId)).toEqual(['success', 19_999, 1, 12_346])
  })
})

test('a file whose parts are sent again while it is completed is completed again, or is as it was', async () => {
  const { place } = await openFile()
  const text = 'x'.repeat(24)
  const send = async (from: number) =>
    await node.ingest.uploadPart(bed.caller, part(place, text, { from, to: from + 1 }))
  for (let round = 0; round < 8; round += 1) {
    await node.ingest.beginFile(bed.caller, place)
    await Promise.all(Array.from(text, (_, at) => send(at)))
    const completed = node.ingest.completeFile(bed.caller, place, signal)
    const said = await Promise.allSettled([completed, send(23), send(22), send(21), send(20)])
    for (const one of said) {
      if (one.status === 'rejected') {
        const code = expect.stringMatching(/^(?:batch\.state|request\.invalid)$/)
        expect(one.reason).toMatchObject({ code })
      }
    }
  }
})

test('a batch that is aborted while a file is stored takes nothing', async () => {
  const dataset = await bed.dataset(columns)
  const batchId = await bed.upload(node, dataset, {})
  const batch = { id: batchId, datasetId: dataset.id }
  const hanging = await hangingAt('load.upload.stored', () =>
    bed.send(node, { batch, fileName: 'a.json', bytes: '{"id":1}' }),
  )
  await node.ingest.abort(bed.caller, batchId)
  hanging.release()
  await expect(hanging.outcome).rejects.toMatchObject({ code: 'batch.state' })
  expect(await readdir(bed.staging)).not.toContain(batchId)
})

test('a batch that is given up takes its files in parts with it', async () => {
  const { batchId, place } = await openFile()
  await node.ingest.uploadPart(bed.caller, part(place, 'text', { from: 0, to: 4 }))
  await node.ingest.abort(bed.caller, batchId)
  expect(await hasBatchUpload(bed.metadata.db, place)).toBe(false)
  expect(await selectBatchParts(bed.metadata.db, place)).toEqual([])
  expect(await readdir(bed.staging)).not.toContain(batchId)
})

test('objects of several lines, one after the other and in an array', async () => {
  const dataset = await bed.dataset(columns)
  const files = {
    'a.json': '{\n "id": 1,\n "name": "}{"\n}\n{"id":2}{"id":3}\n',
    'b.json': '[\n {"id":\n4}\n]',
  }
  const batch = await bed.load(node, dataset, files, { isMultiLineJson: true })
  expect(batch).toMatchObject({ state: 'success', recordCount: 4 })
  const cut = await bed.load(node, dataset, { 'a.json': '{"id":5}\n{"id":\n6' }, { isMultiLineJson: true })
  expect(cut).toMatchObject({ state: 'failed', recordCount: 0 })
  expect(cut.errors[0]?.description).toContain('cut off')
  expect((await bed.rows(dataset)).map(([id]) => id)).toEqual([1, 2, 3, 4])
})

test('without diagnostics refused rows are counted, their reasons not kept', async () => {
  const dataset = await bed.dataset(columns)
  const options = { hasDiagnostics: false, partialIngestionPercentage: 50 }
  const batch = await bed.load(node, dataset, { 'a.json': '{"id":1}\n{"id":"x"}' }, options)
  expect(batch).toMatchObject({ state: 'success', recordCount: 1, failedRecordCount: 1 })
  expect(batch.errors).toMatchObject([{ code: 'INGEST-1211-400', rowCount: 1 }])
  expect(await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })).toEqual([])
})

test('a batch is given up as failed, once', async () => {
  const dataset = await bed.dataset(columns)
  const batchId = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
  await node.ingest.fail(bed.caller, batchId)
  await node.ingest.fail(bed.caller, batchId)
  expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({
    state: 'failed',
    errors: [{ code: 'batch.failed_by_client' }],
  })
  await expect(node.ingest.complete(bed.caller, batchId)).rejects.toMatchObject({ code: 'batch.state' })
  expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({ state: 'failed' })
})

describe('a batch that is reverted', () => {
  const inactive = async (batchId: Parameters<IngestBed['finished']>[0]) =>
    await vi.waitFor(
      async () => expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({ state: 'inactive' }),
      { timeout: 30_000, interval: 50 },
    )

  test('takes its rows with it and no others', async () => {
    const dataset = await bed.dataset(columns)
    await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":2}\n{"id":3}' })
    await bed.load(node, dataset, { 'a.json': '{"id":4}' })
    await Promise.all([1, 2].map(() => node.ingest.revert(bed.caller, id)))
    await inactive(id)
    await node.ingest.revert(bed.caller, id)
    expect((await bed.rows(dataset)).map(([row]) => row)).toEqual([1, 4])
    expect(await node.jobs.runs({ kind: 'revert', subjectId: id })).toMatchObject([{ state: 'succeeded' }])
  })

  test('is reverted once more after earlier tries have failed and the first of them is forgotten', async () => {
    const dataset = await bed.dataset(columns)
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const [load] = await bed.metadata.db
      .selectFrom('job_runs')
      .selectAll()
      .where('subject_id', '=', id)
      .execute()
    const { sequence: _sequence, payload, progress, result: _result, ...run } = load!
    const tried = {
      kind: 'revert',
      tick: 'revert-2',
      state: 'failed',
      code: 'internal',
      message: 'x',
    } as const
    const json = { payload: JSON.stringify(payload), progress: JSON.stringify(progress) }
    await bed.metadata.db
      .insertInto('job_runs')
      .values({ ...run, ...json, ...tried, id: newUuidId('run') })
      .execute()
    await node.ingest.revert(bed.caller, id)
    await inactive(id)
    expect(await bed.rows(dataset)).toEqual([])
  })

  test('is reverted by the next life of a server that died after its rows were gone', async () => {
    const dataset = await bed.dataset(columns)
    const { id } = await bed.load(node, dataset, { 'a.json': '{"id":1}' })
    const dying = await bed.node({ nodeId: 'dying' })
    await node[Symbol.asyncDispose]()
    const hanging = await hangingAt('load.reverted', async () => {
      await dying.ingest.revert(bed.caller, id)
      await inactive(id)
    })
    await nextNode({ nodeId: 'dying' })
    await inactive(id)
    hanging.release()
    await dying[Symbol.asyncDispose]()
    expect(await bed.rows(dataset)).toEqual([])
  })

  test('was loaded before', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
    await expect(node.ingest.revert(bed.caller, batchId)).rejects.toMatchObject({ code: 'batch.state' })
  })
})
