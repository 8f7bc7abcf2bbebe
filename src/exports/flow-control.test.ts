import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { sql } from 'kysely'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type FlowId, newUuidId } from '#base/ids.ts'
import { insertPrincipal } from '#metadata/access.ts'
import { migrations } from '#metadata/migrate.ts'
import { addMember, insertRole } from '#metadata/roles.ts'
import { ExportBed, type Node, stopAt } from '../../test/support/exports.ts'
import {
  dataLakeSpecId,
  type DestinationKind,
  destinationSpecs,
  localFolderSpecs,
} from './destination-specs.ts'

async function open() {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  return { bed, node: await bed.node() }
}

const range = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index)

/** A flow of several datasets. */
async function flowOf(
  bed: ExportBed,
  node: Node,
  datasetIds: readonly string[],
  change = {},
  startTime = bed.clock.now().getTime() / 1000 + 60,
) {
  const make = async (kind: Parameters<typeof node.exports.createEntity>[1], body: object) =>
    (await node.exports.createEntity(bed.caller, kind, body)).id
  const connectionSpec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
  const connection = await make('connections', { name: 'place', connectionSpec, ...change })
  const source = await make('sourceConnections', {
    name: 'lake',
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: datasetIds.map((dataSetId) => ({ dataSetId })) },
  })
  const target = await make('targetConnections', {
    name: 'place',
    baseConnectionId: connection,
    connectionSpec,
    params: { path: bed.destination, datasetFileType: 'PARQUET', compression: 'GZIP' },
  })
  const flowId = (await make('flows', {
    name: 'many',
    flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
    sourceConnectionIds: [source],
    targetConnectionIds: [target],
    scheduleParams: { timeUnit: 'hour', interval: 6, startTime },
  })) as FlowId
  return { flowId, connection, source }
}

test('every dataset of a flow has runs and a chain of its own; one that joins later begins in full', async () => {
  const { bed, node } = await open()
  const [one, two] = [await bed.dataset('one'), await bed.dataset('two')]
  await bed.append(one, 0, 10)
  await bed.append(two, 10, 20)
  const { flowId } = await flowOf(bed, node, [one.id])
  bed.clock.advance(61_000)
  const runs = async () =>
    (await node.exports.runDocuments(bed.caller, { property: [`flowId==${flowId}`] })).items.map(
      ({ metrics }) =>
        (metrics as { recordSummary?: { outputRecordCount: number } }).recordSummary?.outputRecordCount,
    )
  await expect.poll(runs, { timeout: 30_000 }).toEqual([10])
  const { id: source } = await node.exports.createEntity(bed.caller, 'sourceConnections', {
    name: 'more',
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: [{ dataSetId: two.id }, { dataSetId: one.id }] },
  })
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  await node.exports.patchEntity(bed.caller, 'flows', flowId, String(flow['etag']), [
    { op: 'replace', path: '/sourceConnectionIds', value: [source] },
  ])
  await bed.append(one, 30, 5)
  bed.clock.advance(6 * 3_600_000)
  await expect.poll(async () => new Set(await runs()), { timeout: 30_000 }).toEqual(new Set([10, 20, 5]))
  const report = await bed.verify()
  expect(report).toMatchObject({ isRight: true, findings: [] })
  expect(
    new Map(report.chains.map(({ datasetName, manifestCount }) => [datasetName, manifestCount])),
  ).toEqual(
    new Map([
      ['one', 2],
      ['two', 1],
    ]),
  )
  expect(await bed.deliveredIds()).toEqual(range(0, 35))
  expect(await node.exports.entity(bed.caller, 'flows', flowId)).toMatchObject({
    lastOperation: { operation: 'update', status: { value: 'completed' } },
    lastRunDetails: { state: 'success' },
  })
})

