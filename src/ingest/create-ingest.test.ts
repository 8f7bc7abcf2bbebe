import { createHash, randomUUID } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { AppError } from '#base/errors.ts'
import { armFaults, type FaultPoint } from '#base/faults.ts'
import { type BatchId, newBatchId } from '#base/ids.ts'
import type { Lake } from '#lake/lake.ts'
import {
  booleanType,
  byteType,
  dateType,
  decimalType,
  doubleType,
  type Field,
  integerType,
  longType,
  mapType,
  arrayType,
  stringType,
  structType,
  timestampType,
} from '#types/data-type.ts'
import { bed, nextNode, node } from '../../test/support/one-ingest.ts'
import { hangingAt } from '../../test/support/lake.ts'
import { parquetBytes } from '../../test/support/parquet-bytes.ts'
import { loadTriesMax } from './load-batch.ts'

const signal = new AbortController().signal

afterEach(() => armFaults(undefined))

const columns: readonly Field[] = [
  { name: 'id', type: longType },
  { name: 'name', type: stringType },
]

/** The files of a batch go soon after it is over. */
async function nothingStaged(batchId: string): Promise<void> {
  await vi.waitFor(async () => expect(await readdir(bed.staging)).not.toContain(batchId), 30_000)
}

/** Nothing but what was uploaded is kept of a batch that failed. */
async function onlyUploadsStaged(batchId: string): Promise<void> {
  const names = await readdir(join(bed.staging, batchId))
  expect(names.length).toBeGreaterThan(0)
  expect(names.filter((name) => !name.startsWith('file-'))).toEqual([])
}

