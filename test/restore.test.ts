import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { armFaults, restoreFaultPoints } from '../src/base/faults.ts'
import { dataLakeSpecId, localFolderSpecs } from '../src/exports/destination-specs.ts'
import { command } from './support/command.ts'
import { stopAt } from './support/exports.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const flowService = '/data/foundation/flowservice'
const waiting = { timeout: 30_000, interval: 50 }

let folder: string
let home: string
let product: Product
beforeAll(async () => {
  folder = passableFolder('restore')
  home = join(folder, 'home')
  product = await startProduct({ home })
  await product.run(`CREATE TABLE kinds AS SELECT 1 AS id, CAST(2 AS BIGINT) AS l, CAST(3 AS SMALLINT) AS s,
    CAST(1.5 AS FLOAT) AS f, CAST('NaN' AS DOUBLE) AS d, CAST(3.25 AS DECIMAL(30,2)) AS amount, 'te,"xt' AS t,
    '' AS empty, DATE '2026-03-01' AS day, TIMESTAMP '2026-03-01 10:11:12.123456' AS at, TRUE AS b,
    CAST('ab' AS BINARY) AS bytes, array(1, 2, NULL) AS list, map('a', 1.5, 'ü', NULL) AS m,
    named_struct('x', 1, 'my-y', 'z', 'date', DATE '2026-03-01') AS st`)
  await product.run(`INSERT INTO kinds SELECT 2, 9223372036854775807, -3, -0.5, 1e300, 1234567890123456789012345678.99,
    'zwei\nLines', NULL, NULL, TIMESTAMP '1969-12-31 23:59:59', FALSE, CAST('DEADBEEF' AS BINARY), array(), map(), NULL`)
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})
afterEach(() => armFaults(undefined))

const restore = (...args: string[]) => command(['restore', ...args, '--home', home])

interface Params {
  readonly [name: string]: unknown
  readonly path: string
}

/** An export of a table into a folder; returns what delivers it now, in another form if one is given. */
async function exported(table: string, params: Params): Promise<(change?: object) => Promise<void>> {
  const make = (kind: string, body: object) =>
    product.call<{ id: string }>('POST', `${flowService}/${kind}`, { name: 'feed', ...body })
  const connectionSpec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
  const found = await product.call('GET', `/data/foundation/catalog/dataSets?name=${table}`)
  const connection = await make('connections', { connectionSpec })
  const source = await make('sourceConnections', {
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: [{ dataSetId: Object.keys(found)[0] }] },
  })
  const target = await make('targetConnections', {
    baseConnectionId: connection.id,
    connectionSpec,
    params: { datasetFileType: 'PARQUET', ...params },
  })
  const flow = await make('flows', {
    flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [source.id],
    targetConnectionIds: [target.id],
    scheduleParams: { timeUnit: 'day', interval: 1, startTime: 4_000_000_000 },
  })
  return async (change) => {
    if (change) {
      const { items } = await product.call<{ items: [{ etag: string }] }>(
        'GET',
        `${flowService}/targetConnections/${target.id}`,
      )
      const changed = await fetch(`${product.http}${flowService}/targetConnections/${target.id}`, {
        method: 'PATCH',
        headers: { ...product.headers, 'content-type': 'application/json', 'if-match': items[0].etag },
        body: JSON.stringify([{ op: 'replace', path: '/params', value: change }]),
      })
      expect(changed.status).toBe(200)
    }
    const { id } = await product.call<{ id: string }>('POST', `${flowService}/runs`, { flowId: flow.id })
    const state = async () =>
      (await product.call<{ items: [{ sluice: { state: string } }] }>('GET', `${flowService}/runs/${id}`))
        .items[0].sluice.state
    await vi.waitFor(async () => expect(await state()).toBe('succeeded'), waiting)
  }
}

let insertedId = 100
async function insert(): Promise<void> {
  insertedId += 1
  await product.run(
    `INSERT INTO kinds SELECT ${insertedId}, 1, 1, 1.25, 1.5, 0.01, 'new', 'x', DATE '2026-03-02', TIMESTAMP '2026-03-02 00:00:00', TRUE, CAST('' AS BINARY), NULL, map('k', 2.5), named_struct('x', NULL, 'my-y', NULL, 'date', NULL)`,
  )
}

const rowsOf = (table: string) => product.rows(`SELECT * FROM ${table} ORDER BY id`)