test('a dataset that was removed from a flow and added again is delivered in full', async () => {
  const { bed, node } = await open()
  const [one, two] = [await bed.dataset('one'), await bed.dataset('two')]
  await bed.append(one, 0, 10)
  await bed.append(two, 10, 20)
  const { flowId } = await flowOf(bed, node, [one.id, two.id])
  const change = async (path: string, value: unknown) => {
    const { etag } = await node.exports.entity(bed.caller, 'flows', flowId)
    const patch = [{ op: 'replace', path, value }]
    await node.exports.patchEntity(bed.caller, 'flows', flowId, String(etag), patch)
  }
  const sources = async (...datasetIds: string[]) => {
    const { id } = await node.exports.createEntity(bed.caller, 'sourceConnections', {
      name: 'lake',
      connectionSpec: { id: dataLakeSpecId, version: '1.0' },
      params: { datasets: datasetIds.map((dataSetId) => ({ dataSetId })) },
    })
    await change('/sourceConnectionIds', [id])
  }
  /** What a run delivers of a dataset. */
  const delivered = async ({ id }: { readonly id: string }) => {
    const [made] = await node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [id] }])
    const run = await bed.settled(node, made!.runId)
    return run.state === 'succeeded' && [run.result['content'], run.result['rowCount']]
  }
  expect(await delivered(one)).toEqual(['full', 10])
  expect(await delivered(two)).toEqual(['full', 20])
  await sources(two.id)
  expect(await delivered(two)).toEqual(['increment', 0])
  await sources(one.id, two.id)
  expect(await delivered(one)).toEqual(['full', 10])
  expect(await delivered(one)).toEqual(['increment', 0])
  expect(await delivered(two)).toEqual(['increment', 0])
  // Also where nothing runs in between.
  await sources(one.id)
  await sources(one.id, two.id)
  await bed.append(two, 30, 5)
  expect(await delivered(two)).toEqual(['full', 25])
  expect(await delivered(two)).toEqual(['increment', 0])
  // An export of only what is new goes on with what it has not delivered.
  await change('/scheduleParams', { startsWith: 'new' })
  await sources(two.id)
  await sources(one.id, two.id)
  await bed.append(one, 35, 3)
  expect(await delivered(one)).toEqual(['increment', 3])
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
})

test('a run that is paused does nothing until it is resumed, and one that is cancelled is made anew', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 50)
  const flowId = await bed.flow(node, dataset)
  const stop = stopAt('export.stage.done')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  await node.exports.controlRun(bed.caller, runId, 'pause')
  stop.release()
  await expect
    .poll(async () => await node.jobs.run(runId))
    .toMatchObject({ state: 'waiting', code: 'job.paused' })
  stop.end()
  expect(bed.files()).toEqual([])
  const paused = await node.exports.runDocument(bed.caller, runId)
  expect(paused).toMatchObject({ metrics: { statusSummary: { status: 'waiting' } } })
  expect(paused['sluice']).not.toHaveProperty('retryAt')
  await node.exports.controlRun(bed.caller, runId, 'resume')
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
  await expect(node.exports.controlRun(bed.caller, runId, 'pause')).rejects.toMatchObject({
    code: 'flow.invalid',
  })

  await bed.append(dataset, 50, 5)
  const second = stopAt('export.stage.done')
  const cancelled = await node.exports.runNow(bed.caller, flowId)
  await second.reached
  await node.exports.controlRun(bed.caller, cancelled, 'cancel')
  second.release()
  expect(await bed.settled(node, cancelled)).toMatchObject({ state: 'cancelled' })
  second.end()
  const again = await node.exports.controlRun(bed.caller, cancelled, 'retry')
  expect(again.id).not.toBe(cancelled)
  expect(await bed.settled(node, again.id as typeof cancelled)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 5, chainNumber: 2 },
  })
  expect(await bed.deliveredIds()).toEqual(range(0, 55))
})

test('ad hoc runs are refused for other datasets, and for one that has a run under way', async () => {
  const { bed, node } = await open()
  const [one, two] = [await bed.dataset('one'), await bed.dataset('two')]
  await bed.append(one, 0, 5)
  const { flowId } = await flowOf(bed, node, [one.id])
  await expect(node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [two.id] }])).rejects.toThrow(
    'does not export',
  )
  const stop = stopAt('export.stage.done')
  const [run] = await node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [one.id] }])
  await stop.reached
  await expect(node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [one.id] }])).rejects.toThrow(
    'Run already going on',
  )
  stop.release()
  expect(await bed.settled(node, run!.runId)).toMatchObject({ state: 'succeeded' })
})

