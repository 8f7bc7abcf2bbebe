import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { testMetadata } from './support/metadata.ts'
import { parquetBytes } from './support/parquet-bytes.ts'
import { type Product, startProduct } from './support/product.ts'
import { type Rest, restOf } from './support/rest.ts'

/** Batches over HTTP to the real program. */
const batches = '/data/foundation/import/batches'
const catalog = '/data/foundation/catalog'
let base: string
let home: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
let rest: Rest

beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-ingestion-')
  await chmod(base, 0o711)
  home = join(base, 'home')
  metadata = await testMetadata()
  await start()
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await metadata?.[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

async function start(): Promise<void> {
  product = await startProduct({ home, databaseUrl: metadata.databaseUrl })
  rest = await restOf({ http: product.http, home })
}

async function madeDataset(title: string, properties: object): Promise<string> {
  const schema = await product.call<{ $id: string }>(
    'POST',
    '/data/foundation/schemaregistry/tenant/schemas',
    { title, type: 'object', properties },
  )
  const [reference = ''] = await product.call<string[]>('POST', `${catalog}/dataSets`, {
    name: title,
    schemaRef: { id: schema.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  return reference.split('/').at(-1) ?? ''
}

type Files = Readonly<Record<string, string | Uint8Array<ArrayBuffer>>>

async function opened(datasetId: string, files: Files, more: object = {}): Promise<string> {
  const { id } = await product.call<{ id: string }>('POST', batches, {
    datasetId,
    inputFormat: { format: 'json' },
    ...more,
  })
  for (const [name, bytes] of Object.entries(files)) {
    await product.upload(`${batches}/${id}/datasets/${datasetId}/files/${encodeURIComponent(name)}`, bytes)
  }
  return id
}

const act = async (batch: string, action: string) =>
  await rest('POST', `${batches}/${batch}?action=${action}`)

const stateOf = async (batch: string) =>
  (await product.call<Record<string, { status: string }>>('GET', `${catalog}/batches/${batch}`))[batch]
    ?.status

async function finished(batch: string): Promise<string | undefined> {
  await act(batch, 'COMPLETE')
  return await ended(batch)
}

async function ended(batch: string): Promise<string | undefined> {
  await vi.waitFor(async () => expect(['success', 'failed']).toContain(await stateOf(batch)), {
    timeout: 20_000,
    interval: 50,
  })
  return await stateOf(batch)
}

test('a batch tells how it was opened, what came and what became of it', async () => {
  const datasetId = await madeDataset('told', { n: { type: 'integer', minimum: 0 } })
  const old = await opened(datasetId, { 'old.json': '{"n":0}' })
  expect(await finished(old)).toBe('success')
  const files = { 'a.json': '{"n":1}\n{"n":"x"}', 'b.json': '{"n":2}' }
  const inputFormat = { format: 'json', isMultiLineJson: true }
  const replay = { predecessors: [old], reason: 'replace' }
  const more = { inputFormat, partialIngestionPercentage: 50, replay, tags: { team: ['red'] } }
  const batch = await opened(datasetId, files, more)
  const told = async (id: string) =>
    (await product.call<Record<string, Record<string, unknown>>>('GET', `${catalog}/batches/${id}`))[id] ?? {}
  expect(await told(batch)).toMatchObject({
    inputFormat,
    metrics: { inputFileCount: 2, inputByteSize: 24, outputFileCount: 0 },
  })
  expect(await told(batch)).not.toHaveProperty('started')
  expect(await finished(batch)).toBe('success')
  const { created, started, completed, ...rest } = await told(batch)
  expect(created).toBeLessThanOrEqual(started as number)
  expect(started).toBeLessThanOrEqual(completed as number)
  expect(rest).toMatchObject({
    inputFormat,
    replay,
    tags: { team: ['red'], acp_enableErrorDiagnostics: true, acp_partialIngestionPercent: 50 },
    metrics: {
      inputByteSize: 24,
      inputFileCount: 2,
      inputRecordCount: 3,
      outputRecordCount: 2,
      outputFileCount: 1,
      failedRecordCount: 1,
    },
  })
  expect(rest['errors']).toEqual(
    expect.arrayContaining([expect.objectContaining({ code: 'INGEST-1401-400', rows: [], recordCount: 1 })]),
  )
  expect(await told(old)).not.toHaveProperty('replay')
  const listed = await product.call<Record<string, object>>('GET', `${catalog}/batches?dataSet=${datasetId}`)
  expect(listed[batch]).toEqual(await told(batch))
})

describe('a preview of uploads', () => {
  const properties = {
    n: { type: 'integer', minimum: 0 },
    at: { type: 'string', format: 'date-time' },
    big: { type: 'integer', 'meta:xdmType': 'long' },
  }
  let datasetId: string
  beforeAll(async () => {
    datasetId = await madeDataset('previewed', properties)
  })
  const preview = async (batch: string, query = '') =>
    await rest('GET', `${batches}/${batch}/datasets/${datasetId}/preview${query}`)

  test('has the first rows as a load would give and refuse them', async () => {
    const lines = [
      '{"n":1,"at":"2026-01-02T03:04:05+01:00"}',
      '{"n":"x"}',
      '{"n":-1}',
      '{',
      '{"big":9007199254740993}',
    ]
    const batch = await opened(datasetId, {
      'a.json': gzipSync([...lines, '{"n":6}'].join('\n')),
      'b.json': '[{"n":7},{"n":8}]',
    })
    const { status, body } = await preview(batch, '?nrow=7')
    expect([status, body]).toEqual([
      200,
      {
        data: [{ n: 1, at: '2026-01-02T02:04:05.000Z' }, { big: expect.any(Number) }, { n: 6 }, { n: 7 }],
        refused: [
          expect.objectContaining({ file: 'a.json', row: 2, record: '{"n":"x"}' }),
          expect.objectContaining({ file: 'a.json', row: 4, record: '{' }),
          expect.objectContaining({ file: 'a.json', row: 3, record: '{"n":-1}' }),
        ],
      },
    ])
    expect(await product.text(`${batches}/${batch}/datasets/${datasetId}/preview?nrow=7`)).toContain(
      '"big":9007199254740993',
    )
    expect((await preview(batch)).body.data).toHaveLength(2)
    expect((await preview(batch, '?nrow=1')).body).toEqual({ data: [expect.anything()], refused: [] })
    expect(await stateOf(batch)).toBe('loading')
    expect(await product.rows('SELECT * FROM previewed')).toEqual([])
    // Nothing of a look stays.
    expect(await readdir(join(home, 'staging'))).toEqual([batch])
  })

  test('is refused where it would have too many bytes', async () => {
    const wide = await madeDataset('wide', { text: { type: 'string' } })
    const line = `${JSON.stringify({ text: 'x'.repeat(6_000_000) })}\n`
    const batch = await opened(wide, { 'a.json': gzipSync(line.repeat(4)) })
    const look = async (count: number) =>
      await rest('GET', `${batches}/${batch}/datasets/${wide}/preview?nrow=${count}`)
    expect((await look(2)).body.data).toHaveLength(2)
    expect(await look(4)).toMatchObject({ status: 413 })
  })

  test('is of CSV and Parquet too', async () => {
    const csv = await opened(
      datasetId,
      { 'a.csv': 'n,at\n1,2026-01-01\n2\n' },
      { inputFormat: { format: 'csv' } },
    )
    expect(
      (await preview(csv, '?delimiter=,&quote="&escape=\\&charset=utf-8&header=True&nrow=9')).body,
    ).toEqual({
      data: [{ n: 1, at: '2026-01-01T00:00:00.000Z' }],
      refused: [expect.objectContaining({ row: 2, reason: 'the row has 1 field, the header 2' })],
    })
    const parquet = await opened(
      datasetId,
      { 'a.parquet': await parquetBytes('SELECT (range - 1)::INTEGER AS n FROM range(1000)') },
      { inputFormat: { format: 'parquet' } },
    )
    expect((await preview(parquet, '?nrow=3')).body).toEqual({
      data: [{ n: 0 }, { n: 1 }],
      refused: [expect.objectContaining({ file: 'a.parquet', row: 1 })],
    })
  })

  test('says what is wrong', async () => {
    const none = await opened(datasetId, {})
    expect((await preview(none)).body).toEqual({ data: [], refused: [] })
    const torn = await opened(datasetId, { 'a.parquet': 'PAR1' }, { inputFormat: { format: 'parquet' } })
    expect(await preview(torn)).toMatchObject({ status: 400 })
    for (const query of ['?nrow=0', '?nrow=101', '?delimiter=;', '?header=false', '?charset=latin1']) {
      expect([query, (await preview(none, query)).status]).toEqual([query, 400])
    }
    const other = await madeDataset('not previewed', properties)
    expect((await rest('GET', `${batches}/${none}/datasets/${other}/preview`)).status).toBe(400)
  })

  test('is there of a batch that failed, not of one that is loaded, and on record', async () => {
    const failed = await opened(datasetId, { 'a.json': '{"n":"x"}' })
    expect(await finished(failed)).toBe('failed')
    expect((await preview(failed)).body.refused).toHaveLength(1)
    const loaded = await opened(datasetId, { 'a.json': '{"n":1}' })
    expect(await finished(loaded)).toBe('success')
    expect((await preview(loaded)).status).toBe(409)
    const { body } = await rest('GET', `/data/foundation/audit/events?property=assetId==${failed}`)
    expect(JSON.stringify(body)).toContain('preview')
  })
})

describe('a batch with a name of its client', () => {
  let datasetId: string
  beforeAll(async () => {
    datasetId = await madeDataset('named', { n: { type: 'integer' } })
  })
  const named = async (externalId: string) => await opened(datasetId, {}, { externalId })
  const put = async (batch: string, n: number) =>
    await rest('PUT', `${batches}/${batch}/datasets/${datasetId}/files/a.json`, {
      body: `{"n":${n}}`,
      headers: { 'content-type': 'application/octet-stream' },
    })

  test('is the same for all who open it, and loaded once', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => named('one')))
    expect(new Set(ids).size).toBe(1)
    const [batch = ''] = ids
    await Promise.all(ids.map((id) => put(id, 1)))
    await Promise.all(ids.map((id) => act(id, 'COMPLETE')))
    expect(await finished(batch)).toBe('success')
    expect(await product.rows('SELECT * FROM named')).toEqual([[1]])
    expect(await named('one')).toBe(batch)
    expect((await put(batch, 2)).status).toBe(409)
    const { body } = await rest('GET', `${catalog}/batches/${batch}`)
    expect(body[batch].externalId).toBe('one')
    expect(await named('other')).not.toBe(batch)
  })

  test('is not given to who opens it with other options', async () => {
    const old = await named('replaced')
    await put(old, 7)
    expect(await finished(old)).toBe('success')
    const body = {
      datasetId,
      inputFormat: { format: 'json', isMultiLineJson: true },
      partialIngestionPercentage: 12.5,
      replay: { predecessors: [old], reason: 'replace' },
      externalId: 'replacing',
    }
    const open = async (change: object) => await rest('POST', batches, { body: { ...body, ...change } })
    const { id } = (await open({})).body
    for (const [change, told] of [
      [{ inputFormat: { format: 'csv' } }, 'format json, not csv'],
      [{ inputFormat: { format: 'json' } }, 'isMultiLineJson true, not false'],
      [{ partialIngestionPercentage: 0 }, 'partialIngestionPercentage 12.5, not 0'],
      [{ enableErrorDiagnostics: false }, 'enableErrorDiagnostics true, not false'],
      [{ replay: undefined }, `replay.predecessors ${old}, not none`],
    ] as const)
      expect(await open(change)).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining(told) },
      })
    await put(id, 8)
    expect(await finished(id)).toBe('success')
    // What it replaced is gone by now; it is the same batch nevertheless.
    expect(await open({})).toMatchObject({ status: 201, body: { id } })
    expect(await product.rows('SELECT count(*) FROM named WHERE n = 7 OR n = 8')).toEqual([[1]])
  })

  test.each(['ABORT', 'FAIL', 'REVERT'])('has it no more after %s', async (action) => {
    const batch = await named(action)
    await put(batch, 3)
    if (action === 'REVERT') expect(await finished(batch)).toBe('success')
    expect((await act(batch, action)).status).toBe(200)
    await vi.waitFor(async () => expect(await named(action)).not.toBe(batch), { timeout: 10_000 })
  })
})

