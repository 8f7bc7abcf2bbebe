import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { testMetadata } from './support/metadata.ts'
import { parquetBytes } from './support/parquet-bytes.ts'
import { type Product, startProduct } from './support/product.ts'
import { type Rest, restOf } from './support/rest.ts'
import { sqlClients } from './support/sql-clients.ts'

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

test('queries beside reverts read what the table is, before or after', async () => {
  const datasetId = await madeDataset('read_meanwhile', { n: { type: 'integer' } })
  const loaded = async () => {
    const batch = await opened(datasetId, { 'a.json': '{"n":1}' })
    expect(await finished(batch)).toBe('success')
    return batch
  }
  await loaded()
  const over = new AbortController()
  const counts = new Set<unknown>()
  const asking = [1, 2, 3].map(async () => {
    while (!over.signal.aborted)
      counts.add((await product.rows('SELECT count(n) FROM read_meanwhile'))[0]?.[0])
  })
  const storing = async () => {
    for (let n = 0; !over.signal.aborted; n += 1) {
      await product.run(`CREATE TABLE stored_meanwhile_${n} AS SELECT n FROM read_meanwhile`)
      counts.add((await product.rows(`SELECT count(n) FROM stored_meanwhile_${n}`))[0]?.[0])
      // One may have a hundred of them.
      if (n < 50) await product.run("COPY (SELECT n FROM read_meanwhile) TO '%scratch_space%/meanwhile'")
    }
  }
  // What waits for its turn in the background has planned long before it reads.
  const ends: unknown[] = []
  const ended = async (path: string, { id }: { readonly id: string }) => {
    await vi.waitFor(
      async () => {
        const { state } = await product.call('GET', `${path}/${id}`)
        expect(state).toMatch(/SUCCESS|FAILED/)
        ends.push(state)
      },
      { timeout: 30_000, interval: 50 },
    )
  }
  await product.run('CREATE TABLE taken_meanwhile AS SELECT 0 AS n')
  const [queries, results] = ['/data/foundation/query/queries', '/sluice/v1/results']
  const inBackground = async () => {
    while (!over.signal.aborted) {
      const select = 'SELECT n FROM read_meanwhile'
      const sql = `$$ BEGIN SET @n = SELECT max(n) FROM read_meanwhile; INSERT INTO taken_meanwhile ${select}; END $$`
      await Promise.all([
        ended(queries, await product.call('POST', queries, { dbName: 'prod:all', sql })),
        ended(results, await product.call('POST', results, { sql: select })),
      ])
    }
  }
  const reverting = async () => {
    for (let round = 0; round < 5; round += 1) {
      const batch = await loaded()
      expect((await act(batch, 'REVERT')).status).toBe(200)
      await vi.waitFor(async () => expect(await stateOf(batch)).toBe('inactive'), { timeout: 20_000 })
    }
  }
  await Promise.all([...asking, storing(), inBackground(), reverting().finally(() => over.abort())])
  expect([...counts].every((count) => count === 1 || count === 2)).toBe(true)
  expect(new Set(ends)).toEqual(new Set(['SUCCESS']))
})

test('a cursor whose rows a revert took before its first ones gives what is there then', async () => {
  const datasetId = await madeDataset('read_later', { n: { type: 'integer' } })
  const loaded = async (n: number) => {
    const batch = await opened(datasetId, { 'a.json': `{"n":${n}}` })
    expect(await finished(batch)).toBe('success')
    return batch
  }
  await loaded(1)
  const taken = await loaded(2)
  await sqlClients(product, home).connected('prod:all', async (client) => {
    await client.query('BEGIN; DECLARE c CURSOR FOR SELECT n FROM read_later')
    expect((await act(taken, 'REVERT')).status).toBe(200)
    await vi.waitFor(async () => expect(await stateOf(taken)).toBe('inactive'), { timeout: 20_000 })
    expect((await client.query('FETCH ALL c')).rows).toEqual([{ n: 1 }])
  })
})

