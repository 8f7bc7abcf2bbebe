import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { decrypt, generateKey, readMessage } from 'openpgp'
import { expect, onTestFinished, test } from 'vitest'
import { insertScheduledQuery } from '#metadata/scheduled-queries.ts'
import { ExportBed, stopAt, throwAt } from '../../test/support/exports.ts'
import { destinationSpecs } from './destination-specs.ts'
import { lookForTriggers } from './triggers.ts'

async function open() {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  return { bed, node: await bed.node() }
}

test('files of CSV are read back, and hold what was there', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { params: { datasetFileType: 'CSV', compression: 'GZIP' } })
  await bed.append(dataset, 0, 30)
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 30, fileCount: 1 },
  })
  const name = bed.files().find((file) => file.endsWith('.csv.gz'))!
  const [names, ...lines] = gunzipSync(readFileSync(join(bed.destination, name)))
    .toString('utf8')
    .trim()
    .split('\n')
  expect(names).toBe('id,person,timestamp')
  expect(lines.map((line) => Number(line.split(',')[0])).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 30 }, (_, index) => index),
  )
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [], rowCount: 30 })
})

test('the marker comes last, and again when the server died before it', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { params: { completionMarker: '_SUCCESS' } })
  await bed.append(dataset, 0, 10)
  const markers = (): readonly string[] => bed.files().filter((name) => name.includes('_SUCCESS'))
  const points = ['export.complete.middle', 'export.manifest.before', 'export.manifest.after'] as const
  for (const [deliveries, point] of points.entries()) {
    const stop = stopAt(point)
    const going = bed.run(node, flowId)
    await stop.reached
    const found = markers()
    stop.release()
    expect(await going).toMatchObject({ state: 'succeeded' })
    expect(found, point).toHaveLength(deliveries)
    await bed.append(dataset, (deliveries + 1) * 10, 10)
  }
  throwAt('export.manifest.after')
  const run = await bed.run(node, flowId)
  expect(run).toMatchObject({ state: 'succeeded', attempt: 2 })
  expect(markers().filter((name) => name.endsWith(`/_SUCCESS-${run.id}`))).toHaveLength(1)
  expect(markers()).toHaveLength(points.length + 1)
  expect(await bed.verify()).toMatchObject({ isRight: true, findings: [] })
})

test.each([
  ['local', (bed: ExportBed) => ({ path: bed.destination }), (bed: ExportBed) => bed.destination],
  ['landing', () => ({ path: 'feed/daily' }), () => '/feed/daily'],
] as const)(
  'the platform’s manifest says where files of %s lie for who reads them there',
  async (kind, paramsOf, pathOf) => {
    const { bed, node } = await open()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset, {
      destination: { specs: destinationSpecs[kind], params: paramsOf(bed) },
      params: { includeFileManifest: true },
    })
    await bed.append(dataset, 0, 3)
    const run = await bed.run(node, flowId)
    expect(run).toMatchObject({ state: 'succeeded' })
    const folder = run.state === 'succeeded' ? fileURLToPath(String(run.result['location'])) : ''
    const name = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((one) =>
      one.endsWith(`/manifest-${flowId}-${run.id}.json`),
    )!
    expect(JSON.parse(readFileSync(join(folder, name), 'utf8'))).toMatchObject({
      exportResults: [{ sinkPath: `${pathOf(bed)}/${dirname(name)}` }],
    })
  },
)

test('a delivery without a manifest is made once, also when the server died as it became visible', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { params: { includeSignedManifest: false } })
  await bed.append(dataset, 0, 10)
  throwAt('export.manifest.after')
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', attempt: 2 })
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 0 } })
  expect(bed.files()).toEqual([expect.stringContaining('/part-00000-')])
})

test('encrypted files are read by whom they are for, and verified by everybody', async () => {
  const { bed, node } = await open()
  const { publicKey, privateKey } = await generateKey({
    type: 'rsa',
    rsaBits: 2048,
    userIDs: [{ name: 'Receiver' }],
    format: 'object',
  })
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, { params: { datasetFileType: 'JSON', compression: 'NONE' } })
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  const { inheritedAttributes } = flow as {
    inheritedAttributes: { targetConnections: { baseConnection: { id: string } }[] }
  }
  const { id } = inheritedAttributes.targetConnections[0]!.baseConnection
  const patch = async (publicKey: string) =>
    await node.exports.patchEntity(
      bed.caller,
      'connections',
      id,
      String((await node.exports.entity(bed.caller, 'connections', id))['etag']),
      [
        {
          op: 'add',
          path: '/encryptionSpecs',
          value: { specName: 'Encryption spec', params: { encryptionAlgo: 'PGPGPG', publicKey } },
        },
      ],
    )
  await expect(patch('nonsense')).rejects.toMatchObject({ code: 'flow.invalid' })
  await patch(Buffer.from(publicKey.armor()).toString('base64'))
  await bed.append(dataset, 0, 30)
  // A second attempt delivers from what it encrypts anew.
  throwAt('export.stage.done')
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 30 } })
  const [name] = bed.files().filter((file) => file.endsWith('.json.gpg'))
  const bytes = readFileSync(join(bed.destination, name!))
  const { data } = await decrypt({
    message: await readMessage({ binaryMessage: bytes }),
    decryptionKeys: privateKey,
  })
  expect(String(data).trim().split('\n')).toHaveLength(30)
  const manifest = bed.files().find((file) => /manifest-\d{6}-/.test(file))!
  expect(JSON.parse(readFileSync(join(bed.destination, manifest), 'utf8'))).toMatchObject({
    encryption: { kind: 'pgp', fingerprint: publicKey.getFingerprint().toUpperCase() },
    files: [{ rowCount: 30, statistics: {} }],
  })
  expect(await bed.verify()).toMatchObject({ isRight: true, rowCount: 30 })
  writeFileSync(join(bed.destination, name!), Buffer.concat([bytes, Buffer.from('x')]))
  expect(await bed.verify()).toMatchObject({ isRight: false, findings: [{ code: 'file.changed' }] })
})