async function columnsOf(table: string): Promise<unknown> {
  return (await product.rows(`DESCRIBE ${table}`)).map(([name, type]) => [name, type])
}

describe('from a folder', () => {
  let place: string
  beforeAll(async () => {
    place = join(folder, 'out')
    const deliver = await exported('kinds', { path: place })
    await deliver()
    await insert()
    await deliver()
  })

  test('a dry run says which deliveries, rows and columns would come, and writes nothing', async () => {
    const dry = await restore(place, '--dry-run', '--dataset', 'dry')
    expect([dry.code, dry.err]).toEqual([0, ''])
    expect(dry.out).toMatch(/1 {2}full .* loaded\n +2 {2}increment .* loaded/s)
    expect(dry.out).toContain('3 rows in 2 files')
    expect(dry.out).toMatch(/\nst +struct\n {2}x +int\n {2}my-y +string\n {2}date +date\n/)
    const json = JSON.parse((await restore(place, '--dry-run', '--format', 'json')).out)
    expect(json).toMatchObject({
      rowCount: 3,
      fileCount: 2,
      isRight: true,
      isRestored: false,
      dataset: 'kinds',
    })
    expect(await restore(place, '--dry-run', '--key', json.keyId)).toMatchObject({ code: 0 })
    expect(
      await restore(place, '--key', 'ffff', '--key', '0123456789abcdef', '--dataset', 'dry'),
    ).toMatchObject({
      code: 1,
      err: expect.stringContaining(`signed by the key ${json.keyId}, not by ffff or 0123456789abcdef`),
    })
    expect(await product.call('GET', '/data/foundation/catalog/dataSets?name=dry')).toEqual({})
  })

  test('the dataset comes back with its rows and types, once however often', async () => {
    expect(await restore(place, '--dataset', 'again')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Restored again as of delivery 2'),
    })
    expect(await rowsOf('again')).toEqual(await rowsOf('kinds'))
    expect(await columnsOf('again')).toEqual(await columnsOf('kinds'))
    expect((await restore(place, '--dataset', 'again')).out).toContain('Restored before:')
    expect(await product.rows('SELECT count(*) FROM again')).toEqual([[3]])
    // It is a table of its own.
    await product.run('ALTER TABLE again ADD COLUMN extra STRING')
    expect(await restore(place, '--through', '1', '--dataset', 'earlier')).toMatchObject({ code: 0 })
    expect(await product.rows('SELECT count(*) FROM earlier')).toEqual([[2]])
  })

  test('a name that is taken, and flags of the other kind of restore, are refused', async () => {
    expect(await restore(place)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/already.*--dataset NAME/s),
    })
    await restore(place, '--through', '1', '--dataset', 'first')
    expect((await restore(place, '--dataset', 'first')).err).toMatch(
      /as of delivery 1; the one asked for is as of 2.*--through 1/s,
    )
    expect(await restore(place, '--from', folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('--from'),
    })
    expect(await command(['restore', '--from', folder])).toMatchObject({ code: 2 })
    expect(await command(['restore', '--from', folder, '--home', folder, '--as-delivered'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('--as-delivered is for restores of deliveries'),
    })
    expect(await command(['restore'])).toMatchObject({ code: 2 })
    expect(await restore(join(folder, 'nothing'))).toMatchObject({ code: 3 })
  })

  test('a changed byte, a cut file and a lost manifest end it before anything is there', async () => {
    const names = readdirSync(place, { recursive: true, encoding: 'utf8' })
    const part = names.find((name) => name.endsWith('.parquet'))!
    const manifest = names.find((name) => name.includes('manifest-000001'))!
    const harmed = async (harm: (copy: string) => void | Promise<void>) => {
      const copy = join(folder, 'harmed')
      cpSync(place, copy, { recursive: true })
      await harm(copy)
      const refused = await restore(copy, '--dataset', 'harmed')
      await rm(copy, { recursive: true })
      expect(refused.code).toBe(1)
      expect(await product.call('GET', '/data/foundation/catalog/dataSets?name=harmed')).toEqual({})
      return refused.err
    }
    const change = (path: string, to: (bytes: Buffer) => Uint8Array) =>
      writeFileSync(path, to(readFileSync(path)))
    expect(await harmed((copy) => change(join(copy, part), (bytes) => bytes.fill(0x21, 20, 21)))).toMatch(
      /error file\.(changed|torn) .*part-.*sluice export rerun/s,
    )
    expect(await harmed((copy) => change(join(copy, part), (bytes) => bytes.subarray(0, -9)))).toContain(
      'file.torn',
    )
    expect(await harmed((copy) => rm(join(copy, manifest)))).toMatch(/rows\.before.*object\.unnamed/s)
  })

  test('several at once give each row once', async () => {
    const stopped = stopAt('restore.made')
    const first = restore(place, '--dataset', 'crowd')
    await stopped.reached
    const others = [1, 2, 3].map(() => restore(place, '--dataset', 'crowd'))
    stopped.release()
    for (const { code, err } of await Promise.all([first, ...others]))
      if (code !== 0) expect(err).toContain('took over')
    expect(await restore(place, '--dataset', 'crowd')).toMatchObject({ code: 0 })
    expect(await rowsOf('crowd')).toEqual(await rowsOf('kinds'))
  })

  test.each(restoreFaultPoints)(
    'broken off at %s and begun again it gives each row once, also when the first lives on',
    async (point) => {
      const name = point.replace('.', '_')
      const stopped = stopAt(point)
      const first = restore(place, '--dataset', name)
      await stopped.reached
      expect(await restore(place, '--dataset', name)).toMatchObject({ code: 0 })
      stopped.release()
      const late = await first
      if (late.code !== 0) expect(late.err).toContain('took over')
      expect(await rowsOf(name)).toEqual(await rowsOf('kinds'))
    },
  )
})

