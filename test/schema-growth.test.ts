import { readdirSync, readFileSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testEngine } from './support/engine.ts'
import { type Product, startProduct } from './support/product.ts'

// A schema in use gains fields, seen from outside: by REST, SQL, loads of all formats and an export.

let base: string
let product: Product

beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-growth-')
  await chmod(base, 0o711)
  product = await startProduct({ home: join(base, 'home') })
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

const registry = '/data/foundation/schemaregistry'
const imports = '/data/foundation/import/batches'
const flowService = '/data/foundation/flowservice'
const event = 'https://ns.adobe.com/xdm/context/experienceevent'
type Made = { readonly id: string; readonly $id: string }

async function load(
  datasetId: string,
  format: 'json' | 'csv' | 'parquet',
  bytes: string | Uint8Array<ArrayBuffer>,
): Promise<void> {
  const { id } = await product.call<Made>('POST', imports, { datasetId, inputFormat: { format } })
  await product.upload(`${imports}/${id}/datasets/${datasetId}/files/rows.${format}`, bytes)
  await product.call('POST', `${imports}/${id}?action=COMPLETE`)
  await expect
    .poll(
      async () => {
        const path = `/data/foundation/catalog/batches/${id}`
        const batch = (await product.call<Record<string, { status: string; errors: unknown }>>('GET', path))[
          id
        ]!
        return batch.status === 'failed' ? batch : batch.status
      },
      { timeout: 60_000, interval: 100 },
    )
    .toBe('success')
}

async function parquet(sql: string): Promise<Uint8Array<ArrayBuffer>> {
  await using engine = await testEngine()
  const { files } = await engine.copy(sql, { kind: 'parquet', compression: 'zstd' })
  return new Uint8Array(await readFile(files[0]!.path))
}