test('a flow follows a scheduled query: a run for each newest success, and no second one', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const queryScheduleId = '00000000-0000-4000-8000-00000000aaaa'
  const { caller, clock, metadata } = bed
  await metadata.transaction((tx) =>
    insertScheduledQuery(tx, {
      id: queryScheduleId,
      sandbox_id: caller.sandbox.id,
      principal_id: caller.principal.id,
      name: 'feed',
      sql: 'SELECT 1',
      parameters: '{}',
      schedule: '{}',
      is_enabled: true,
      created_at: clock.now(),
      request: '{}',
      template_id: null,
      template_name: null,
      updated_at: clock.now(),
      updated_by: caller.principal.id,
    }),
  )
  const scheduleParams = { timeUnit: 'query', queryScheduleId, startTime: 0 }
  const flowId = await bed.flow(node, dataset, { scheduleParams })
  await bed.append(dataset, 0, 5)
  const options = { metadata: bed.metadata, jobs: node.jobs, clock: bed.clock }
  expect(await lookForTriggers(options)).toBe(0)
  const finish = async () => {
    bed.clock.advance(60_000)
    const runId = await bed.metadata.transaction((tx) =>
      node.jobs.enqueue(tx, {
        kind: 'query',
        subjectId: queryScheduleId,
        tick: bed.clock.now().toISOString(),
        dueAt: bed.clock.now(),
        principalId: bed.caller.principal.id,
        sandboxId: bed.caller.sandbox.id,
        payload: {},
      }),
    )
    await bed.metadata.db
      .updateTable('job_runs')
      .set({ state: 'succeeded', finished_at: bed.clock.now() })
      .where('id', '=', runId)
      .execute()
  }
  const runs = async () =>
    (await node.jobs.runs({ kind: 'export', subjectId: flowId })).map(({ state }) => state)
  await finish()
  await lookForTriggers(options)
  await lookForTriggers(options)
  await expect.poll(runs, { timeout: 30_000 }).toEqual(['succeeded'])
  await finish()
  await finish()
  await lookForTriggers(options)
  await expect.poll(runs, { timeout: 30_000 }).toEqual(['succeeded', 'succeeded'])
  await expect(bed.flow(node, dataset, { scheduleParams: { timeUnit: 'query' } })).rejects.toThrow(
    'queryScheduleId',
  )
})

test('what was there before an export of only what is new was made is no arrival', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 5)
  await bed.commits(dataset, 1)
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { timeUnit: 'arrival', quietMinutes: 0, startTime: 0, startsWith: 'new' },
  })
  const look = async () =>
    await lookForTriggers({ metadata: bed.metadata, jobs: node.jobs, clock: bed.clock })
  bed.clock.advance(60_000)
  expect(await look()).toBe(0)
  await bed.append(dataset, 5, 3)
  await bed.commits(dataset, 2)
  bed.clock.advance(60_000)
  expect(await look()).toBe(1)
  const [run] = await node.jobs.runs({ kind: 'export', subjectId: flowId })
  expect(await bed.settled(node, run!.id)).toMatchObject({ state: 'succeeded', result: { rowCount: 3 } })
  bed.clock.advance(60_000)
  expect(await look()).toBe(0)
})

test('rows that keep coming are not waited with for ever', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { timeUnit: 'arrival', quietMinutes: 5, startTime: 0 },
  })
  const looks: number[] = []
  for (let minutes = 0; minutes < 66; minutes += 3) {
    await bed.append(dataset, minutes, 1)
    await bed.commits(dataset, looks.length + 1)
    looks.push(await lookForTriggers({ metadata: bed.metadata, jobs: node.jobs, clock: bed.clock }))
    bed.clock.advance(3 * 60_000)
  }
  expect(looks.indexOf(1)).toBe(20) // After an hour.
  const runs = await node.jobs.runs({ kind: 'export', subjectId: flowId })
  expect(runs).toHaveLength(1)
  expect(await bed.settled(node, runs[0]!.id)).toMatchObject({ state: 'succeeded' })
})