test('datasets of several flows are run together or not at all, and for one of those who ask at once', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const [one, other] = [await bed.flow(node, dataset), await bed.flow(node, dataset, { name: 'other' })]
  const wanted = (...flowIds: FlowId[]) => flowIds.map((flowId) => ({ flowId, datasetIds: [dataset.id] }))
  const run = (...flowIds: FlowId[]) => node.exports.runDatasets(bed.caller, wanted(...flowIds))
  const unknown = '00000000-0000-4000-8000-000000000000' as FlowId
  await expect(run(one, unknown)).rejects.toMatchObject({ code: 'flow.unknown' })
  await expect(run(one, one)).rejects.toThrow('Run already going on')
  expect((await node.exports.runDocuments(bed.caller, {})).total).toBe(0)
  const stop = stopAt('export.pin.after')
  const asked = await Promise.allSettled([run(other, one), ...Array.from({ length: 6 }, () => run(one))])
  expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  stop.release()
})

test('an account that takes one delivery at a time gets one', async () => {
  const { bed, node } = await open()
  const [one, two] = [await bed.dataset('one'), await bed.dataset('two')]
  await bed.append(one, 0, 5)
  await bed.append(two, 5, 5)
  const { flowId } = await flowOf(bed, node, [one.id, two.id], { parallelRunsMax: 1 })
  const stop = stopAt('export.stage.done')
  const runs = await node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [one.id, two.id] }])
  await stop.reached
  node.jobs.ring()
  const states = async () =>
    (await Promise.all(runs.map(({ runId }) => node.jobs.run(runId)))).map((run) => run?.state)
  expect(new Set(await states())).toEqual(new Set(['queued', 'running']))
  stop.release()
  for (const { runId } of runs) expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded' })
})

/** Somebody else who may change accounts. */
async function colleagueOf(bed: ExportBed): Promise<ExportBed['caller']> {
  const { sandbox } = bed.caller
  const { organizationId } = bed.caller.principal
  const principal = { id: newUuidId('principal'), organizationId, name: 'Ann' }
  const [id, at, { db }] = [randomUUID(), new Date(), bed.metadata]
  await insertPrincipal(db, {
    id: principal.id,
    organization_id: organizationId,
    name: 'Ann',
    created_at: at,
    kind: 'user',
    email: null,
  })
  const content = { name: id, description: '', labels: [], isEverywhere: true, sandboxIds: [] }
  const role = { id, organizationId, content: { ...content, permissions: ['manage-destinations'] } }
  await insertRole(db, { ...role, stamp: { by: 'test', at } })
  await addMember(db, id, principal.id)
  return { principal, sandbox }
}

test('who changes an account takes over none of its flows', async () => {
  const { bed, node } = await open()
  const { flowId, connection } = await flowOf(bed, node, [(await bed.dataset()).id])
  const caller = await colleagueOf(bed)
  const { db } = bed.metadata
  const { etag } = await node.exports.entity(bed.caller, 'connections', connection)
  await node.exports.patchEntity(caller, 'connections', connection, String(etag), [
    { op: 'add', path: '/parallelRunsMax', value: 1 },
  ])
  const schedules = db.selectFrom('job_schedules').select(['principal_id', 'options'])
  expect(await schedules.where('subject_id', '=', flowId).execute()).toEqual([
    {
      principal_id: bed.caller.principal.id,
      options: expect.objectContaining({ lane: expect.objectContaining({ runsMax: 1 }) }),
    },
  ])
})