describe('each format is loaded whole', () => {
  test('JSON lines, packed and not, and arrays', async () => {
    const dataset = await bed.dataset(columns)
    const batch = await bed.load(node, dataset, {
      'lines.json': '{"id":1,"name":"Ann"}\r\n\n{"id":2}\n',
      'packed.json': gzipSync('{"id":9007199254740993,"name":""}'),
      'array.json': '[{"id":4,"name":"a\\nb"},{"name":"é😀","id":null}]',
    })
    expect(batch).toMatchObject({ state: 'success', recordCount: 5, failedRecordCount: 0, errors: [] })
    expect(batch.bytes).toBeGreaterThan(0)
    expect(await bed.rows(dataset)).toHaveLength(5)
    expect(await readRows(dataset.tableId)).toEqual([
      ['1', 'Ann'],
      ['2', null],
      ['4', 'a\nb'],
      ['9007199254740993', ''],
      [null, 'é😀'],
    ])
    await nothingStaged(batch.id)
  })

  test('CSV: quotes, line ends in quotes, NULL and empty text, columns in any order, nested values', async () => {
    const dataset = await bed.dataset([...columns, { name: 'tags', type: arrayType(integerType) }])
    const batch = await bed.load(
      node,
      dataset,
      { 'a.csv': '\uFEFFNAME,id,tags\n"Bob, ""the\n2nd""",1,"[1,2]"\n"",2,\n,"3",""\n' },
      { format: 'csv' },
    )
    expect(batch).toMatchObject({ state: 'success', recordCount: 3 })
    expect(await bed.rows(dataset)).toEqual([
      [1, 'Bob, "the\n2nd"', [1, 2]],
      [2, '', null],
      [3, null, null],
    ])
  })

  test('Parquet, packed and not, columns missing and wider, files that differ', async () => {
    const dataset = await bed.dataset([
      ...columns,
      { name: 'at', type: timestampType },
      { name: 'price', type: decimalType(10, 2) },
      {
        name: 's',
        type: structType([
          { name: 'a', type: integerType },
          { name: 'b', type: arrayType(doubleType) },
        ]),
      },
      { name: 'm', type: mapType(stringType, longType) },
    ])
    const batch = await bed.load(
      node,
      dataset,
      {
        'a.parquet': await parquetBytes(
          "SELECT 1::INTEGER AS id, 'x' AS name, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS at, 1.5::DECIMAL(4,1) AS price, {a: 1::TINYINT, b: [1.5::FLOAT]} AS s, MAP {'k': 1::SMALLINT} AS m",
        ),
        'b.parquet': gzipSync(await parquetBytes('SELECT 2::BIGINT AS ID, {b: [2.5::DOUBLE]} AS s')),
        'c.parquet': await parquetBytes('SELECT 3::BIGINT AS id WHERE false'),
      },
      { format: 'parquet' },
    )
    expect(batch).toMatchObject({ state: 'success', recordCount: 2, errors: [] })
    expect(await bed.rows(dataset)).toEqual([
      [1, 'x', '2024-01-01T00:00:00.000Z', 1.5, { a: 1, b: [1.5] }, { k: 1 }].map((value) =>
        value === '2024-01-01T00:00:00.000Z' ? expect.stringMatching(/^2024-01-01T00:00:00/) : value,
      ),
      [2, null, null, null, expect.objectContaining({ b: [2.5] }), null],
    ])
  })

  test('Parquet whose writer saw nothing but NULL in a column, or in a part of one', async () => {
    const dataset = await bed.dataset([
      ...columns.filter(({ name }) => name === 'id'),
      { name: 'day', type: dateType },
      { name: 'tags', type: arrayType(stringType) },
      {
        name: 'place',
        type: structType([
          { name: 'city', type: mapType(stringType, longType) },
          { name: 'zip', type: stringType },
        ]),
      },
      { name: 'points', type: arrayType(timestampType) },
      { name: 'prices', type: mapType(stringType, booleanType) },
    ])
    const file = await readFile(new URL('../../test/fixtures/null-columns.parquet', import.meta.url))
    expect(await bed.load(node, dataset, { 'a.parquet': file }, { format: 'parquet' })).toMatchObject({
      state: 'success',
      recordCount: 2,
      errors: [],
    })
    expect(await bed.rows(dataset)).toEqual([
      [1, null, null, { zip: '1' }, [null], { a: null }],
      [2, null, null, null, [], null],
    ])
  })

  test('a header alone, or refused rows alone, are a batch without rows', async () => {
    const dataset = await bed.dataset(columns)
    expect(await bed.load(node, dataset, { 'a.csv': 'id,name\n' }, { format: 'csv' })).toMatchObject({
      state: 'success',
      recordCount: 0,
    })
    const all = { partialIngestionPercentage: 100 }
    expect(await bed.load(node, dataset, { 'a.json': '{"id":"x"}' }, all)).toMatchObject({
      state: 'success',
      recordCount: 0,
      failedRecordCount: 1,
    })
    expect(await bed.rows(dataset)).toEqual([])
  })

  test('a file uploaded twice counts once, the later one', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
    const batch = { id: batchId, datasetId: dataset.id }
    expect(await bed.send(node, { batch, fileName: 'a.json', bytes: '{"id":2}\n' })).toEqual({
      bytes: 9,
      sha256: createHash('sha256').update('{"id":2}\n').digest('hex'),
    })
    expect(await readdir(join(bed.staging, batchId))).toEqual(['file-2'])
    await node.ingest.complete(bed.caller, batchId)
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 1 })
    expect(await bed.rows(dataset)).toEqual([[2, null]])
  })
})

/** Long numbers as text. */
async function readRows(tableId: Parameters<Lake['plan']>[0]['tableId']): Promise<unknown[][]> {
  const snapshot = await bed.lake.snapshot(tableId)
  const plan = await bed.lake.plan({ tableId, snapshotId: snapshot?.snapshotId })
  using lease = await bed.lake.lease(plan.files, { signal })
  await using pull = await bed.engine.open(
    {
      sql: `SELECT id::VARCHAR AS id, name FROM ${plan.sql} ORDER BY 1`,
      files: lease.paths,
      pool: 'interactive',
    },
    {
      encoding: { kind: 'jsonRows' },
      columns: [
        { name: 'id', type: stringType },
        { name: 'name', type: stringType },
      ],
      signal,
    },
  )
  const { bytes } = await pull.pull({ rowCountMax: 1_000, bytesMax: 1_000_000 })
  return Buffer.from(bytes)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown[])
}

