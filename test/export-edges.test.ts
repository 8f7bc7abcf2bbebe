import { readFileSync } from 'node:fs'
import { appendFile, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { dataLakeSpecId, destinationSpecs, localFolderSpecs } from '../src/exports/destination-specs.ts'
import { type Actor, signIn } from './support/actor.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'

const flows = '/data/foundation/flowservice'
let folder: string
let product: Product
let admin: Actor
let datasetId: string

beforeAll(async () => {
  folder = passableFolder('export-edges')
  product = await startProduct({ home: join(folder, 'home') })
  admin = await signIn(
    product.http,
    JSON.parse(readFileSync(join(folder, 'home', 'credentials.json'), 'utf8')),
  )
  await product.run('CREATE TABLE numbers AS SELECT explode(sequence(1, 25)) AS n')
  await product.run('CREATE TABLE others AS SELECT explode(sequence(1, 5)) AS n')
  datasetId = await idOf('numbers')
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function idOf(name: string): Promise<string> {
  return Object.keys(await admin.must('GET', `/data/foundation/catalog/dataSets?name=${name}`))[0]!
}

const make = async (kind: string, body: object) =>
  (await admin.must('POST', `${flows}/${kind}`, { name: 'edges', ...body })).id as string

const sourceOf = async (...ids: string[]) =>
  await make('sourceConnections', {
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: ids.map((dataSetId) => ({ dataSetId })) },
  })

async function makeFlow(
  change: {
    readonly scheduleParams?: object
    readonly params?: object
    readonly name?: string
    readonly datasetId?: string
  } = {},
) {
  const connectionSpec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
  const { name = 'edges' } = change
  const target = {
    baseConnectionId: await make('connections', { connectionSpec }),
    connectionSpec,
    params: {
      path: join(folder, 'out', name),
      datasetFileType: 'PARQUET',
      compression: 'GZIP',
      ...change.params,
    },
  }
  return await make('flows', {
    name,
    flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [await sourceOf(change.datasetId ?? datasetId)],
    targetConnectionIds: [await make('targetConnections', target)],
    scheduleParams: { timeUnit: 'day', interval: 1, startTime: 4_000_000_000, ...change.scheduleParams },
  })
}

const flowOf = async (id: string) => (await admin.must('GET', `${flows}/flows/${id}`)).items[0]

async function delivered(flowId: string) {
  const { id } = await admin.must('POST', `${flows}/runs`, { flowId })
  return await ended(id)
}

async function ended(id: string) {
  return await vi.waitFor(
    async () => {
      const [run] = (await admin.must('GET', `${flows}/runs/${id}`)).items
      expect(['success', 'failed']).toContain(run.metrics.statusSummary.status)
      return run
    },
    { timeout: 60_000, interval: 100 },
  )
}

test('a run is delivered again without a body, too', async () => {
  const run = await delivered(await makeFlow({ name: 'again' }))
  const answer = await admin.must('POST', `/sluice/v1/exports/runs/${run.id}/repeat`)
  expect(answer).toMatchObject({ isNew: true })
})

test('a run is acted on in the version that was read, where a client says which', async () => {
  const run = await delivered(await makeFlow({ name: 'versions' }))
  const act = (etag: string) =>
    admin.ask('POST', `${flows}/runs/${run.id}/action?op=RE_TRIGGER`, undefined, { 'if-match': etag })
  const stale = await act('"0-0"')
  expect(stale.status).toBe(412)
  expect(stale.body.type).toMatch(/FLOW-1404-412$/)
  const again = await act(run.etag)
  expect(again.status).toBe(200)
  // Its own version, not its id.
  expect(again.body.etag).toMatch(/^"0-|^"1-/)
})

test('a folder template is changed by either of its spellings, and 24 hours are a day', async () => {
  const id = await makeFlow({ scheduleParams: { timeUnit: 'hour', interval: 24 } })
  const { etag, scheduleParams } = await flowOf(id)
  expect(scheduleParams).toMatchObject({ timeUnit: 'day', interval: 1 })
  const template = 'new/%EXPORT_TIME%'
  const change = [{ op: 'replace', path: '/scheduleParams', value: { folderNameTemplate: template } }]
  await admin.must('PATCH', `${flows}/flows/${id}`, change, { 'if-match': etag })
  expect((await flowOf(id)).scheduleParams).toMatchObject({ foldernameTemplate: template })
  const rename = [{ op: 'replace', path: '/name', value: 'whatever it is' }]
  expect((await admin.ask('PATCH', `${flows}/flows/${id}`, rename, { 'if-match': '*' })).status).toBe(200)
})

test('what is not there is told as that, whatever its id looks like', async () => {
  for (const [method, path, body] of [
    ['GET', 'runs/zz', undefined],
    ['POST', 'runs/zz/action?op=CANCEL', undefined],
    ['POST', 'flows/zz/action?op=enable', undefined],
    ['POST', 'runs', { flowId: 'zz' }],
  ] as const) {
    const { status, body: said } = await admin.ask(method, `${flows}/${path}`, body)
    expect([path, status, said.type]).toEqual([path, 404, expect.stringContaining('FLOW-1439-404')])
  }
})

test('what cannot be taken is refused for what it is', async () => {
  const text = await fetch(`${product.http}${flows}/flows`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${admin.token}`,
      'x-api-key': admin.credentials.clientId,
      'x-gw-ims-org-id': admin.credentials.organizationId,
      'content-type': 'text/plain',
    },
    body: '{}',
  })
  const detail = 'A valid content-type must be specified'
  expect([text.status, await text.json()]).toMatchObject([400, { detail }])
})

test('a page goes on behind the one before, whatever was made meanwhile', async () => {
  await makeFlow()
  const first = await admin.must('GET', `${flows}/flows?limit=1`)
  const made = await makeFlow()
  const next = await admin.must('GET', `${flows}${first._links.next.href}&limit=100`)
  const ids = next.items.map(({ id }: { id: string }) => id)
  expect(ids).not.toContain(first.items[0].id)
  expect(ids).not.toContain(made)
})

test('eligible datasets are found as the Catalog finds them', async () => {
  const configs = `${flows}/connectionSpecs/${dataLakeSpecId}/configs?outputType=activationDatasets`
  const names = async (query: string) =>
    (await admin.must('GET', `${configs}&${query}`)).items.map(({ name }: { name: string }) => name)
  expect(await names('name=numbers')).toEqual(['numbers'])
  expect(await names('property=name==others')).toEqual(['others'])
  expect(await names('property=name~%5Enum.*s$')).toEqual(['numbers'])
  expect(await names('orderBy=desc:name')).toEqual(['others', 'numbers'])
  expect((await admin.must('GET', configs)).items[0]).toHaveProperty('enableErrorDiagnostics')
})

test('the audit log says what was done with a destination, by its name, and what was delivered', async () => {
  const id = await makeFlow({ name: 'audited' })
  await admin.must('POST', `${flows}/flows/${id}/action?op=disable`)
  await admin.must('POST', `${flows}/flows/${id}/action?op=enable`)
  const change = [
    { op: 'replace', path: '/sourceConnectionIds', value: [await sourceOf(await idOf('others'))] },
  ]
  await admin.must('PATCH', `${flows}/flows/${id}`, change, { 'if-match': (await flowOf(id)).etag })
  await delivered(id)
  const { _embedded } = await admin.must(
    'GET',
    '/data/foundation/audit/events?limit=1000&orderBy=timestamp&property=assetType==Destination',
  )
  const events = _embedded.events.filter(({ assetId }: { assetId: string }) => assetId === id)
  expect(events.map(({ action }: { action: string }) => action)).toEqual([
    'Create',
    'Dataset Activate',
    'Disable',
    'Enable',
    'Update',
    'Dataset Activate',
    'Dataset Remove',
    'Export',
    'Deliver',
  ])
  expect(new Set(events.map(({ assetName }: { assetName: string }) => assetName))).toEqual(
    new Set(['audited']),
  )
  expect(events.at(-1).enhancedEvents).toEqual([
    expect.objectContaining({
      destination: expect.stringContaining('out/audited'),
      rows: 5,
      files: 1,
      bytes: expect.any(Number),
      checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
    }),
  ])
  const deliveries = async (query: string) =>
    (await admin.must('GET', `/sluice/v1/exports/deliveries?${query}`)).deliveries
  const [newest, before] = await deliveries('limit=2')
  expect(await deliveries('limit=1&offset=1')).toEqual([before])
  expect(await deliveries(`before=${before.publishedAt}`)).not.toContainEqual(before)
  expect(await deliveries(`from=${newest.publishedAt}&limit=1000`)).toEqual([newest])
})

test('what was delivered is verified by the server that delivered it', async () => {
  const id = await makeFlow({ name: 'verified' })
  await delivered(id)
  const path = `/sluice/v1/exports/${id}/verification`
  expect(await admin.must('POST', path)).toMatchObject({
    isRight: true,
    rowCount: 25,
    fileCount: 1,
    chains: [{ exportId: id, manifestCount: 1 }],
    findings: [],
  })
  const recorded = await admin.must('GET', '/data/foundation/audit/events?property=action==verify')
  expect(recorded._embedded.events).toMatchObject([
    { assetType: 'Destination', assetId: id, status: 'Allow', enhancedEvents: [{ isRight: true }] },
  ])
  const out = join(folder, 'out', 'verified')
  // Nothing that lies there tells that the newest manifest is gone; who delivered it knows.
  await delivered(id)
  const manifests = (await readdir(out, { recursive: true })).filter((name) => name.includes('manifest-'))
  const newest = manifests.toSorted().at(-1)!
  await rename(join(out, newest), join(folder, 'newest'))
  expect(await admin.must('POST', path)).toMatchObject({
    isRight: false,
    findings: [
      {
        severity: 'error',
        code: 'chain.head',
        name: newest,
        message: 'Delivery 2, the last one known here, is missing: the newest there is 1.',
      },
    ],
  })
  await rename(join(folder, 'newest'), join(out, newest))
  expect(await admin.must('POST', path)).toMatchObject({ isRight: true })
  const [file] = (await readdir(out, { recursive: true })).filter((name) => name.endsWith('.parquet'))
  await appendFile(join(out, file!), 'more')
  expect(await admin.must('POST', path)).toMatchObject({
    isRight: false,
    findings: expect.arrayContaining([expect.objectContaining({ code: 'file.torn', name: file })]),
  })
})

test('an account that a destination does not take is an answer, not a failure of ours', async () => {
  const account = {
    connectionSpec: { id: destinationSpecs.sftp.connectionSpecId, version: '1.0' },
    auth: {
      specName: 'SFTP with Password',
      params: { domain: '127.0.0.1', port: 1, username: 'nobody', password: 'secret' },
    },
  }
  const id = await make('connections', account)
  expect(await admin.must('GET', `${flows}/connections/${id}/test`)).toEqual({
    result: false,
    places: [],
    tried: expect.any(String),
    error: { code: 'store.unreachable', message: expect.any(String), hint: expect.any(String) },
  })
})

test('who deletes a dataset hears that it is exported', async () => {
  await product.run('CREATE TABLE passing AS SELECT 1 AS n')
  const id = await idOf('passing')
  await makeFlow({ name: 'passing', datasetId: id })
  const answer = await admin.ask('DELETE', `/data/foundation/catalog/dataSets/${id}`)
  expect([answer.status, answer.headers.get('warning')]).toEqual([
    200,
    expect.stringContaining('Exported by 1 flow'),
  ])
})

test('an ad hoc run delivers rows by their times, as often as it is asked to, and leaves the live ones alone', async () => {
  await product.run(
    `CREATE TABLE visits AS SELECT id AS n, now() - make_interval(0, 0, 0, id) AS timestamp
     FROM (SELECT explode(sequence(0, 399)) AS id)`,
  )
  const visits = await idOf('visits')
  const flowId = await makeFlow({ name: 'ad hoc', datasetId: visits })
  const ask = async (id: string, backfill: unknown, flow = flowId) =>
    await admin.ask('POST', '/data/core/activation/disflowprovider/adhocrun', {
      activationInfo: { destinations: [{ flowId: flow, datasets: [{ id, backfill }] }] },
    })
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000 + 1_000).toISOString()
  const ofDays = (from: number, before: number) => ({ startDate: daysAgo(from), endDate: daysAgo(before) })
  const rowsOf = async (backfill: unknown) => {
    const { status, text, body } = await ask(visits, backfill)
    expect([status, text]).toEqual([200, expect.any(String)])
    const { id, statusURL } = body.destinations[0].datasets[0]
    expect(id).toBe(visits)
    const run = await ended(statusURL.split('/').at(-1))
    expect(run.metrics.statusSummary).toMatchObject({ status: 'success' })
    return run.metrics.recordSummary.outputRecordCount
  }
  expect(await rowsOf(ofDays(20, 10))).toBe(10)
  expect(await rowsOf(ofDays(20, 10))).toBe(10)
  expect(await rowsOf(ofDays(30, 0))).toBe(30)
  expect(await rowsOf({ startDate: daysAgo(3) })).toBe(365)
  expect(await rowsOf({})).toBe(365)
  const live = await delivered(flowId)
  expect(live.metrics.recordSummary.outputRecordCount).toBe(400)
  expect((await delivered(flowId)).metrics.recordSummary.outputRecordCount).toBe(0)
  expect(await admin.must('POST', `/sluice/v1/exports/${flowId}/verification`)).toMatchObject({
    isRight: true,
    findings: [],
    chains: [{ rowCount: 10 + 10 + 30 + 365 + 365 + 400 }],
  })
  expect((await admin.must('GET', `/sluice/v1/exports/${flowId}/backfill`)).windows).toEqual([])

  const onlyNew = await makeFlow({
    name: 'ad hoc new',
    datasetId: visits,
    scheduleParams: { startsWith: 'new' },
  })
  for (const [id, backfill, flow] of [
    [visits, ofDays(31, 0.9), flowId],
    [visits, ofDays(10, 20), flowId],
    [visits, { startDate: 'x', endDate: 'y' }, flowId],
    [visits, { startDate: '2026-11-01T00:00:00Z' }, flowId],
    [visits, { startDate: '2026-13-01T00:00:00.000Z' }, flowId],
    [visits, ofDays(20, 10), onlyNew],
    [datasetId, ofDays(20, 10), await makeFlow({ name: 'no times' })],
  ] as const) {
    const { status, body } = await ask(id, backfill, flow)
    expect([backfill, status, body.type]).toEqual([backfill, 400, expect.stringMatching(/FLOW-\d+-400$/)])
  }
})

test(
  'in a strict organisation no more than a million rows are plain Parquet',
  { timeout: 60_000 },
  async () => {
    await product.run(
      'CREATE TABLE many AS SELECT explode(sequence(1, 1001)) AS n, m FROM (SELECT explode(sequence(1, 1000)) AS m)',
    )
    const id = await idOf('many')
    const name = 'strict'
    const plain = await makeFlow({ name, datasetId: id, params: { compression: 'NONE' } })
    const packed = await makeFlow({ name, datasetId: id })
    await admin.must('PUT', '/sluice/v1/exports/settings', { isStrict: true })
    try {
      const errors = (await delivered(plain)).metrics.statusSummary.errors
      expect(errors).toMatchObject([{ message: expect.stringContaining('1000000 are the most') }])
      expect((await delivered(packed)).metrics.recordSummary.outputRecordCount).toBe(1_001_000)
    } finally {
      await admin.must('PUT', '/sluice/v1/exports/settings', { isStrict: false })
    }
  },
)