async function flowOf(datasetId: string, folder: string): Promise<string> {
  const make = async (kind: string, body: object) =>
    (await product.call<Made>('POST', `${flowService}/${kind}`, body)).id
  const connectionSpec = { id: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c31', version: '1.0' }
  return await make('flows', {
    name: 'growing',
    flowSpec: { id: '5a1f0f6e-1d0c-4e58-9a43-6c6f63616c32', version: '1.0' },
    sourceConnectionIds: [
      await make('sourceConnections', {
        name: 'lake',
        connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
        params: { datasets: [{ dataSetId: datasetId }] },
      }),
    ],
    targetConnectionIds: [
      await make('targetConnections', {
        name: 'folder',
        baseConnectionId: await make('connections', { name: 'folder', connectionSpec }),
        connectionSpec,
        params: { path: folder, datasetFileType: 'JSON', compression: 'NONE' },
      }),
    ],
    scheduleParams: { timeUnit: 'hour', interval: 1, startTime: Math.floor(Date.now() / 1000) + 7_200 },
  })
}

async function deliver(flowId: string, runCount: number): Promise<void> {
  await product.call('POST', `${flowService}/runs`, { flowId })
  type Runs = { readonly items: readonly { metrics: { statusSummary: { status: string } } }[] }
  await expect
    .poll(
      async () => {
        const { items } = await product.call<Runs>('GET', `${flowService}/runs?property=flowId==${flowId}`)
        return items.map((run) => run.metrics.statusSummary.status)
      },
      { timeout: 60_000, interval: 200 },
    )
    .toEqual(Array.from({ length: runCount }, () => 'success'))
}

function delivered(folder: string): Record<string, Record<string, unknown>> {
  const rows = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json') && name.includes('part-'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return Object.fromEntries(rows.map((row) => [String(row['_id']), row]))
}

test('fields that a schema in use gains are columns of its table, for loads, SQL and exports', async () => {
  const { tenantId } = await product.call<{ tenantId: string }>('GET', `${registry}/stats/`)
  const own = `_${tenantId}`
  const fields = `/definitions/customFields/properties/${own}/properties`
  const group = await product.call<Made>('POST', `${registry}/tenant/fieldgroups`, {
    title: 'Shop',
    type: 'object',
    'meta:intendedToExtend': [event],
    definitions: {
      customFields: {
        type: 'object',
        properties: {
          [own]: {
            type: 'object',
            properties: {
              size: { type: 'string' },
              cart: { type: 'object', properties: { n: { type: 'integer' } } },
            },
          },
        },
      },
    },
    allOf: [{ $ref: '#/definitions/customFields' }],
  })
  const schema = await product.call<Made>('POST', `${registry}/tenant/schemas`, {
    title: 'Shop events',
    allOf: [{ $ref: event }, { $ref: group.$id }],
  })
  const [reference] = await product.call<string[]>('POST', '/data/foundation/catalog/dataSets', {
    name: 'shop',
    schemaRef: { id: schema.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  const datasetId = reference!.split('/').at(-1)!
  const patch = async (path: string, value: unknown, of = `fieldgroups/${encodeURIComponent(group.$id)}`) =>
    await product.call('PATCH', `${registry}/tenant/${of}`, [{ op: 'add', path, value }])
  const row = (id: string, more: object) =>
    JSON.stringify({ _id: id, timestamp: '2026-02-01T00:00:00Z', [own]: more })
  const folder = join(base, 'delivered')
  await mkdir(folder)

  await load(datasetId, 'json', row('a', { size: 'S', cart: { n: 1 } }))
  const flowId = await flowOf(datasetId, folder)
  await deliver(flowId, 1)

  await patch(`${fields}/colour`, { type: 'string', enum: ['red', 'blue'] })
  await patch(`${fields}/cart/properties/total`, { type: 'number' })
  const sql = `SELECT _id, ${own}.size, coalesce(${own}.colour, '-'), coalesce(${own}.cart.total, -1) FROM shop ORDER BY _id`
  expect(await product.rows(sql)).toEqual([['a', 'S', '-', -1]])

  const newer = { size: 'M', colour: 'red', cart: { n: 2, total: 2.5 } }
  await load(datasetId, 'json', row('b', newer))
  const csv = `_id,timestamp,${own}\nc,2026-02-01T00:00:00Z,"${JSON.stringify(newer).replaceAll('"', '""')}"\n`
  await load(datasetId, 'csv', csv)
  const at = `TIMESTAMPTZ '2026-02-01 00:00:00+00'`
  const cart = '{n: 2::INTEGER, total: 2.5::DOUBLE}'
  await load(
    datasetId,
    'parquet',
    await parquet(
      `SELECT 'd' AS _id, ${at} AS "timestamp", {size: 'M', colour: 'red', cart: ${cart}} AS "${own}"`,
    ),
  )
  // While rows come in, the schema grows on, inside and at the top.
  const web = { $ref: 'https://ns.adobe.com/xdm/context/experienceevent-web' }
  await Promise.all([
    load(datasetId, 'json', row('e', newer)),
    patch(`${fields}/brand`, { type: 'string' }),
    load(datasetId, 'json', row('f', newer)),
    patch('/allOf/-', web, `schemas/${encodeURIComponent(schema.$id)}`),
    load(datasetId, 'json', row('g', newer)),
  ])
  expect(await product.rows(sql)).toEqual([
    ['a', 'S', '-', -1],
    ...['b', 'c', 'd', 'e', 'f', 'g'].map((id) => [id, 'M', 'red', 2.5]),
  ])
  expect(
    await product.rows(
      `SELECT count(*) FROM shop WHERE ${own}.brand IS NULL AND web.webPageDetails.URL IS NULL`,
    ),
  ).toEqual([[7]])
  await load(datasetId, 'json', row('h', { ...newer, brand: 'x' }))

  await deliver(flowId, 2)
  const rows = delivered(folder)
  expect(Object.keys(rows).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])
  expect(rows['d']?.[own]).toMatchObject({ colour: 'red', cart: { n: 2, total: 2.5 } })
  expect(rows['h']?.[own]).toMatchObject({ brand: 'x' })
  type Datasets = Record<string, { readonly observableSchema: { readonly properties: object } }>
  const { observableSchema } = (
    await product.call<Datasets>(
      'GET',
      `/data/foundation/catalog/dataSets/${datasetId}?properties=observableSchema`,
    )
  )[datasetId]!
  expect(observableSchema.properties).toHaveProperty('web')
})