test('a secret is given to no server that somebody chose who does not know it', async () => {
  const { bed, node } = await open()
  const colleague = await colleagueOf(bed)
  const account = (kind: keyof typeof destinationSpecs, specName: string, params: object) =>
    node.exports.createEntity(bed.caller, 'connections', {
      name: specName,
      connectionSpec: { id: destinationSpecs[kind].connectionSpecId, version: '1.0' },
      auth: { specName, params },
    })
  const change = async (caller: typeof colleague, id: string, value: object, op = 'replace') => {
    const { etag } = await node.exports.entity(bed.caller, 'connections', id)
    const operations = [{ op, path: '/auth/params', value }]
    await node.exports.patchEntity(caller, 'connections', id, String(etag), operations)
  }
  const [server, elsewhere] = ['http://127.0.0.1:9', 'http://127.0.0.1:10']
  const sasToken = 'sv=2024-11-04&sig=abc'
  const principal = { tenant: 't', servicePrincipalId: 'i', servicePrincipalKey: 'k', authority: server }
  const accounts = [
    ['sftp', 'SFTP with Password', { domain: 'a.test', username: 'u', password: 'p' }, { domain: 'b.test' }],
    ['azure', 'SAS', { account: 'storage1', sasToken, endpoint: server }, { endpoint: elsewhere }],
    [
      'azure',
      'Azure Service Principal Auth',
      { ...principal, account: 'storage1' },
      { authority: elsewhere },
    ],
  ] as const
  for (const [kind, specName, params, other] of accounts) {
    const { id } = await account(kind, specName, params)
    const field = `/auth/params/${Object.keys(other)[0]}`
    await expect(change(colleague, id, other)).rejects.toMatchObject({
      code: 'flow.invalid',
      message: expect.stringContaining(`${field}: somebody else gave this account its secret`),
    })
    await change(bed.caller, id, other)
    await change(bed.caller, id, params)
    // Who says the secret knows it, and who replaced it may move it again.
    await change(colleague, id, { ...params, ...other })
    await change(colleague, id, {
      ...params,
      ...other,
      password: 'q',
      sasToken: `${sasToken}d`,
      servicePrincipalKey: 'l',
    })
    await change(colleague, id, params)
    await expect(change(bed.caller, id, other)).rejects.toThrow(field)
  }
  const key = { s3AccessKey: 'AKIAIOSFODNN7EXAMPLE', s3SecretKey: 'a'.repeat(40), endpoint: server }
  const { id } = await account('s3', 'Access Key', key)
  await change(colleague, id, { endpoint: elsewhere }) // Only signatures go there.
})

test('in an organisation that is strict, what the platform refuses is refused, and schedules end', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await node.exports.putSettings(bed.caller, { isStrict: true })
  const make = (change: { readonly params?: object; readonly scheduleParams?: object }) =>
    bed.flow(node, dataset, {
      ...change,
      destination: {
        specs: destinationSpecs.s3,
        auth: silentPlaces.s3(9).auth,
        params: { mode: 'Server-to-server', bucketName: 'bucket', path: 'out' },
      },
    })
  await expect(bed.flow(node, dataset)).rejects.toThrow('no local folder')
  for (const params of [
    { mode: undefined },
    { path: undefined },
    { fileBytesMax: 1_048_576 },
    { recordTimeFolders: 'day' },
    { completionMarker: 'done' },
    { objectLock: { mode: 'COMPLIANCE', days: 1 } },
  ])
    await expect(make({ params })).rejects.toThrow(`/params/${Object.keys(params)[0]} is`)
  await expect(make({ params: { includeFileManifest: 'yes' } })).rejects.toThrow('received string')
  await expect(make({ scheduleParams: { startsWith: 'new' } })).rejects.toThrow('/scheduleParams/startsWith')
  await expect(make({ params: { datasetFileType: 'JSON', compression: 'NONE' } })).rejects.toThrow(
    'compression is GZIP',
  )
  await expect(make({ params: { datasetFileType: 'CSV' } })).rejects.toThrow('datasetFileType')
  await expect(make({ scheduleParams: { timeUnit: 'hour', interval: 1 } })).rejects.toThrow('interval')
  await expect(make({ scheduleParams: { exportMode: 'DAILY_FULL_EXPORT' } })).rejects.toThrow('interval is 0')
  await expect(
    node.exports.createEntity(bed.caller, 'connections', {
      name: 'x',
      connectionSpec: { id: destinationSpecs.landing.connectionSpecId },
    }),
  ).rejects.toMatchObject({
    code: 'flow.incomplete',
    message: expect.stringContaining("'version' is required"),
  })
  const { connectionSpecs } = await node.exports.specs(bed.caller)
  expect(connectionSpecs.map(({ name }) => name)).not.toContain('Local folder')
  const offered = connectionSpecs.find(({ id }) => id === destinationSpecs.s3.connectionSpecId)
  expect(offered?.['targetSpec']).toMatchObject({
    spec: {
      properties: {
        datasetFileType: { enum: ['JSON', 'PARQUET'] },
        compression: { enum: ['NONE', 'GZIP'] },
      },
    },
  })
  for (const ours of ['objectLock', 'completionMarker'])
    expect(offered).not.toHaveProperty(`targetSpec.spec.properties.${ours}`)
  const endOf = async (startTime: string) => {
    const id = await make({ scheduleParams: { startTime: Date.parse(startTime) / 1000 } })
    const { scheduleParams } = await node.exports.entity(bed.caller, 'flows', id)
    return new Date((scheduleParams as { endTime: number }).endTime * 1000).toISOString()
  }
  // Half a year after it was made; a year-long wait for the beginning leaves it half a year.
  expect(await endOf('2026-05-01T00:00:00Z')).toBe('2026-09-01T01:00:00.000Z')
  expect(await endOf('2027-01-01T00:00:00Z')).toBe('2027-07-01T00:00:00.000Z')
  expect(await endOf('2027-08-31T00:00:00Z')).toBe('2028-02-29T00:00:00.000Z')
})