describe('rows that do not fit', () => {
  test('fail the batch, named with file, row and reason', async () => {
    const dataset = await bed.dataset(columns)
    const batch = await bed.load(
      node,
      dataset,
      { 'a.csv': 'id,name\n1,x\ntwo,y\n3\n', 'b.csv': 'id\n4\n5,z\n' },
      { format: 'csv' },
    )
    expect(batch).toMatchObject({
      state: 'failed',
      recordCount: 0,
      failedRecordCount: 3,
      errors: [
        { code: 'INGEST-1212-400', description: expect.stringContaining('3 of 5 rows'), rowCount: 3 },
        { code: 'INGEST-1401-400', rowCount: 3 },
      ],
    })
    expect(await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })).toEqual([
      {
        fileName: 'a.csv',
        row: 2,
        code: 'INGEST-1401-400',
        reason: 'the field "id" is bigint, "two" came',
        record: 'two,y',
      },
      {
        fileName: 'a.csv',
        row: 3,
        code: 'INGEST-1401-400',
        reason: 'the row has 1 field, the header 2',
        record: '3',
      },
      {
        fileName: 'b.csv',
        row: 2,
        code: 'INGEST-1401-400',
        reason: 'the row has 2 fields, the header 1',
        record: '5,z',
      },
    ])
    expect(await node.ingest.rejects(bed.caller, batch.id, { limit: 1 })).toHaveLength(1)
    expect(await bed.rows(dataset)).toEqual([])
    await onlyUploadsStaged(batch.id)
  })

  test('a share is exactly what was said, though no binary number is', async () => {
    const dataset = await bed.dataset(columns)
    const good = '{"id":1}\n'
    const loaded = async (refusedCount: number) =>
      await bed.load(
        node,
        dataset,
        { 'a.json': good.repeat(10_000 - refusedCount) + '{bad\n'.repeat(refusedCount) },
        { partialIngestionPercentage: 0.57 },
      )
    expect(await loaded(57)).toMatchObject({ state: 'success', failedRecordCount: 57 })
    expect(await loaded(58)).toMatchObject({ state: 'failed', failedRecordCount: 58 })
  })

  test('up to the share allowed are left out', async () => {
    const dataset = await bed.dataset(columns)
    const files = { 'a.json': '{"id":1}\n{"id":2}\n{"id":3}\n{"id":"x"}\n' }
    expect(await bed.load(node, dataset, files, { partialIngestionPercentage: 24.9 })).toMatchObject({
      state: 'failed',
    })
    expect(await bed.load(node, dataset, files, { partialIngestionPercentage: 25 })).toMatchObject({
      state: 'success',
      recordCount: 3,
      failedRecordCount: 1,
      errors: [{ code: 'INGEST-1212-400' }, { code: 'INGEST-1401-400' }],
    })
    expect(await bed.rows(dataset)).toHaveLength(3)
  })

  test('all are counted, the first 10 000 shown', async () => {
    const dataset = await bed.dataset(columns)
    const lines = Array.from({ length: 12_000 }, (_, index) => `{"id":"x${index}"}`)
    const batch = await bed.load(
      node,
      dataset,
      { 'a.json': lines.join('\n') },
      { partialIngestionPercentage: 100 },
    )
    expect(batch).toMatchObject({ state: 'success', failedRecordCount: 12_000 })
    const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 1_000_000 })
    expect(rejects).toHaveLength(10_000)
    expect(rejects[9_999]).toMatchObject({ row: 10_000, record: '{"id":"x9999"}' })
  })

  test.each([
    ['the same type', longType],
    ['a narrower one', integerType],
  ])('of Parquet: maps that have a key twice, at any depth, for %s', async (_which, value) => {
    const dataset = await bed.dataset([
      { name: 'id', type: longType },
      { name: 'm', type: mapType(stringType, value) },
      { name: 'l', type: arrayType(structType([{ name: 'm', type: mapType(stringType, value) }])) },
    ])
    const file = await readFile(new URL('../../test/fixtures/keys-twice.parquet', import.meta.url))
    const batch = await bed.load(
      node,
      dataset,
      { 'a.parquet': file },
      { format: 'parquet', partialIngestionPercentage: 50 },
    )
    expect(batch).toMatchObject({ state: 'success', recordCount: 3, failedRecordCount: 2 })
    expect(await bed.rows(dataset)).toEqual([
      [1, { a: 1, b: 2 }, null],
      [3, null, [{ m: { a: 1 } }, null]],
      [5, null, null],
    ])
    const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
    expect(rejects.map(({ row, reason }) => [row, /"(.*?)"/.exec(reason)?.[1]])).toEqual([
      [2, 'm'],
      [4, 'l'],
    ])
  })

  test('of Parquet: values a narrower type does not hold, required fields that are missing', async () => {
    const { id } = await bed.schemas.create(bed.caller, 'schemas', {
      title: randomUUID(),
      type: 'object',
      required: ['_id'],
      properties: {
        _id: { type: 'string' },
        small: { type: 'integer', 'meta:xdmType': 'byte' },
        deep: {
          type: 'object',
          properties: { n: { type: 'integer', 'meta:xdmType': 'short' } },
          required: ['n'],
        },
        list: { type: 'array', items: { type: 'integer', 'meta:xdmType': 'byte' } },
      },
    })
    const dataset = await bed.datasets.create(bed.caller, {
      name: randomUUID(),
      schema: { kind: 'registered', id },
    })
    const bytes = await parquetBytes(`SELECT * FROM (VALUES
      ('a', 127::BIGINT, {n: 1::BIGINT}, [1::BIGINT]), ('b', 128, NULL, NULL), (NULL, 1, NULL, NULL),
      ('d', 1, {n: NULL}, NULL), ('e', 1, {n: 40000}, NULL), ('f', 1, NULL, [1, 300]), ('g', NULL, NULL, [NULL])
      ) t(_id, small, deep, list)`)
    const batch = await bed.load(
      node,
      dataset,
      { 'a.parquet': bytes },
      { format: 'parquet', partialIngestionPercentage: 99 },
    )
    expect(batch).toMatchObject({ state: 'success', recordCount: 2, failedRecordCount: 5 })
    const rejects = await node.ingest.rejects(bed.caller, batch.id, { limit: 10 })
    expect(rejects.map(({ row, reason }) => `${row}: ${reason}`)).toEqual([
      '2: the field "small" holds a value that its type in the dataset cannot hold',
      '3: the required field "_id" is missing',
      '4: the required field "deep.n" is missing',
      '5: the field "deep" holds a value that its type in the dataset cannot hold',
      '6: the field "list" holds a value that its type in the dataset cannot hold',
    ])
    expect(JSON.parse(rejects[0]!.record)).toMatchObject({ _id: 'b', small: 128 })
  })

  test('lack a required field', async () => {
    const { id } = await bed.schemas.create(bed.caller, 'schemas', {
      title: randomUUID(),
      type: 'object',
      required: ['_id'],
      properties: { _id: { type: 'string' }, n: { type: 'integer' } },
    })
    const dataset = await bed.datasets.create(bed.caller, {
      name: randomUUID(),
      schema: { kind: 'registered', id },
    })
    const batch = await bed.load(
      node,
      dataset,
      { 'a.json': '{"_id":"a"}\n{"n":1}\n' },
      { partialIngestionPercentage: 50 },
    )
    expect(batch).toMatchObject({ state: 'success', errors: [{}, { code: 'INGEST-1555-400', rowCount: 1 }] })
    const csv = await bed.load(node, dataset, { 'a.csv': 'n\n1\n' }, { format: 'csv' })
    expect(csv).toMatchObject({ state: 'failed' })
  })
})

