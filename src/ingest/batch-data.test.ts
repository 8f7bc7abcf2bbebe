import { readdir } from 'node:fs/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { newBatchId } from '#base/ids.ts'
import { longType, type Field } from '#types/data-type.ts'
import { bed, node } from '../../test/support/one-ingest.ts'
import type { BatchData } from './ingest.ts'

const columns: readonly Field[] = [{ name: 'id', type: longType }]

async function textOf(file: BatchData | undefined, range?: { start: number; end: number }): Promise<string> {
  const pieces: Uint8Array[] = []
  for await (const piece of file?.read(range ?? { start: 0, end: file.bytes }) ?? []) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

test('of a batch that failed the files stay as they were sent, whatever their names, for thirty days', async () => {
  const dataset = await bed.dataset(columns)
  const files = { '../../../etc/passwd': '{"id":1}\n{"id":"x"}\n', 'b\u202e.json': '{"id":2}' }
  const { id } = await bed.load(node, dataset, files)
  const failed = await node.ingest.failedFiles(bed.caller, id)
  expect(failed.map(({ name, bytes }) => [name, bytes])).toEqual([
    ['../../../etc/passwd', 20],
    ['b\u202e.json', 8],
  ])
  expect(await textOf(failed[0])).toBe('{"id":1}\n{"id":"x"}\n')
  expect(await textOf(failed[0], { start: 2, end: 4 })).toBe('id')
  const sweep = async () => await node.ingest.sweep()
  await sweep()
  expect(await node.ingest.failedFiles(bed.caller, id)).toHaveLength(2)
  await sql`update batches set updated_at = now() - interval '31 days', completed_at = now() - interval '31 days'
    where id = ${id}`.execute(bed.metadata.db)
  await sweep()
  expect(await node.ingest.failedFiles(bed.caller, id)).toEqual([])
  expect(await readdir(bed.staging)).not.toContain(id)
})

test('of a dataset that is deleted nothing is given, and what was kept goes with the next sweep', async () => {
  const dataset = await bed.dataset(columns)
  const { id } = await bed.load(node, dataset, { 'a.json': '{"id":"x"}' })
  expect(await readdir(`${bed.staging}/rejects`)).toContain(`${id}.jsonl`)
  await bed.datasets.delete(bed.caller, dataset.id)
  const gone = { code: 'dataset.unknown' }
  await expect(node.ingest.metaFiles(bed.caller, id)).rejects.toMatchObject(gone)
  await expect(node.ingest.failedFiles(bed.caller, id)).rejects.toMatchObject(gone)
  await expect(node.ingest.rejects(bed.caller, id, { limit: 1 })).rejects.toMatchObject(gone)
  await node.ingest.sweep()
  expect(await readdir(`${bed.staging}/rejects`)).not.toContain(`${id}.jsonl`)
  expect(await readdir(bed.staging)).not.toContain(id)
})

test('a batch for which nothing comes for thirty days is abandoned', async () => {
  const dataset = await bed.dataset(columns)
  const [left, used, ofMessages] = [
    await bed.upload(node, dataset, { 'a.json': '{"id":1}' }, { externalId: 'left' }),
    await bed.upload(node, dataset, { 'a.json': '{"id":1}' }),
    await bed.upload(node, dataset, { 'a.json': '{"id":1}' }, { tags: { 'sluice/stream': ['x'] } }),
  ]
  await sql`update batches set updated_at = now() - interval '31 days'
    where id in (${left}, ${used}, ${ofMessages})`.execute(bed.metadata.db)
  await bed.send(node, { batch: { id: used, datasetId: dataset.id }, fileName: 'b.json', bytes: '{"id":2}' })
  await node.ingest.sweep()
  const states = [left, used, ofMessages].map(async (id) => (await bed.datasets.batch(bed.caller, id)).state)
  expect(await Promise.all(states)).toEqual(['abandoned', 'loading', 'loading'])
  expect(await readdir(bed.staging)).not.toContain(left)
  await expect(node.ingest.complete(bed.caller, left)).rejects.toMatchObject({ code: 'batch.state' })
  expect(await bed.upload(node, dataset, {}, { externalId: 'left' })).not.toBe(left)
})

test('refused rows are lines with their reasons, and can be read in part', async () => {
  const dataset = await bed.dataset(columns)
  const lines = Array.from({ length: 150 }, (_, index) => `{"id":"é${index}"}`)
  const { id } = await bed.load(
    node,
    dataset,
    { 'a.json': `{"id":1}\n${lines.join('\n')}` },
    { partialIngestionPercentage: 100 },
  )
  const files = await node.ingest.metaFiles(bed.caller, id)
  expect(files.map(({ name }) => name)).toEqual([
    'row_errors/parsing_errors_0.json',
    'row_errors_sample.json',
    'input_files/input_file_1.json',
  ])
  const text = await textOf(files[0])
  expect(Buffer.byteLength(text)).toBe(files[0]?.bytes)
  const errors = text.trimEnd().split('\n')
  expect(errors).toHaveLength(150)
  expect(JSON.parse(errors[0] ?? '')).toEqual({
    _corrupt_record: '{"id":"é0"}',
    _errors: [{ code: '1401', message: expect.stringMatching(/^Row 2: /) }],
    _filename: 'a.json',
  })
  expect((await textOf(files[1])).trimEnd().split('\n')).toEqual(errors.slice(0, 100))
  for (const range of [
    { start: 0, end: 7 },
    { start: 300, end: 900 },
    { start: (files[0]?.bytes ?? 0) - 3, end: files[0]?.bytes ?? 0 },
  ]) {
    expect(await textOf(files[0], range)).toBe(Buffer.from(text).subarray(range.start, range.end).toString())
  }
  expect(await textOf(files[2])).toContain('"name":"a.json"')
  expect(await node.ingest.failedFiles(bed.caller, id)).toEqual([])
})

test('nothing is told of a batch that is not there', async () => {
  await expect(node.ingest.metaFiles(bed.caller, newBatchId())).rejects.toMatchObject({
    code: 'batch.unknown',
  })
})