test('in an organisation that is strict a sandbox has a hundred flows, and a new one is not run ad hoc yet', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  const adHoc = () => node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [dataset.id] }])
  await node.exports.putSettings(bed.caller, { isStrict: true })
  await expect(adHoc()).rejects.toThrow(
    'Following order ID(s) are not ready for dataset export, please wait for 10 minutes and retry.',
  )
  bed.clock.advance(10 * 60_000)
  expect(await adHoc()).toHaveLength(1)
  const { db } = bed.metadata
  const { id: _id, ...row } = await db
    .selectFrom('flow_entities')
    .selectAll()
    .where('id', '=', flowId)
    .executeTakeFirstOrThrow()
  const copies = Array.from({ length: 98 }, () => ({
    ...row,
    id: randomUUID(),
    document: JSON.stringify(row.document),
  }))
  await db.insertInto('flow_entities').values(copies).execute()
  const [source, target] = ['sourceConnectionIds', 'targetConnectionIds'].map((key) => row.document[key])
  const make = () =>
    node.exports.createEntity(bed.caller, 'flows', {
      name: 'one too many',
      flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
      sourceConnectionIds: source,
      targetConnectionIds: target,
      scheduleParams: { timeUnit: 'day', interval: 1, startTime: 1_900_000_000 },
    })
  const together = await Promise.allSettled(Array.from({ length: 6 }, make))
  expect(together.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  await expect(make()).rejects.toThrow('The sandbox has 100 destinations; 100 are the most.')
  await node.exports.putSettings(bed.caller, { isStrict: false })
  await make()
})