test.each([
  ['PARQUET', 'SNAPPY', true],
  ['JSON', 'NONE', true],
  ['JSON', 'ZSTD', false],
  ['CSV', 'ZSTD', true],
])(
  'files of %s with %s come back as they were, system columns %s',
  async (datasetFileType, compression, includeSystemColumns) => {
    const name = `${datasetFileType}_${compression}`.toLowerCase()
    const path = join(folder, name)
    const deliver = await exported('kinds', { path, datasetFileType, compression, includeSystemColumns })
    await deliver()
    expect(await restore(path, '--dataset', name)).toMatchObject({ code: 0, err: '' })
    expect(await rowsOf(name)).toEqual(await rowsOf('kinds'))
    expect(await columnsOf(name)).toEqual(await columnsOf('kinds'))
  },
)

test.each(['PARQUET', 'JSON', 'CSV'])('texts with U+0000 come back from %s', async (datasetFileType) => {
  await product.run(
    `CREATE TABLE IF NOT EXISTS nuls AS SELECT 1 AS id, concat('a', chr(0), chr(4), '0', chr(1), 'b') AS t,
      array(concat(chr(0), 'x'), NULL) AS list, map(concat('k', chr(0)), concat(chr(0), chr(0))) AS m,
      named_struct('x', chr(0)) AS st UNION ALL SELECT 2, chr(0), NULL, NULL, NULL`,
  )
  const path = join(folder, `nul-${datasetFileType}`)
  await (
    await exported('nuls', { path, datasetFileType })
  )()
  const name = `nul_${datasetFileType}`.toLowerCase()
  expect(await restore(path, '--dataset', name)).toMatchObject({ code: 0, err: '' })
  const texts = async (table: string) =>
    await product.rows(
      `SELECT id, hex(t), hex(list[0]), hex(map_keys(m)[0]), hex(map_values(m)[0]), hex(st.x) FROM ${table} ORDER BY id`,
    )
  expect(await texts('nuls')).toContainEqual([1, '610004300162', '0078', '6B00', '0000', '00'])
  expect(await texts(name)).toEqual(await texts('nuls'))
})

test('bytes inside of other values come back from JSON, and are refused in CSV', async () => {
  await product.run(
    `CREATE TABLE nested AS SELECT 1 AS id, named_struct('raw', CAST('a"b' AS BINARY), 'n', 9007199254740993) AS st,
      array(CAST('x' AS BINARY), NULL) AS list, map('k', CAST('' AS BINARY)) AS m`,
  )
  const json = join(folder, 'nested-json')
  await (
    await exported('nested', { path: json, datasetFileType: 'JSON', compression: 'GZIP' })
  )()
  expect(await restore(json, '--dataset', 'nested_again')).toMatchObject({ code: 0, err: '' })
  expect(await rowsOf('nested_again')).toEqual(await rowsOf('nested'))
  expect(await product.rows('SELECT st.n = 9007199254740993 FROM nested_again')).toEqual([[true]])
  const csv = join(folder, 'nested-csv')
  await (
    await exported('nested', { path: csv, datasetFileType: 'CSV' })
  )()
  expect(await restore(csv, '--dataset', 'x')).toMatchObject({
    code: 1,
    err: expect.stringContaining('file.format'),
  })
})