describe('a file that cannot be read fails its batch, named with what is wrong', () => {
  const whole = () => parquetBytes("SELECT i AS id, 'x' || i AS name FROM range(1000) t(i)")
  const wideDecimals = () => readFile(new URL('../../test/fixtures/wide-decimals.parquet', import.meta.url))
  const torn = async () => (await whole()).subarray(0, -20)
  const broken = async () => {
    const bytes = Buffer.from(await whole())
    bytes.fill(0xff, 10, 400)
    return bytes
  }
  test.each<
    [string, 'parquet' | 'json' | 'csv', () => Promise<string | Uint8Array> | string | Uint8Array, string]
  >([
    ['torn Parquet', 'parquet', torn, 'torn'],
    ['Parquet with broken pages', 'parquet', broken, 'torn'],
    ['Parquet that is CSV', 'parquet', () => 'id,name\n1,x\n', 'torn'],
    ['Parquet of another type', 'parquet', () => parquetBytes("SELECT 'x' AS id"), 'of the type string'],
    ['Parquet of wide decimals', 'parquet', wideDecimals, 'decimals of 50 digits'],
    ['Parquet with another column', 'parquet', () => parquetBytes('SELECT 1 AS id, 2 AS other'), '"other"'],
    ['nothing', 'parquet', () => '', 'is empty'],
    ['nothing', 'csv', () => '', 'is empty'],
    ['blanks', 'json', () => ' \n', 'is empty'],
    ['a header of another table', 'csv', () => 'id,other\n1,2\n', '"other"'],
    ['no UTF-8 in the header', 'csv', () => Buffer.from('id,nam\xe9\n1,x\n', 'latin1'), 'a column'],
    ['UTF-16', 'json', () => Buffer.from('\uFEFF{"id":1}', 'utf16le'), 'UTF-8'],
    ['zstd', 'json', () => zstdCompressSync('{"id":1}\n'), 'is packed with zstd'],
    ['zstd', 'csv', () => zstdCompressSync('id\n1\n'), 'is packed with zstd'],
    ['a gzip of a gzip', 'csv', () => gzipSync(gzipSync('id\n1\n')), 'is packed twice'],
    ['line ends of CR', 'csv', () => 'id,name\r1,x\r1,y\r', 'CR alone'],
    ['half a gzip', 'json', () => gzipSync('{"id":1}\n'.repeat(1_000)).subarray(0, -10), 'gzip'],
    ['an open quote', 'csv', () => 'id,name\n1,"x\n2,y\n', 'row 1'],
    ['an endless row', 'json', () => `{"id":1,"name":"${'x'.repeat(9_000_000)}"}`, 'row 1'],
  ])('%s (%s)', async (_what, format, bytes, message) => {
    const dataset = await bed.dataset(columns)
    const good = { parquet: await whole(), json: '{"id":1}', csv: 'id\n1\n' }[format]
    const batch = await bed.load(node, dataset, { good, 'bad file': await bytes() }, { format })
    expect(batch).toMatchObject({ state: 'failed', recordCount: 0 })
    expect(batch.errors[0]?.description).toContain('"bad file"')
    expect(batch.errors[0]?.description).toContain(message)
    expect(batch.errors[0]?.description).not.toContain(bed.folder)
    expect(await bed.rows(dataset)).toEqual([])
    await onlyUploadsStaged(batch.id)
  })
})