test('accounts and places are as their services have them', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const key = { s3AccessKey: 'AKIAIOSFODNN7EXAMPLE', s3SecretKey: 'a'.repeat(40) }
  const account = async (kind: DestinationKind, specName: string, params: object, more: object = {}) =>
    await node.exports.createEntity(bed.caller, 'connections', {
      name: 'account',
      connectionSpec: { id: destinationSpecs[kind].connectionSpecId, version: '1.0' },
      auth: { specName, params },
      ...more,
    })
  const refused = async (made: Promise<unknown>, field: string) =>
    await expect(made).rejects.toMatchObject({ code: 'flow.invalid', detail: { field } })
  await account('s3', 'Access Key', key)
  await account('s3', 'Access Key', { s3AccessKey: 'short', s3SecretKey: 's', endpoint: 'http://x:9000' })
  await refused(account('s3', 'Access Key', { ...key, s3AccessKey: 'abc' }), '/auth/params/s3AccessKey')
  await refused(account('s3', 'Access Key', { ...key, s3SecretKey: 'short' }), '/auth/params/s3SecretKey')
  const role = `arn:aws:iam::123456789012:role/${'r'.repeat(65)}`
  await refused(account('s3', 'Assumed Role', { s3Role: role }), '/auth/params/s3Role')
  const encryptionSpecs = { specName: 'foo', params: { encryptionAlgo: 'NONE' } }
  await refused(account('s3', 'Access Key', key, { encryptionSpecs }), '/encryptionSpecs/specName')
  const principal = { tenant: 't', servicePrincipalId: 'i', servicePrincipalKey: 'k' }
  const byPrincipal = 'Azure Service Principal Auth'
  await refused(account('adls', byPrincipal, principal), '/auth/params/url')
  await refused(account('adls', byPrincipal, { ...principal, url: 'http://x' }), '/auth/params/url')
  const google = 'Google Cloud Storage authentication credentials'
  await refused(
    account('gcs', google, { accessKeyId: 'a', secretAccessKey: 'b' }),
    '/auth/params/accessKeyId',
  )
  const server = { domain: 'files.example', username: 'u' }
  await refused(
    account('sftp', 'SFTP with SSH Key', { ...server, sshKey: '!!notkey' }),
    '/auth/params/sshKey',
  )
  await refused(
    bed.flow(node, dataset, { destination: { ...silentPlaces.sftp(9), params: {} } }),
    '/params/remotePath',
  )
  const place = (params: object) =>
    bed.flow(node, dataset, { destination: silentPlaces.s3(9), params: { bucketName: 'bucket', ...params } })
  for (const bucketName of ['10.0.0.1', 'a..b']) await refused(place({ bucketName }), '/params/bucketName')
  for (const path of ['fo o', 'ä', 'a"^[]+$%.*', 'a/%SEGMENT_NAME%'])
    await refused(place({ path }), '/params/path')
  await refused(place({ mode: 'x' }), '/params/mode')
  await refused(
    bed.flow(node, dataset, { scheduleParams: { timeUnit: 'query', queryScheduleId: randomUUID() } }),
    '/scheduleParams/queryScheduleId',
  )
  await expect(
    node.exports.createEntity(bed.caller, 'connections', {
      name: 'x',
      connectionSpec: { id: localFolderSpecs.connectionSpecId },
    }),
  ).rejects.toMatchObject({ code: 'flow.incomplete' })
})

test('a connection says whether it can be logged in to, and keeps its kind', async () => {
  const { bed, node } = await open()
  const { connection, source } = await flowOf(bed, node, [(await bed.dataset()).id])
  expect(await node.exports.testConnection(bed.caller, connection)).toEqual({
    result: true,
    places: [],
    tried: expect.stringContaining('no account'),
  })
  const { etag } = await node.exports.entity(bed.caller, 'connections', connection)
  await expect(
    node.exports.patchEntity(bed.caller, 'connections', connection, String(etag), [
      { op: 'replace', path: '/connectionSpec', value: { id: dataLakeSpecId, version: '1.0' } },
    ]),
  ).rejects.toMatchObject({ detail: { flowCode: 'FLOW-1414-400' } })
  const { baseConnectionId } = await node.exports.entity(bed.caller, 'sourceConnections', source)
  expect(await node.exports.entity(bed.caller, 'connections', String(baseConnectionId))).toMatchObject({
    connectionSpec: { id: dataLakeSpecId },
  })
})

test('a chain whose newest deliveries the database has forgotten goes on after the destination’s word', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  await bed.run(node, flowId)
  const before = await bed.metadata.db.selectFrom('export_chains').selectAll().execute()
  await bed.append(dataset, 10, 10)
  await bed.run(node, flowId)
  // As after a restore: the row of before, and the commits that the lake had when that delivery was sealed.
  await bed.metadata.db
    .updateTable('export_chains')
    .set({ number: before[0]!.number, manifest_sha256: before[0]!.manifest_sha256, watermark_sequence: 1 })
    .execute()
  await bed.commits(dataset, 2)
  bed.clock.advance(60_000)
  await bed.append(dataset, 20, 5)
  await bed.commits(dataset, 3)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'chain.diverged' })
  expect(await node.exports.adopt(bed.caller, flowId)).toMatchObject([
    { datasetId: dataset.id, chainNumber: 2 },
  ])
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 5, chainNumber: 3 },
  })
  expect(await bed.deliveredIds()).toEqual(range(0, 25))
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
})

const ticksOf = async (bed: ExportBed, node: Node, flowId: FlowId) =>
  (await node.exports.runDocuments(bed.caller, { property: [`flowId==${flowId}`] })).items.map(
    ({ sluice }) => (sluice as { tick: string }).tick,
  )