test('deliveries of several formats, with columns that came later and odd names, are one dataset', async () => {
  await product.run(
    "CREATE TABLE grown AS SELECT 1 AS id, 2 AS `a b`, named_struct('it`s \"q\"', 3, '§', TIMESTAMP_NTZ '2026-03-01 01:02:03') AS `päge-1`",
  )
  const place = join(folder, 'grown')
  const deliver = await exported('grown', { path: place })
  await deliver()
  await product.run('ALTER TABLE grown ADD COLUMN later DATE')
  await product.run("INSERT INTO grown SELECT 2, NULL, NULL, DATE '2026-03-02'")
  await deliver({ datasetFileType: 'JSON', compression: 'GZIP' })
  await product.run("INSERT INTO grown SELECT 3, 4, named_struct('x', 5, 'y', NULL), NULL")
  await deliver({ datasetFileType: 'CSV', compression: 'NONE' })
  expect(await restore(place, '--dataset', 'grown_again')).toMatchObject({ code: 0, err: '' })
  expect(await rowsOf('grown_again')).toEqual(await rowsOf('grown'))
  expect(await columnsOf('grown_again')).toEqual(await columnsOf('grown'))
  expect((await restore(place, '--dataset', 'grown_again')).out).toContain('Restored before:')
  expect(await product.rows('SELECT count(*) FROM grown_again')).toEqual([[3]])
})

test('rows that were taken back since they were delivered are not restored in silence', async () => {
  await product.run('CREATE TABLE taken AS SELECT 1 AS id')
  await product.run('INSERT INTO taken SELECT 2 UNION ALL SELECT 3')
  const place = join(folder, 'taken')
  const deliver = await exported('taken', { path: place })
  await deliver()
  const found = await product.call('GET', '/data/foundation/catalog/dataSets?name=taken')
  const batches = await product.call<Record<string, { status: string; recordCount: number }>>(
    'GET',
    `/data/foundation/catalog/batches?dataSet=${Object.keys(found)[0]}`,
  )
  const [batch] = Object.entries(batches).find(([, { recordCount }]) => recordCount === 2)!
  await product.call('POST', `/data/foundation/import/batches/${batch}?action=REVERT`)
  const count = async () => (await product.rows('SELECT count(*) FROM taken'))[0]?.[0]
  await vi.waitFor(async () => expect(await count()).toBe(1), waiting)
  await deliver()
  const refused = await restore(place, '--dataset', 'less')
  expect(refused).toMatchObject({
    code: 1,
    err: expect.stringMatching(/rows\.removed.*3 rows.*had 1.*--as-delivered/s),
  })
  expect(await restore(place, '--dataset', 'less', '--through', '1')).toMatchObject({ code: 0 })
  expect(await restore(place, '--dataset', 'more', '--as-delivered')).toMatchObject({ code: 0 })
  expect(await rowsOf('more')).toEqual([[1], [2], [3]])
})

test('a dataset without rows comes back without rows', async () => {
  await product.run('CREATE TABLE bare AS SELECT 1 AS id WHERE false')
  const place = join(folder, 'bare')
  await (
    await exported('bare', { path: place })
  )()
  expect(await restore(place, '--dataset', 'bare_again')).toMatchObject({
    code: 0,
    out: expect.stringContaining('Restored bare_again'),
  })
  expect(await columnsOf('bare_again')).toEqual(await columnsOf('bare'))
})