describe('states', () => {
  test('completing twice, also at once and afterwards, loads once', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
    await Promise.all([1, 2, 3].map(() => node.ingest.complete(bed.caller, batchId)))
    await bed.finished(batchId)
    await node.ingest.complete(bed.caller, batchId)
    expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({ state: 'success' })
    expect(await node.jobs.runs({ kind: 'load', subjectId: batchId })).toMatchObject([{ state: 'succeeded' }])
    expect(await bed.rows(dataset)).toHaveLength(1)
  })

  test('an empty batch is not completed, a closed one takes no file, one that is over is not aborted', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, {})
    await expect(node.ingest.complete(bed.caller, batchId)).rejects.toMatchObject({ code: 'batch.state' })
    const batch = { id: batchId, datasetId: dataset.id }
    await bed.send(node, { batch, fileName: 'a.json', bytes: '{"id":1}' })
    await node.ingest.complete(bed.caller, batchId)
    await bed.finished(batchId)
    const late = bed.send(node, { batch, fileName: 'b.json', bytes: '{"id":2}' })
    await expect(late).rejects.toMatchObject({ code: 'batch.state' })
    await expect(node.ingest.abort(bed.caller, batchId)).rejects.toMatchObject({ code: 'batch.state' })
    await nothingStaged(batchId)
  })

  test('an open batch that is aborted is gone with its files', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
    await node.ingest.abort(bed.caller, batchId)
    await node.ingest.abort(bed.caller, batchId)
    expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({ state: 'aborted' })
    await nothingStaged(batchId)
    await expect(node.ingest.complete(bed.caller, batchId)).rejects.toMatchObject({ code: 'batch.state' })
  })

  test('an upload that breaks off leaves nothing', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, {})
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{"id"')
      throw new AppError('request.too_large', 'Too large.')
    }
    const upload = { batchId, datasetId: dataset.id, fileName: 'a.json', bytes: broken(), signal }
    await expect(node.ingest.upload(bed.caller, upload)).rejects.toMatchObject({ code: 'request.too_large' })
    await nothingStaged(batchId)
  })

  test('unknown batches and batches of another dataset are refused', async () => {
    const [dataset, other] = [await bed.dataset(columns), await bed.dataset(columns)]
    await expect(node.ingest.complete(bed.caller, newBatchId())).rejects.toMatchObject({
      code: 'batch.unknown',
    })
    const batchId = await bed.upload(node, dataset, {})
    const wrong = { id: batchId, datasetId: other.id }
    const sent = bed.send(node, { batch: wrong, fileName: 'a', bytes: '' })
    await expect(sent).rejects.toMatchObject({ code: 'request.invalid' })
  })

  test('a dataset that was deleted meanwhile fails the batch', async () => {
    const dataset = await bed.dataset(columns)
    const batchId = await bed.upload(node, dataset, { 'a.json': '{"id":1}' })
    await bed.datasets.delete(bed.caller, dataset.id)
    await node.ingest.complete(bed.caller, batchId)
    const run = await vi.waitFor(async () => {
      const [found] = await node.jobs.runs({ kind: 'load', subjectId: batchId })
      expect(found?.state).toBe('failed')
      return found
    }, 30_000)
    expect(run).toMatchObject({ code: 'dataset.unknown' })
    await nothingStaged(batchId)
  })
})