test('a batch tells how it was opened, what came and what became of it', async () => {
  const datasetId = await madeDataset('told', { n: { type: 'integer', minimum: 0 } })
  const old = await opened(datasetId, { 'old.json': '{"n":0}' })
  expect(await finished(old)).toBe('success')
  const files = { 'a.json': '{"n":1}\n{"n":"x"}', 'b.json': '{"n":2}' }
  const inputFormat = { format: 'json', isMultiLineJson: true }
  const replay = { predecessors: [old], reason: 'prices were wrong' }
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
  expect(await told(old)).toMatchObject({ status: 'inactive', tags: { acp_successor: [batch] } })
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
    // What other tests had refused lies there, too.
    expect((await readdir(join(home, 'staging'))).filter((name) => name !== 'rejects')).toEqual([batch])
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
    for (const other of [{ delimiter: ';' }, { quote: "'" }, { header: false }, { charset: 'latin1' }]) {
      const batch = { datasetId, inputFormat: { format: 'csv', ...other } }
      expect([other, (await rest('POST', batches, { body: batch })).status]).toEqual([other, 400])
    }
    const usual = { format: 'csv', delimiter: ',', quote: '"', header: true, charset: 'UTF-8' }
    expect((await rest('POST', batches, { body: { datasetId, inputFormat: usual } })).status).toBe(201)
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
    ['FAIL', 'failed', 409],
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
    await vi.waitFor(
      async () => {
        const names = await readdir(join(home, 'staging'), { recursive: true })
        const left = names.filter((name) => name.startsWith(`${batch}/`))
        expect(left).toEqual(action === 'FAIL' ? [`${batch}/file-1`] : [])
      },
      { timeout: 30_000, interval: 100 },
    )
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

describe('files of one name', () => {
  let datasetId: string
  let batch: string
  let file: string
  const bytes = { 'content-type': 'application/octet-stream' }
  const text = '{"n":1}\n{"n":2}\n'
  beforeAll(async () => {
    datasetId = await madeDataset('one_name', { n: { type: 'integer' } })
  })
  beforeEach(async () => {
    batch = await opened(datasetId, {})
    file = `${batches}/${batch}/datasets/${datasetId}/files/a.json`
  })
  const fileAction = async (action: string) => (await rest('POST', `${file}?action=${action}`)).status
  const put = async (body: string) => (await rest('PUT', file, { body, headers: bytes })).status
  const part = async (from: number, to: number) => {
    const headers = { ...bytes, 'content-range': `bytes ${from}-${to - 1}/${text.length}` }
    return (await rest('PATCH', file, { body: text.slice(from, to), headers })).status
  }
  const isWhole = async () => (await rest('HEAD', file)).headers.get('upload-complete') === '?1'
  const loadedCount = async () => {
    expect(await finished(batch)).toBe('success')
    const { body } = await rest('GET', `${catalog}/batches/${batch}`)
    return body[batch].recordCount
  }

  test('that are begun again begin anew', async () => {
    expect([await fileAction('INITIALIZE'), await part(0, 5), await part(5, 9)]).toEqual([201, 200, 200])
    expect(await fileAction('INITIALIZE')).toBe(201)
    expect((await rest('HEAD', file)).headers.get('content-length')).toBe('0')
    expect([await part(0, 7), await part(7, text.length)]).toEqual([200, 200])
    expect(await fileAction('COMPLETE')).toBe(200)
    expect(await readdir(join(home, 'staging', batch))).toHaveLength(1)
    expect(await loadedCount()).toBe(2)
  })

  test('that are sent whole take the place of parts', async () => {
    expect([await fileAction('INITIALIZE'), await part(0, 5), await put('{"n":3}')]).toEqual([201, 200, 200])
    expect(await isWhole()).toBe(true)
    expect(await readdir(join(home, 'staging', batch))).toHaveLength(1)
    expect(await loadedCount()).toBe(1)
  })

  test('that are whole count until a part of another one comes', async () => {
    expect([await put('{"n":4}'), await fileAction('INITIALIZE')]).toEqual([200, 201])
    expect(await isWhole()).toBe(true)
    expect(await part(0, 5)).toBe(200)
    expect(await isWhole()).toBe(false)
    expect((await act(batch, 'COMPLETE')).status).toBe(409)
    expect(await fileAction('INITIALIZE')).toBe(201)
    expect(await isWhole()).toBe(true)
    expect(await loadedCount()).toBe(1)
  })

  test('are not sent whole with a Content-Range', async () => {
    const headers = { ...bytes, 'content-range': `bytes 0-6/${text.length}` }
    expect((await rest('PUT', file, { body: text.slice(0, 7), headers })).status).toBe(400)
    expect((await rest('HEAD', file)).status).toBe(404)
  })

  test.each(['bytes 0-6/*', 'bytes=0-6/7', 'items 0-6/7', 'bytes 0-6/7, bytes 7-8/9'])(
    'are told of a Content-Range that says nothing: %s',
    async (range) => {
      expect(await fileAction('INITIALIZE')).toBe(201)
      const answer = await rest('PATCH', file, {
        body: text.slice(0, 7),
        headers: { ...bytes, 'content-range': range },
      })
      expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(range)])
    },
  )
})

