import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, signIn } from './support/actor.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'

const flows = '/data/foundation/flowservice'
let folder: string
let product: Product
let admin: Actor

beforeAll(async () => {
  folder = passableFolder('dry-run')
  product = await startProduct({ home: join(folder, 'home') })
  admin = await signIn(
    product.http,
    JSON.parse(readFileSync(join(folder, 'home', 'credentials.json'), 'utf8')),
  )
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('a dry run tells of files, rows, bytes and some rows, and leaves nothing behind', async () => {
  await product.run('CREATE TABLE dry AS SELECT explode(sequence(1, 25)) AS n')
  const [datasetId] = Object.keys(await admin.must('GET', '/data/foundation/catalog/dataSets'))
  const make = async (kind: string, body: object) =>
    (await admin.must('POST', `${flows}/${kind}`, { name: 'dry', ...body })).id as string
  const source = await make('sourceConnections', {
    connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
    params: { datasets: [{ dataSetId: datasetId }] },
  })
  // A connection that names no kind is of the landing zone.
  const base = await make('connections', {})
  const target = await make('targetConnections', {
    baseConnectionId: base,
    connectionSpec: { id: '10440537-2a7b-4583-ac39-ed38d4b848e8', version: '1.0' },
    params: { mode: 'Server-to-server', path: '/out', datasetFileType: 'JSON', compression: 'gzip' },
  })
  const flow = await make('flows', {
    flowSpec: { id: 'cd2fc47e-e838-4f38-a581-8fff2f99b63a', version: '1.0' },
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    transformations: [],
    scheduleParams: { timeUnit: 'day', interval: 1, startTime: 1_900_000_000 },
  })
  const { datasets } = await admin.must('POST', `/sluice/v1/exports/${flow}/dry-run`)
  expect(datasets).toMatchObject([
    {
      datasetName: 'dry',
      content: 'full',
      chainNumber: 1,
      rowCount: 25,
      fileCount: 1,
      fileName: 'part-00000-<run>-<attempt>-<chance>.json.gz',
      sourceBytes: expect.any(Number),
      bytes: expect.any(Number),
      columns: [{ name: 'n' }],
    },
  ])
  const [{ rows }] = datasets as { rows: { n: number }[] }[] as [{ rows: { n: number }[] }]
  expect(rows).toHaveLength(10)
  expect(rows.every(({ n }) => n >= 1 && n <= 25)).toBe(true)
  expect((await admin.must('GET', `${flows}/runs`)).items).toEqual([])
  const { id } = await admin.must('POST', `${flows}/runs`, { flowId: flow })
  await expect
    .poll(async () => (await admin.must('GET', `${flows}/runs/${id}`)).items[0], { timeout: 60_000 })
    .toMatchObject({
      flowSpec: { id: 'cd2fc47e-e838-4f38-a581-8fff2f99b63a' },
      metrics: {
        recordSummary: { outputRecordCount: 25, skippedRecordCount: 0, skippedInfo: [], failedInfo: [] },
        fileSummary: { outputFileCount: 1 },
        statusSummary: { status: 'success' },
      },
    })
  expect((await admin.ask('GET', `/sluice/v1/exports/runs/${id}/manifest`)).status).toBe(200)
  const recorded = await admin.must('GET', '/data/foundation/audit/events?property=action==download')
  expect(recorded._embedded.events).toMatchObject([
    { assetType: 'Destination Run', assetId: id, enhancedEvents: [{ place: 'manifest' }] },
    { assetType: 'Destination', assetId: flow, enhancedEvents: [{ place: 'dry run' }] },
  ])
  const metrics = await fetch(`${product.http}/metrics`, {
    headers: { authorization: `Bearer ${admin.token}` },
  })
  expect(await metrics.text()).toMatch(/sluice_export_rows_total 25\n/)
  const eligible = await admin.must(
    'GET',
    `${flows}/connectionSpecs/10440537-2a7b-4583-ac39-ed38d4b848e8/configs?outputType=activationDatasets&outputField=datasets&properties=name`,
  )
  expect(eligible).toEqual({
    items: [{ id: datasetId, name: 'dry' }],
    pageInfo: { start: 0, end: 0, total: 1, hasNext: false },
  })
})

test('every kind of destination is listed with the schema of what it wants to know', async () => {
  const { items } = await admin.must('GET', `${flows}/connectionSpecs?property=name==Amazon S3`)
  expect(items).toMatchObject([
    {
      id: '4fce964d-3f37-408f-9778-e597338a21ee',
      providerId: '14e34fac-d307-11e9-bb65-2a2ae2dbcce4',
      version: '1.0',
      authSpec: [
        {
          name: 'Access Key',
          type: 'KeyBased',
          spec: {
            required: ['s3AccessKey', 's3SecretKey'],
            properties: { s3SecretKey: { format: 'password' } },
            else: { properties: { s3AccessKey: { pattern: '^[A-Z2-7]{20}$' } } },
          },
        },
        { name: 'Assumed Role', spec: { required: expect.arrayContaining(['s3Role']) } },
      ],
      encryptionSpecs: [{ type: 'FileAsymmetric' }],
      targetSpec: {
        spec: { required: ['bucketName', 'path', 'mode', 'datasetFileType', 'compression', 'fileType'] },
      },
      attributes: { isDestination: true },
    },
  ])
  expect((await admin.must('GET', `${flows}/connectionSpecs?count=true`)).count).toBe(8)
  const both = await admin.ask('GET', `${flows}/flows?limit=1&count=true`)
  expect([both.status, both.body.type]).toEqual([400, expect.stringContaining('FLOW-1401-400')])
  const empty = await admin.ask('POST', `${flows}/flows`)
  expect([empty.status, empty.body.type]).toEqual([400, expect.stringContaining('FLOW-1405-400')])
})