describe('a batch whose load is under way', () => {
  let title = ''
  let datasetId: string
  let count = 0
  const makeDataset = async () => {
    title = `under_way_${(count += 1)}`
    datasetId = await madeDataset(title, { n: { type: 'integer' } })
  }
  const rows = async () => (await product.rows(`SELECT n FROM ${title} ORDER BY n`)).flat()
  const load = async (n: number, more?: object) => await opened(datasetId, { 'a.json': `{"n":${n}}` }, more)
  const loaded = async (n: number) => {
    const batch = await load(n)
    expect(await finished(batch)).toBe('success')
    return batch
  }
  const replay = (batch: string) => ({ replay: { predecessors: [batch], reason: 'replace' } })

  /** Its rows are written and not committed while `work` is done: the table is locked. */
  async function whileLoading(batch: string, work: () => Promise<void>): Promise<void> {
    await metadata.transaction(async (tx) => {
      await sql`select 1 from lake_tables where id = (select table_id from datasets where id = ${datasetId}) for update`.execute(
        tx,
      )
      await act(batch, 'COMPLETE')
      await vi.waitFor(
        async () => {
          const waiting = await sql<{ n: number }>`
            select count(*)::int as n from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`.execute(metadata.db)
          expect(waiting.rows[0]?.n).toBe(1)
        },
        { timeout: 20_000, interval: 50 },
      )
      expect(await stateOf(batch)).toBe('processing')
      await work()
    })
  }

  test('is completed again, looked at, and not changed, and is loaded once', async () => {
    await makeDataset()
    const batch = await load(1)
    await whileLoading(batch, async () => {
      const again = await Promise.all([1, 2, 3].map(() => act(batch, 'COMPLETE')))
      expect(again.map(({ status }) => status)).toEqual([200, 200, 200])
      const place = `${batches}/${batch}/datasets/${datasetId}`
      expect((await rest('GET', `${place}/preview`)).body).toEqual({ data: [{ n: 1 }], refused: [] })
      const headers = { 'content-type': 'application/octet-stream' }
      const body = '{"n":2}'
      const late = [
        await rest('PUT', `${place}/files/a.json`, { body, headers }),
        await rest('POST', `${place}/files/b.json?action=INITIALIZE`),
        await act(batch, 'REVERT'),
        await rest('POST', batches, {
          body: { datasetId, inputFormat: { format: 'json' }, ...replay(batch) },
        }),
      ]
      expect(late.map(({ status }) => status)).toEqual([409, 409, 409, 409])
    })
    expect(await ended(batch)).toBe('success')
    expect((await act(batch, 'COMPLETE')).status).toBe(200)
    expect([await rows(), await stateOf(batch)]).toEqual([[1], 'success'])
  })

  test.each([
    ['ABORT', 'aborted', 409],
    ['FAIL', 'failed', 200],
  ])('has no rows after %s, and leaves the batch that it replays', async (action, state, late) => {
    await makeDataset()
    const old = await loaded(1)
    const batch = await load(2, replay(old))
    await whileLoading(batch, async () => {
      const answers = await Promise.all([1, 2].map(() => act(batch, action)))
      expect(answers.map(({ status }) => status)).toEqual([200, 200])
      expect(await stateOf(batch)).toBe(state)
      expect((await act(batch, 'COMPLETE')).status).toBe(late)
      // Another one is not held up by it.
      expect(await stateOf(await load(3))).toBe('loading')
    })
    await vi.waitFor(async () => expect(await readdir(join(home, 'staging'))).not.toContain(batch), 30_000)
    expect(await finished(await load(4))).toBe('success')
    expect([await rows(), await stateOf(batch), await stateOf(old)]).toEqual([[1, 4], state, 'success'])
  })

  test('and the one it replays, reverted meanwhile, never both have rows', async () => {
    await makeDataset()
    const old = await loaded(1)
    const batch = await load(2, replay(old))
    await whileLoading(batch, async () => {
      expect((await act(old, 'REVERT')).status).toBe(200)
      expect((await act(old, 'REVERT')).status).toBe(200)
    })
    const state = await ended(batch)
    await vi.waitFor(async () => expect(await stateOf(old)).toBe('inactive'), { timeout: 20_000 })
    expect(await rows()).toEqual(state === 'success' ? [2] : [])
  })

  test('comes to an end when its dataset is deleted', async () => {
    await makeDataset()
    const batch = await load(1)
    let deletion: Promise<{ status: number }> | undefined
    await whileLoading(batch, async () => {
      deletion = rest('DELETE', `${catalog}/dataSets/${datasetId}`)
    })
    expect((await deletion)?.status).toBe(200)
    await vi.waitFor(
      async () => {
        const { rows: runs } = await sql<{ state: string }>`
          select state from job_runs where kind = 'load' and subject_id = ${batch}`.execute(metadata.db)
        expect(['succeeded', 'failed', 'cancelled']).toContain(runs[0]?.state)
      },
      { timeout: 20_000, interval: 100 },
    )
    expect(['success', 'failed']).toContain(await stateOf(batch))
  })

  test('goes on when the server died, completed again or not, and is loaded once', async () => {
    await makeDataset()
    const [one, two] = [await load(1), await load(2)]
    await whileLoading(one, async () => {
      await act(two, 'COMPLETE')
      process.kill(product.pid, 'SIGKILL')
      await product.exited
    })
    await start()
    expect((await act(one, 'COMPLETE')).status).toBe(200)
    expect([await ended(one), await ended(two)]).toEqual(['success', 'success'])
    expect(await rows()).toEqual([1, 2])
  })
})