test('the share of rows that may be refused is a number, or the text of one', async () => {
  const datasetId = await madeDataset('shares', { n: { type: 'integer' } })
  const share = async (partialIngestionPercentage: unknown) => {
    const body = { datasetId, inputFormat: { format: 'json' }, partialIngestionPercentage }
    const answer = await rest('POST', batches, { body })
    return answer.status === 201 ? answer.body.tags.acp_partialIngestionPercent : answer.status
  }
  const given = [0, 5.5, '5', '12.5', '100', true, '', [], '5%', '0x5', -1, 101, '101']
  expect(await Promise.all(given.map(share))).toEqual([0, 5.5, 5, 12.5, 100, ...Array(8).fill(400)])
})

test('rows of profiles have their primary identity, or one in their map', async () => {
  const registry = '/data/foundation/schemaregistry/tenant'
  const context = 'https://ns.adobe.com/xdm/context'
  const { $id } = await product.call<{ $id: string }>('POST', `${registry}/schemas`, {
    title: 'somebody',
    allOf: [{ $ref: `${context}/profile` }, { $ref: `${context}/identitymap` }],
  })
  const [reference = ''] = await product.call<string[]>('POST', `${catalog}/dataSets`, {
    name: 'somebody',
    schemaRef: { id: $id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  const datasetId = reference.split('/').at(-1) ?? ''
  const load = async (files: Files, more: object = {}) => {
    const batch = await opened(datasetId, files, { partialIngestionPercentage: 99, ...more })
    expect(await finished(batch)).toBe('success')
    return (await rest('GET', `/sluice/v1/batches/${batch}/rejects`)).body.rejects.map(
      ({ code, row }: { code: string; row: number }) => [code, row],
    )
  }
  const nobody = { 'a.json': '{"_id":"1"}\n{"_id":"2","identityMap":{}}' }
  expect(await load(nobody)).toEqual([])
  await product.call('POST', `${registry}/descriptors`, {
    '@type': 'xdm:descriptorIdentity',
    'xdm:sourceSchema': $id,
    'xdm:sourceVersion': 1,
    'xdm:sourceProperty': '/personID',
    'xdm:namespace': 'Email',
    'xdm:property': 'xdm:code',
    'xdm:isPrimary': true,
  })
  const rows = [
    '{"_id":"1","personID":"a@b.example"}',
    '{"_id":"2"}',
    '{"_id":"3","identityMap":{"ECID":[{"id":"7"}]}}',
    '{"_id":"4","personID":"","identityMap":{}}',
  ]
  const missing = [2, 4].map((row) => ['INGEST-1555-400', row])
  expect(await load({ 'a.json': rows.join('\n') })).toEqual(missing)
  const parquet = await parquetBytes(
    "SELECT * FROM (VALUES ('1', 'a@b.example'), ('2', NULL)) AS t(_id, personID)",
  )
  expect(await load({ 'a.parquet': parquet }, { inputFormat: { format: 'parquet' } })).toEqual([
    ['INGEST-1555-400', 2],
  ])
  await expect(product.rows("INSERT INTO somebody (_id) SELECT '9'")).rejects.toThrow('primary identity')
})

test('a dataset tells of its newest batch, the newest that was loaded and the newest that failed', async () => {
  const datasetId = await madeDataset('newest', { n: { type: 'integer' } })
  const names = ['lastBatchId', 'lastBatchStatus', 'lastSuccessfulBatch', 'lastFailedBatch']
  const told = async () =>
    (
      await product.call<Record<string, object>>(
        'GET',
        `${catalog}/dataSets/${datasetId}?properties=${names.join()}`,
      )
    )[datasetId]
  expect(await told()).toEqual({})
  const loaded = []
  for (const n of ['1', '2', '"x"']) loaded.push(await opened(datasetId, { 'a.json': `{"n":${n}}` }))
  for (const batch of loaded) await finished(batch)
  const [, second, failed] = loaded
  expect(await told()).toEqual({
    lastBatchId: failed,
    lastBatchStatus: 'failed',
    lastSuccessfulBatch: second,
    lastFailedBatch: failed,
  })
  const open = await opened(datasetId, {})
  expect(await told()).toMatchObject({
    lastBatchId: open,
    lastBatchStatus: 'loading',
    lastFailedBatch: failed,
  })
})

test('rows whose values are no numbers or not of their format are refused', async () => {
  const datasetId = await madeDataset('formats', {
    number: { type: 'number' },
    mail: { type: 'string', format: 'email' },
    link: { type: 'string', format: 'uri' },
    four: { type: 'string', format: 'ipv4' },
    six: { type: 'string', format: 'ipv6' },
  })
  const good = [
    '{"number":1e300,"mail":"é+x@example.com","link":"urn:x","four":"10.0.255.9","six":"::1"}',
    '{"link":"https://example.com/a?b=ü","six":"2001:db8::ff00:42:8329"}',
    '{"six":"::ffff:10.0.0.1"}',
  ]
  const bad = [
    ['{"number":1e400}', 'the field "number" is double, "Infinity" came'],
    ['{"number":-1e400}', 'the field "number" is double, "-Infinity" came'],
    ['{"mail":"nomail"}', 'the field "mail" is no email'],
    ['{"link":"not a uri"}', 'the field "link" is no uri'],
    ['{"four":"256.1.1.1"}', 'the field "four" is no ipv4'],
    ['{"six":"10.0.0.1"}', 'the field "six" is no ipv6'],
  ] as const
  const lines = [...good, ...bad.map(([line]) => line)]
  const batch = await opened(datasetId, { 'a.json': lines.join('\n') }, { partialIngestionPercentage: 100 })
  expect(await finished(batch)).toBe('success')
  expect(await product.rows('SELECT count(*) FROM formats')).toEqual([[good.length]])
  const { rejects } = (await rest('GET', `/sluice/v1/batches/${batch}/rejects`)).body
  const told = rejects.map(({ record, reason }: Record<string, string>) => [record, reason])
  expect(told).toHaveLength(bad.length)
  expect(told).toEqual(expect.arrayContaining([...bad]))
})

describe('what is kept of batches', () => {
  const data = '/data/foundation/export'
  let datasetId: string
  beforeAll(async () => {
    datasetId = await madeDataset('kept', { n: { type: 'integer' }, text: { type: 'string' } })
  })

  test('is there of a batch that its client gave up, but for parts of files', async () => {
    const batch = await opened(datasetId, { 'a.json': '{"n":1}' })
    const part = `${batches}/${batch}/datasets/${datasetId}/files/b.json`
    await rest('POST', `${part}?action=INITIALIZE`)
    const headers = { 'content-type': 'application/octet-stream', 'content-range': 'bytes 0-1/9' }
    expect((await rest('PATCH', part, { body: '{}', headers })).status).toBe(200)
    expect((await act(batch, 'FAIL')).status).toBe(200)
    expect((await act(batch, 'COMPLETE')).status).toBe(409)
    const { data: failed } = (await rest('GET', `${data}/batches/${batch}/failed`)).body
    expect(failed).toMatchObject([{ name: 'a.json', length: '7' }])
    expect(await product.text(failed[0]._links.self.href)).toBe('{"n":1}')
    expect(await readdir(join(home, 'staging', batch))).toEqual(['file-1'])
    const whole = { range: 'bytes=0-1', 'if-range': '"x"' }
    expect((await rest('GET', failed[0]._links.self.href, { headers: whole })).status).toBe(200)
    const own = { range: 'Bytes=0-1' }
    expect((await rest('GET', failed[0]._links.self.href, { headers: own })).status).toBe(206)
  })

  test('says how many rows were refused, of how many it read, with reasons or without', async () => {
    const files = { 'a.json': '{"n":1}\n{"n":2}\n{"n":"x"}' }
    const batch = await opened(datasetId, files, { enableErrorDiagnostics: false })
    expect(await finished(batch)).toBe('failed')
    const { [batch]: told } = (await rest('GET', `${catalog}/batches/${batch}`)).body
    expect(told.errors.map(({ code, description }: Record<string, string>) => [code, description])).toEqual([
      ['INGEST-1212-400', expect.stringContaining('1 of 3 rows')],
      ['INGEST-1211-400', expect.not.stringContaining('1 of 1')],
    ])
    expect(told.metrics).toMatchObject({ outputByteSize: 0, outputRecordCount: 0 })
    const kept = await opened(datasetId, files, { partialIngestionPercentage: 50 })
    expect(await finished(kept)).toBe('success')
    const { data: errors } = (await rest('GET', `${data}/batches/${kept}/meta?path=row_errors/`)).body
    expect(errors).toMatchObject([{ name: 'parsing_errors_0.json' }])
  })

  test('is listed a hundred at once, with links to the rest', async () => {
    const names = Array.from({ length: 25 }, (_, n) => `${n}.json`)
    const batch = await opened(datasetId, Object.fromEntries(names.map((name) => [name, '{"n":"x"}'])))
    expect(await finished(batch)).toBe('failed')
    const path = `${data}/batches/${batch}/failed`
    const { body } = await rest('GET', path)
    expect([body.data.length, body._page, body._links]).toEqual([
      25,
      { limit: 100, count: 25 },
      { page: { href: `${path}?start={start}&limit={limit}`, templated: true } },
    ])
    const folder = `${data}/batches/${batch}/meta?path=input_files`
    const found: string[] = []
    for (let next: string | undefined = `${folder}&limit=10`; next !== undefined;) {
      const page: { data: { name: string }[]; _links: { next?: { href: string } } } = await product.call(
        'GET',
        next,
      )
      found.push(...page.data.map(({ name }) => name))
      next = page._links.next?.href
    }
    expect(new Set(found).size).toBe(25)
    const loaded = await opened(datasetId, { 'a.json': '{"n":1}' })
    expect(await finished(loaded)).toBe('success')
    for (const list of [`${data}/batches/${loaded}/files`, `${data}/files/${loaded}-1`]) {
      expect((await rest('GET', list)).body).toMatchObject({
        data: [{}],
        _page: { limit: 100, count: 1 },
        _links: { page: { href: `${list}?start={start}&limit={limit}` } },
      })
    }
  })

  test('has every row that was refused, whole', async () => {
    const bad = [`{"n":"x","text":"${'y'.repeat(70_000)}"}`, ...Array.from({ length: 25_000 }, () => '{bad')]
    const batch = await opened(
      datasetId,
      { 'a.json': `{"n":1}\n${bad.join('\n')}` },
      { partialIngestionPercentage: 100 },
    )
    expect(await finished(batch)).toBe('success')
    const path = `${data}/batches/${batch}/meta?path=row_errors`
    const [{ length }] = (await rest('GET', path)).body.data
    const text = await product.text(`${path}/parsing_errors_0.json`)
    expect(Buffer.byteLength(text)).toBe(Number(length))
    const lines = text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line)._corrupt_record)).toEqual(bad)
  })

  test('has all that a constraint refused, whole', async () => {
    const long = await madeDataset('kept_long', { text: { type: 'string', maxLength: 3 } })
    const refused = Array.from(
      { length: 10_500 },
      (_, n) => `{"text":"${n}${'y'.repeat(n === 0 ? 70_000 : 9)}"}`,
    )
    const batch = await opened(long, { 'a.json': refused.join('\n') }, { partialIngestionPercentage: 100 })
    expect(await finished(batch)).toBe('success')
    const text = await product.text(`${data}/batches/${batch}/meta?path=row_errors/parsing_errors_0.json`)
    const lines = text.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line)._corrupt_record)).toEqual(refused)
  })

  test('has the rows that were refused of a file that cannot be read to its end', async () => {
    const csv = 'n,text\nx,1\n2,b\ny,3\nz,4\n5,"open\n'
    const more = { inputFormat: { format: 'csv' }, partialIngestionPercentage: 90 }
    const batch = await opened(datasetId, { 'a.csv': csv }, more)
    expect(await finished(batch)).toBe('failed')
    for (const path of ['row_errors/parsing_errors_0.json', 'row_errors_sample.json']) {
      const text = await product.text(`${data}/batches/${batch}/meta?path=${path}`)
      const lines = text.trimEnd().split('\n')
      expect(lines.map((line) => JSON.parse(line)._corrupt_record)).toEqual(['x,1', 'y,3', 'z,4'])
    }
  })

  test('says by HEAD how long it is', async () => {
    const loaded = await opened(
      datasetId,
      { 'a.json': '{"n":1}\n{"n":"x"}' },
      { partialIngestionPercentage: 50 },
    )
    expect(await finished(loaded)).toBe('success')
    const failed = await opened(datasetId, { 'a.json': '{"n":"x"}' })
    expect(await finished(failed)).toBe('failed')
    const [file] = (await rest('GET', `${data}/files/${loaded}-1`)).body.data
    for (const path of [
      new URL(file._links.self.href, product.http).href.slice(product.http.length),
      `${data}/batches/${loaded}/meta?path=row_errors/parsing_errors_0.json`,
      `${data}/batches/${failed}/failed?path=a.json`,
    ]) {
      const got = await rest('GET', path)
      const head = await rest('HEAD', path)
      expect([path, head.status, head.headers.get('content-length'), head.body]).toEqual([
        path,
        200,
        got.headers.get('content-length'),
        undefined,
      ])
      expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0)
    }
  })
})
