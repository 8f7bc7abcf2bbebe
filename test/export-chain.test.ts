import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { must } from '../src/base/assert.ts'
import { dataLakeSpecId, localFolderSpecs } from '../src/exports/destination-specs.ts'
import { lineageProblems, startLineageCollector } from './support/lineage-collector.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { sluice } from './support/sluice.ts'

const flowService = '/data/foundation/flowservice'
const queryService = '/data/foundation/query'
const waiting = { timeout: 30_000, interval: 50 }

interface Changed {
  readonly id: string
  readonly etag: string
  readonly warnings?: readonly string[]
}

let folder: string
let home: string
let product: Product
let collector: Awaited<ReturnType<typeof startLineageCollector>>
beforeAll(async () => {
  folder = passableFolder('export-chain')
  home = join(folder, 'home')
  collector = await startLineageCollector()
  product = await startProduct({
    home,
    env: { SLUICE_LINEAGE_URL: collector.url, SLUICE_LINEAGE_TOKEN: 'lineage-token' },
  })
  await product.run("CREATE TABLE hits AS SELECT 1 AS id, 'a' AS page UNION ALL SELECT 2, 'b'")
  await product.run('CREATE TABLE sessions AS SELECT * FROM hits')
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await collector[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function datasetId(name: string): Promise<string> {
  const found = await product.call('GET', `/data/foundation/catalog/dataSets?name=${name}`)
  return Object.keys(found)[0] ?? ''
}

async function scheduled(sql: string, cron: string): Promise<string> {
  const { id } = await product.call<{ id: string }>('POST', `${queryService}/schedules`, {
    query: { dbName: 'prod:all', name: 'sessionize', sql },
    schedule: { schedule: cron, startDate: '2026-01-01T00:00:00Z' },
  })
  return id
}

async function flow(scheduleParams: object): Promise<Changed> {
  const make = (kind: string, body: object) =>
    product.call<Changed>('POST', `${flowService}/${kind}`, { name: 'feed', ...body })
  const spec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
  const connection = await make('connections', { connectionSpec: spec })
  const source = await make('sourceConnections', {
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: [{ dataSetId: await datasetId('sessions') }] },
  })
  const target = await make('targetConnections', {
    baseConnectionId: connection.id,
    connectionSpec: spec,
    params: { path: join(folder, 'out'), datasetFileType: 'PARQUET', compression: 'GZIP' },
  })
  return await make('flows', {
    flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [source.id],
    targetConnectionIds: [target.id],
    scheduleParams: { startTime: Date.parse('2026-01-01T00:00:00Z') / 1000, ...scheduleParams },
  })
}

test('an export is warned of that ticks while, or shortly before, the query which writes its dataset runs', async () => {
  const id = await scheduled('INSERT INTO sessions SELECT * FROM hits', '0 2 * * *')
  const during = await flow({ timeUnit: 'cron', cronExpression: '5 2 * * *' })
  expect(during.warnings).toEqual([
    expect.stringMatching(/"sessionize".*T02:00.*T02:05.*may not be over then/s),
  ])
  expect(during.warnings?.[0]).toContain(`"timeUnit":"query","queryScheduleId":"${id}"`)
  const before = await flow({ timeUnit: 'cron', cronExpression: '0 1 * * *' })
  expect(before.warnings).toEqual([expect.stringContaining('waits for the delivery after that')])
  expect(await flow({ timeUnit: 'cron', cronExpression: '0 6 * * *' })).not.toHaveProperty('warnings')
  expect(await flow({ timeUnit: 'query', queryScheduleId: id })).not.toHaveProperty('warnings')

  const patch = await fetch(`${product.http}${flowService}/flows/${before.id}`, {
    method: 'PATCH',
    headers: { ...product.headers, 'content-type': 'application/json', 'if-match': before.etag },
    body: JSON.stringify([
      { op: 'replace', path: '/scheduleParams', value: { cronExpression: '0 2 * * *' } },
    ]),
  })
  expect(await patch.json()).toMatchObject({ warnings: [expect.stringContaining('may not be over then')] })

  const { id: runId } = await product.call<{ id: string }>('POST', `${flowService}/runs`, {
    flowId: during.id,
  })
  const run = async () =>
    (await product.call<{ items: [{ sluice: object }] }>('GET', `${flowService}/runs/${runId}`)).items[0]
      .sluice
  await expect.poll(run, waiting).toMatchObject({ state: 'succeeded' })
  expect(await run()).toMatchObject({ warnings: [expect.stringContaining('"sessionize"')] })
  await product.call('PATCH', `${queryService}/schedules/${id}`, {
    body: [{ op: 'replace', path: '/state', value: 'disable' }],
  })
  expect(await flow({ timeUnit: 'cron', cronExpression: '5 2 * * *' })).not.toHaveProperty('warnings')
})

test('the command line warns too, and a run names the query that is under way', async () => {
  await scheduled('INSERT INTO sessions SELECT * FROM hits', '*/1 * * * *')
  const place = join(folder, 'cli')
  const flags = ['--dataset', 'sessions', '--to', place, '--home', home]
  const made = await sluice(['export', 'create', 'nightly', ...flags])
  expect(made).toMatchObject({
    code: 0,
    err: expect.stringMatching(/^Warning: The scheduled query "sessionize"/),
  })
  const ran = await sluice(['export', 'run', 'nightly', '--home', home])
  expect(ran).toMatchObject({ code: 0, err: expect.stringContaining('Warning: The scheduled query') })
})

test('runs tell OpenLineage what they read and wrote, which one caused another, and how they ended', async () => {
  const eventsOf = (jobName: string) =>
    collector.events.filter(({ job }) => job.name === jobName).map(({ eventType }) => eventType as string)
  const told = async (jobName: string, types: readonly string[]) =>
    await expect.poll(() => eventsOf(jobName), waiting).toEqual(types)
  const last = (jobName: string) => collector.events.findLast(({ job }) => job.name === jobName)
  const runNow = (flowId: string) => product.call<{ id: string }>('POST', `${flowService}/runs`, { flowId })
  const far = '0 0 1 1 *'
  const queryId = await scheduled('INSERT INTO sessions SELECT * FROM hits', far)
  const { id: flowId } = await flow({ timeUnit: 'query', queryScheduleId: queryId })
  await product.call('POST', `${queryService}/schedules/${queryId}/runs`)
  await told(`query.${queryId}`, ['START', 'COMPLETE'])
  await told(`export.${flowId}`, ['START', 'COMPLETE'])
  const query = last(`query.${queryId}`)
  expect(query).toMatchObject({
    job: { namespace: 'sluice/prod', facets: { documentation: { description: 'sessionize' } } },
    inputs: [{ namespace: 'sluice/prod', name: 'hits' }],
    outputs: [
      { namespace: 'sluice/prod', name: 'sessions', outputFacets: { outputStatistics: { rowCount: 2 } } },
    ],
  })
  const rowCount = Number((await product.rows('SELECT count(*) AS n FROM sessions'))[0]?.[0])
  expect(last(`export.${flowId}`)).toMatchObject({
    run: { facets: { parent: { run: { runId: query.run.runId }, job: { name: `query.${queryId}` } } } },
    inputs: [{ namespace: 'sluice/prod', name: 'sessions' }],
    outputs: [
      {
        namespace: 'file',
        name: `${join(folder, 'out')}/${await datasetId('sessions')}`,
        outputFacets: { outputStatistics: { rowCount, fileCount: 1, size: expect.any(Number) } },
      },
    ],
  })

  const failing = await scheduled("INSERT INTO sessions SELECT raise_error('no luck'), page FROM hits", far)
  await product.call('POST', `${queryService}/schedules/${failing}/runs`)
  await told(`query.${failing}`, ['START', 'FAIL'])
  expect(last(`query.${failing}`).run.facets.errorMessage.message).toContain('no luck')

  const rule = (name: string, body: object) => product.call('PUT', `/sluice/v1/exports/rules/${name}`, body)
  const day = (['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const)[(new Date().getUTCDay() + 3) % 7]
  const window = { days: [day], from: '00:00', to: '01:00', timeZone: 'UTC' }
  await rule('closed', { kind: 'window', window })
  const soon = Math.ceil(Date.now() / 1000) + 1
  const { id: closed } = await flow({ timeUnit: 'day', interval: 1, startTime: soon })
  const runId = await vi.waitFor(
    async () => {
      const path = `${flowService}/runs?property=flowId%3D%3D${closed}`
      const { items } = await product.call<{ items: { id: string }[] }>('GET', path)
      return must(items[0], 'the tick makes a run').id
    },
    { timeout: 10_000 },
  )
  await product.call('POST', `${flowService}/runs/${runId}/action?op=CANCEL`)
  await told(`export.${closed}`, ['START', 'ABORT'])
  const { rules } = await product.call<{ rules: { id: string }[] }>('GET', '/sluice/v1/exports/rules')
  await product.call('DELETE', `/sluice/v1/exports/rules/${rules[0]?.id}`)
  await rule('none', { kind: 'quota', days: 1, runsMax: 0 })
  const { id: refused } = await flow({ timeUnit: 'day', interval: 1, startTime: 4_000_000_000 })
  await runNow(refused)
  await told(`export.${refused}`, ['START', 'FAIL'])
  expect(last(`export.${refused}`).run.facets.errorMessage.message).toContain('"none"')

  expect(collector.events.flatMap(lineageProblems)).toEqual([])
  expect([collector.refused(), [...collector.authorizations]]).toEqual([1, ['Bearer lineage-token']])
})

test('what is wrong with an event is found', () => {
  const event = structuredClone(collector.events.at(-1))
  event.eventType = 'BEGIN'
  event.run.facets.errorMessage.message = 7
  expect(lineageProblems(event)).toHaveLength(2)
})