describe('whatever dies, a batch is loaded once', () => {
  const points: FaultPoint[] = [
    'load.accepted',
    'load.staged',
    'lake.write.done',
    'lake.commit.before',
    'lake.commit.after',
  ]
  const text = Array.from({ length: 500 }, (_, id) => JSON.stringify({ id, name: `n${id}` })).join('\n')

  // It would take the runs of the nodes that are to die.
  beforeAll(() => node[Symbol.asyncDispose]())
  afterAll(async () => {
    await nextNode()
  })

  test.each(points)('the server at %s; when it wakes, it changes nothing any more', async (point) => {
    const dataset = await bed.dataset(columns)
    await using dying = await bed.node()
    const batchId = await bed.upload(dying, dataset, { 'a.json': text })
    // A process that stands still is as dead as one can be inside of a test.
    const hanging = await hangingAt(point, async () => {
      await dying.ingest.complete(bed.caller, batchId)
      await bed.finished(batchId)
    })
    using _woken = { [Symbol.dispose]: () => hanging.release() }
    await using next = await bed.node()
    await next.ingest.complete(bed.caller, batchId)
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 500 })
    expect(await bed.rows(dataset)).toHaveLength(500)
    hanging.release()
    await dying[Symbol.asyncDispose]()
    expect(await bed.rows(dataset)).toHaveLength(500)
    expect(await bed.lake.commits(dataset.tableId)).toHaveLength(1)
    expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({
      state: 'success',
      recordCount: 500,
      failedRecordCount: 0,
    })
    const [run] = await next.jobs.runs({ kind: 'load', subjectId: batchId })
    const isSecond = point !== 'load.accepted' && point !== 'lake.commit.after'
    expect(run).toMatchObject({ state: 'succeeded', attempt: isSecond ? 2 : 1 })
  })

  test.each(points)('the engine at %s', async (point) => {
    const dataset = await bed.dataset(columns)
    await using node = await bed.node()
    const batchId = await bed.upload(node, dataset, { 'a.json': text })
    armFaults(async (passed) => {
      if (passed !== point) return
      armFaults(undefined)
      await bed.engine.killChildren()
    })
    await node.ingest.complete(bed.caller, batchId)
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 500 })
    expect(await bed.rows(dataset)).toHaveLength(500)
  })

  test('the engine while it writes: the load is tried again', async () => {
    const dataset = await bed.dataset(columns)
    let copies = 0
    const engine: typeof bed.engine = {
      ...bed.engine,
      copy: async (statement, options) => {
        if (copies++ > 0) return await bed.engine.copy(statement, options)
        const sql = `SELECT source.* FROM (${statement.sql}) AS source, range(10000000)`
        const copied = bed.engine.copy({ ...statement, sql }, options)
        const hasBegun = async () => expect(await readdir(options.folder)).not.toEqual([])
        void vi.waitFor(hasBegun, 30_000).then(() => bed.engine.killChildren())
        return await copied
      },
    }
    await using node = await bed.node({ engine })
    const batchId = await bed.upload(node, dataset, { 'a.json': text })
    await node.ingest.complete(bed.caller, batchId)
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 500 })
    expect(copies).toBe(2)
    expect(await bed.rows(dataset)).toHaveLength(500)
  })

  test('a disk that is full: the files stay until there is room', async () => {
    const dataset = await bed.dataset(columns)
    let batchId: BatchId
    {
      const append = () => Promise.reject(new AppError('store.full', 'The disk is full.'))
      await using node = await bed.node({ change: (lake) => ({ ...lake, append }) })
      batchId = await bed.upload(node, dataset, { 'a.json': text })
      await node.ingest.complete(bed.caller, batchId)
      await vi.waitFor(
        async () => {
          const [run] = await node.jobs.runs({ kind: 'load', subjectId: batchId })
          expect(run).toMatchObject({ state: 'waiting', code: 'store.full' })
        },
        { timeout: 10_000 },
      )
      expect(await readdir(join(bed.staging, batchId))).toEqual(['file-1'])
    }
    await using _later = await bed.node()
    expect(await bed.finished(batchId)).toMatchObject({ state: 'success', recordCount: 500 })
  })

  test('a batch that fails again and again has failed, with the reason', async () => {
    const dataset = await bed.dataset(columns)
    const append = () => Promise.reject(new AppError('store.full', 'The disk is full.'))
    await using node = await bed.node({ change: (lake) => ({ ...lake, append }) })
    const batchId = await bed.upload(node, dataset, { 'a.json': text })
    await node.ingest.complete(bed.caller, batchId)
    await vi.waitFor(
      async () => {
        // Nobody waits for the moments between the tries.
        await sql`update job_runs set due_at = now() where state = 'waiting'`.execute(bed.metadata.db)
        node.jobs.ring()
        const batch = await bed.datasets.batch(bed.caller, batchId)
        expect(batch).toMatchObject({ state: 'failed', errors: [{ code: 'store.full' }] })
      },
      { timeout: 20_000, interval: 50 },
    )
    const [run] = await node.jobs.runs({ kind: 'load', subjectId: batchId })
    expect(run).toMatchObject({ state: 'failed', attempt: loadTriesMax })
    await onlyUploadsStaged(batchId)
  })

  test.each(['load.staged', 'lake.write.done', 'lake.commit.before'] as const)(
    'a batch aborted at %s stays without rows',
    async (point) => {
      const dataset = await bed.dataset(columns)
      await using node = await bed.node()
      const batchId = await bed.upload(node, dataset, { 'a.json': text })
      const hanging = await hangingAt(point, async () => {
        await node.ingest.complete(bed.caller, batchId)
        await bed.finished(batchId)
      })
      using _woken = { [Symbol.dispose]: () => hanging.release() }
      await node.ingest.abort(bed.caller, batchId)
      hanging.release()
      await vi.waitFor(async () => {
        const [run] = await node.jobs.runs({ kind: 'load', subjectId: batchId })
        expect(run?.state).toBe('cancelled')
      }, 30_000)
      expect(await bed.datasets.batch(bed.caller, batchId)).toMatchObject({
        state: 'aborted',
        recordCount: 0,
      })
      expect(await bed.rows(dataset)).toEqual([])
      await nothingStaged(batchId)
    },
  )
})