test('a month that has not the day of a monthly schedule has its delivery on the last day', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset('monthly')
  await bed.append(dataset, 0, 10)
  const { flowId } = await flowOf(bed, node, [dataset.id])
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  const startTime = Date.parse('2026-03-31T02:00:30Z') / 1000
  await node.exports.patchEntity(bed.caller, 'flows', flowId, String(flow['etag']), [
    { op: 'replace', path: '/scheduleParams', value: { timeUnit: 'month', interval: 1, startTime } },
  ])
  const dayMs = 86_400_000
  bed.clock.advance(Date.parse('2026-03-31T03:00:00Z') - bed.clock.now().getTime())
  await expect.poll(() => ticksOf(bed, node, flowId), { timeout: 30_000 }).toHaveLength(1)
  bed.clock.advance(30 * dayMs)
  await expect
    .poll(() => ticksOf(bed, node, flowId), { timeout: 30_000 })
    .toEqual(['2026-04-30T02:00:30.000Z', '2026-03-31T02:00:30.000Z'])
})

test('a cron expression is read by the wall clocks of its time zone', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset('zoned')
  await bed.append(dataset, 0, 10)
  const { flowId } = await flowOf(bed, node, [dataset.id])
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  const startTime = Date.parse('2026-03-28T00:00:00Z') / 1000
  const daily = { timeUnit: 'cron', cronExpression: '0 5 * * *', timeZone: 'Europe/Paris', startTime }
  await node.exports.patchEntity(bed.caller, 'flows', flowId, String(flow['etag']), [
    { op: 'replace', path: '/scheduleParams', value: daily },
  ])
  await migrations.find(({ name }) => name === '0158-unminded-time-zones')?.up(bed.metadata.db)
  await expect(node.exports.entity(bed.caller, 'flows', flowId)).resolves.toMatchObject({
    scheduleParams: daily,
  })
  for (const tick of ['2026-03-28T04:00:00.000Z', '2026-03-29T03:00:00.000Z']) {
    bed.clock.advance(Date.parse(tick) - bed.clock.now().getTime())
    await expect.poll(() => ticksOf(bed, node, flowId), { timeout: 30_000 }).toContain(tick)
  }
})

test.each([JSON.stringify('Europe/Paris'), 'null', '5'])(
  'a flow that was taken with the time zone %s, which nobody minded, goes on',
  async (timeZone) => {
    const { bed, node } = await open()
    const dataset = await bed.dataset('unminded')
    await bed.append(dataset, 0, 10)
    const { flowId } = await flowOf(bed, node, [dataset.id])
    await sql`update flow_entities
      set document = jsonb_set(document, '{scheduleParams,timeZone}', ${timeZone}::jsonb)
      where id = ${flowId}`.execute(bed.metadata.db)
    await migrations.find(({ name }) => name === '0158-unminded-time-zones')?.up(bed.metadata.db)
    const runId = await node.exports.runNow(bed.caller, flowId)
    await expect
      .poll(async () => await node.jobs.run(runId), { timeout: 30_000 })
      .toMatchObject({ state: 'succeeded' })
    await node.exports.setFlowEnabled(bed.caller, flowId, false)
  },
)

test('a schedule that begins now begins now, however many seconds its client took', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset('now')
  await bed.append(dataset, 0, 10)
  const now = bed.clock.now().getTime() / 1000
  const { flowId } = await flowOf(bed, node, [dataset.id], {}, now - 5)
  const { flowId: old } = await flowOf(bed, node, [dataset.id], {}, now - 3_000)
  await expect
    .poll(() => ticksOf(bed, node, flowId), { timeout: 30_000 })
    .toEqual([new Date((now - 5) * 1000).toISOString()])
  expect(await ticksOf(bed, node, old)).toEqual([])
})

/** Takes connections and what comes, and never says a word. */
async function silentServer() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.resume()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { port, asked: () => sockets.size }
}