test('a dataset that was restored and used since is never deleted, however its columns are now', async () => {
  const registry = '/data/foundation/schemaregistry/tenant/schemas'
  const { $id } = await product.call<{ $id: string }>('POST', registry, {
    title: 'orders',
    type: 'object',
    properties: { id: { type: 'string' }, cart: { type: 'object', properties: { n: { type: 'integer' } } } },
  })
  await product.call('POST', '/data/foundation/catalog/dataSets', {
    name: 'orders',
    schemaRef: { id: $id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  await product.run("INSERT INTO orders SELECT 'a', named_struct('n', 1)")
  const place = join(folder, 'orders')
  await (
    await exported('orders', { path: place })
  )()
  expect(await restore(place, '--dataset', 'kept')).toMatchObject({ code: 0 })
  await product.run("INSERT INTO kept SELECT 'b', named_struct('n', 2)")
  await product.call('PATCH', `${registry}/${encodeURIComponent($id)}`, [
    { op: 'add', path: '/properties/cart/properties/total', value: { type: 'number' } },
  ])
  // It follows its schema: it has all that was delivered, and more.
  expect(await restore(place, '--dataset', 'kept')).toMatchObject({
    code: 0,
    out: expect.stringContaining('Restored before:'),
  })
  expect(await product.rows('SELECT id, cart.n, coalesce(cart.total, -1) FROM kept ORDER BY id')).toEqual([
    ['a', 1, -1],
    ['b', 2, -1],
  ])
  expect(await restore(place, '--dataset', 'newer')).toMatchObject({ code: 0, err: '' })
  expect(await product.rows('SELECT id, cart.n, coalesce(cart.total, -1) FROM newer')).toEqual([['a', 1, -1]])
  // The schema of that name becomes another one; what is made of it, and filled by somebody at once, is theirs.
  for (const name of ['orders', 'kept', 'newer']) {
    const [id] = Object.keys(await product.call('GET', `/data/foundation/catalog/dataSets?name=${name}`))
    await product.call('DELETE', `/data/foundation/catalog/dataSets/${id}`)
  }
  await product.call('PATCH', `${registry}/${encodeURIComponent($id)}`, [
    { op: 'remove', path: '/properties/cart/properties/n' },
  ])
  const stopped = stopAt('restore.made')
  const broken = restore(place, '--dataset', 'used')
  await stopped.reached
  await product.run("INSERT INTO used SELECT 'mine', NULL")
  stopped.release()
  const other = {
    code: 1,
    err: expect.stringMatching(/other columns by now: none "cart" of struct<n:int>.*--dataset NAME/s),
  }
  expect(await broken).toMatchObject(other)
  expect(await restore(place, '--dataset', 'used')).toMatchObject(other)
  expect(await product.rows('SELECT id FROM used')).toEqual([['mine']])
  expect(await restore(place, '--dataset', 'unused')).toMatchObject({ code: 0, err: '' })
  expect(await product.rows('SELECT id, cart.n FROM unused')).toEqual([['a', 1]])
})

test('another home takes events under their name, by a server of its own that is killed and by the next one', async () => {
  const { $id } = await product.call<{ $id: string }>(
    'POST',
    '/data/foundation/schemaregistry/tenant/schemas',
    {
      title: 'visits',
      type: 'object',
      properties: {
        _id: { type: 'string' },
        timestamp: { type: 'string', format: 'date-time' },
        web: { type: 'object', properties: { 'page-name': { type: 'string' } } },
      },
    },
  )
  await product.call('POST', '/data/foundation/catalog/dataSets', {
    name: 'Visits of the site',
    schemaRef: { id: $id, contentType: 'application/vnd.adobe.xed+json;version=1' },
    tags: { 'adobe/pqs/table': ['visits'] },
  })
  await product.run(
    "INSERT INTO visits SELECT 'e1', TIMESTAMP '2026-03-01 01:00:00', named_struct('page-name', 'home') UNION ALL SELECT 'e2', TIMESTAMP '2026-03-02 01:00:00', NULL",
  )
  const place = join(folder, 'visits')
  const deliver = await exported('Visits of the site', {
    path: place,
    datasetFileType: 'JSON',
    compression: 'ZSTD',
  })
  await deliver()
  // Here the schema is registered, and is used again.
  expect(await restore(place, '--dataset', 'Visits again')).toMatchObject({ code: 0 })
  const again = await product.call('GET', '/data/foundation/catalog/dataSets?name=Visits again')
  expect(Object.values(again)).toMatchObject([{ schemaRef: { id: $id } }])
  const other = join(folder, 'other')
  const args = ['restore', place, '--home', other]
  const killed = await sluice(args, { env: { SLUICE_FAULT_POINT: 'restore.completed@server' } })
  expect(killed.code).toBe(null)
  await using restored = await startProduct({ home: other })
  expect(await command(args)).toMatchObject({ code: 0, out: expect.stringContaining('2 rows in 1 file') })
  const sql = 'SELECT * FROM visits ORDER BY _id'
  expect(await restored.rows(sql)).toEqual(await product.rows(sql))
  const [dataset] = Object.values(
    await restored.call('GET', '/data/foundation/catalog/dataSets?name=Visits of the site'),
  )
  expect(dataset).toMatchObject({ classification: { dataBehavior: 'time-series' } })
})