describe('the columns of a file', () => {
  const infer = (format: 'parquet' | 'json' | 'csv', bytes: string | Uint8Array) =>
    node.ingest.inferSchema(bed.caller, {
      fileName: 'f',
      format,
      bytes: (async function* () {
        yield Buffer.from(bytes)
      })(),
      signal,
    })

  test('JSON', async () => {
    const text =
      '{"i":1,"d":1,"t":"2024-01-01","at":"2024-01-01T00:00:00Z","s":"x","o":{"a":[1]},"n":null,"e":[],"big":9007199254740993}\n{"d":1.5,"t":"2024-01-02T10:00:00Z","o":{"b":true},"mixed":1}\n{"mixed":"x"}'
    expect(await infer('json', text)).toEqual(
      structType([
        { name: 'i', type: longType },
        { name: 'd', type: doubleType },
        { name: 't', type: timestampType },
        { name: 'at', type: timestampType },
        { name: 's', type: stringType },
        {
          name: 'o',
          type: structType([
            { name: 'a', type: arrayType(longType) },
            { name: 'b', type: booleanType },
          ]),
        },
        { name: 'n', type: stringType },
        { name: 'e', type: arrayType(stringType) },
        { name: 'big', type: longType },
        { name: 'mixed', type: stringType },
      ]),
    )
  })

  test('CSV', async () => {
    expect(
      await infer(
        'csv',
        gzipSync(
          'i,d,day,at,zip,b,none\n1,1,2024-01-01,2024-01-01 10:00:00,007,true,\n-2,1.5e3,2024-12-31,2024-01-01,123,FALSE,\n',
        ),
      ),
    ).toEqual(
      structType([
        { name: 'i', type: longType },
        { name: 'd', type: doubleType },
        { name: 'day', type: dateType },
        { name: 'at', type: timestampType },
        { name: 'zip', type: stringType },
        { name: 'b', type: booleanType },
        { name: 'none', type: stringType },
      ]),
    )
  })

  test('Parquet', async () => {
    const bytes = await parquetBytes("SELECT 1::TINYINT AS a, {b: ['x']} AS s")
    expect(await infer('parquet', bytes)).toEqual(
      structType([
        { name: 'a', type: byteType },
        { name: 's', type: structType([{ name: 'b', type: arrayType(stringType) }]) },
      ]),
    )
  })

  test.each([
    ['parquet', 'no Parquet', 'torn'],
    ['json', '{"a":1}\n{', 'row 2'],
    ['csv', '', 'is empty'],
  ] as const)('a bad %s file is refused by name, and nothing is left', async (format, bytes, message) => {
    await expect(infer(format, bytes)).rejects.toMatchObject({
      code: 'ingest.invalid',
      message: expect.stringMatching(new RegExp(`"f".*${message}`)),
    })
    expect((await readdir(bed.staging)).filter((name) => name.startsWith('infer-'))).toEqual([])
  })
})