const silentPlaces = {
  s3: (port: number) => ({
    specs: destinationSpecs.s3,
    auth: {
      specName: 'Access Key',
      params: { s3AccessKey: 'key', s3SecretKey: 'secret', endpoint: `http://127.0.0.1:${port}` },
    },
    params: { bucketName: 'bucket', path: 'out' },
  }),
  azure: (port: number) => ({
    specs: destinationSpecs.azure,
    auth: {
      specName: 'ConnectionString',
      params: {
        connectionString: `DefaultEndpointsProtocol=http;AccountName=account;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:${port}/account;`,
      },
    },
    params: { container: 'place', path: 'out' },
  }),
  sftp: (port: number) => ({
    specs: destinationSpecs.sftp,
    auth: {
      specName: 'SFTP with Password',
      params: { domain: '127.0.0.1', port, username: 'someone', password: 'secret' },
    },
    params: { remotePath: '/out' },
  }),
}

test.for(['s3', 'azure', 'sftp'] as const)(
  'a run that waits for a silent %s is paused and cancelled at once',
  { timeout: 60_000 },
  async (kind) => {
    const { bed, node } = await open()
    const dataset = await bed.dataset()
    await bed.append(dataset, 0, 5)
    const { port, asked } = await silentServer()
    const flowId = await bed.flow(node, dataset, { destination: silentPlaces[kind](port) })
    const runId = await node.exports.runNow(bed.caller, flowId)
    const state = async () => (await node.jobs.run(runId))?.state
    await expect.poll(asked, { timeout: 10_000 }).toBeGreaterThan(0)
    await node.exports.controlRun(bed.caller, runId, 'pause')
    await expect.poll(state, { timeout: 10_000 }).toBe('waiting')
    const before = asked()
    await node.exports.controlRun(bed.caller, runId, 'resume')
    await expect.poll(asked, { timeout: 10_000 }).toBeGreaterThan(before)
    await node.exports.controlRun(bed.caller, runId, 'cancel')
    await expect.poll(state, { timeout: 10_000 }).toBe('cancelled')
  },
)

test('runs that wait for a silent account leave others a place', { timeout: 30_000 }, async () => {
  const { bed, node } = await open()
  const { port, asked } = await silentServer()
  const datasets = [await bed.dataset('one'), await bed.dataset('two'), await bed.dataset('three')] as const
  for (const dataset of datasets) await bed.append(dataset, 0, 5)
  const flowId = await bed.flow(node, datasets[0], { destination: silentPlaces.s3(port) })
  const source = await node.exports.createEntity(bed.caller, 'sourceConnections', {
    name: 'lake',
    connectionSpec: { id: dataLakeSpecId, version: '1.0' },
    params: { datasets: datasets.map(({ id }) => ({ dataSetId: id })) },
  })
  const { etag } = await node.exports.entity(bed.caller, 'flows', flowId)
  await node.exports.patchEntity(bed.caller, 'flows', flowId, String(etag), [
    { op: 'replace', path: '/sourceConnectionIds', value: [source.id] },
  ])
  const ids = datasets.map(({ id }) => id)
  const stuck = await node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: ids }])
  await expect.poll(asked, { timeout: 10_000 }).toBe(2)
  const run = await bed.run(node, await bed.flow(node, datasets[0]))
  expect(run).toMatchObject({ state: 'succeeded', result: { rowCount: 5 } })
  const states = await Promise.all(stuck.map(async ({ runId }) => (await node.jobs.run(runId))?.state))
  expect(Map.groupBy(states, (state) => state).get('running')).toHaveLength(2)
  for (const { runId } of stuck.toReversed()) await node.exports.controlRun(bed.caller, runId, 'cancel')
  for (const { runId } of stuck) expect(await bed.settled(node, runId)).toMatchObject({ state: 'cancelled' })
})

test('whoever tests an account that is silent is told so, and does not wait for long', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const { port } = await silentServer()
  const flowId = await bed.flow(node, dataset, { destination: silentPlaces.s3(port) })
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  const [targetId] = flow['targetConnectionIds'] as string[]
  const target = await node.exports.entity(bed.caller, 'targetConnections', targetId!)
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  // A clock that is a hundred times as fast.
  const asked = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(ms / 100))
  onTestFinished(() => asked.mockRestore())
  await expect(
    node.exports.testConnection(bed.caller, String(target['baseConnectionId'])),
  ).rejects.toMatchObject({
    code: 'store.unreachable',
    message: expect.stringContaining('did not answer within 15 seconds'),
  })
})
