import { mkdir, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { armFaults } from '#base/faults.ts'
import { ExportBed, stopAt } from '../../../test/support/exports.ts'
import { destinationSpecs } from '../destination-specs.ts'
import { isWithin } from './rules.ts'

async function open() {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  return { bed, node: await bed.node() }
}

test('a place is within its folders, whole names at a time', () => {
  expect(isWithin('file:///srv/out', 'file:///srv/out/')).toBe(true)
  expect(isWithin('file:///srv/out/a', 'file:///srv')).toBe(true)
  expect(isWithin('file:///srv/out', 'file:///srv/ou')).toBe(false)
  expect(isWithin('s3://journeys-two/', 's3://journeys')).toBe(false)
})

test('a destination that a rule does not allow is refused when a flow is saved, and when it runs', async () => {
  const { bed, node } = await open()
  const [free, closed] = [await bed.dataset('free'), await bed.dataset('closed')]
  await bed.append(closed, 0, 5)
  await bed.append(free, 0, 5)
  const early = await bed.flow(node, closed, { name: 'early' })
  await node.exports.putRule(bed.caller, 'nowhere', {
    kind: 'destinations',
    datasetIds: [closed.id],
    allowed: ['s3://somewhere/'],
  })
  await expect(bed.flow(node, closed, { name: 'late' })).rejects.toMatchObject({
    code: 'access.denied',
    message: expect.stringContaining('"nowhere"'),
  })
  expect(await bed.run(node, early)).toMatchObject({ state: 'failed', code: 'access.denied' })
  expect(await bed.run(node, await bed.flow(node, free))).toMatchObject({ state: 'succeeded' })
  await node.exports.putRule(bed.caller, 'nowhere', {
    kind: 'destinations',
    datasetIds: [closed.id],
    allowed: [`file://${bed.destination}`],
  })
  expect(await bed.run(node, early)).toMatchObject({ state: 'succeeded' })
})

test('a target connection does not move an export to where a rule does not allow it', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  const place = { kind: 'destinations', allowed: [bed.destination] }
  await node.exports.putRule(bed.caller, 'there', place)
  const flow = await node.exports.entity(bed.caller, 'flows', flowId)
  const [targetId] = flow['targetConnectionIds'] as string[]
  const move = async (path: string) => {
    const { etag } = await node.exports.entity(bed.caller, 'targetConnections', targetId!)
    const change = [{ op: 'replace', path: '/params', value: { path } }]
    return await node.exports.patchEntity(bed.caller, 'targetConnections', targetId!, String(etag), change)
  }
  await expect(move(join(bed.folder, 'elsewhere'))).rejects.toMatchObject({
    code: 'access.denied',
    message: expect.stringContaining('"there"'),
  })
  await move(join(bed.destination, 'below'))
})

test('a link in an allowed folder leads to no other, neither when it is saved nor when it runs', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 5)
  const inside = join(bed.destination, 'inside')
  const [elsewhere, real] = [join(bed.folder, 'elsewhere'), join(bed.folder, 'real')]
  for (const folder of [bed.destination, elsewhere, real]) await mkdir(folder, { recursive: true })
  await symlink(real, join(bed.folder, 'called'))
  await node.exports.putRule(bed.caller, 'there', {
    kind: 'destinations',
    allowed: [bed.destination, join(bed.folder, 'called')],
  })
  await symlink(elsewhere, join(bed.destination, 'link'))
  const denied = { code: 'access.denied' }
  await expect(
    bed.flow(node, dataset, { params: { path: join(bed.destination, 'link') } }),
  ).rejects.toMatchObject(denied)
  const flowId = await bed.flow(node, dataset, { params: { path: inside } })
  await symlink(elsewhere, inside)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', ...denied })
  expect(await readdir(elsewhere)).toEqual([])
  // Where the rule itself names a link, what it leads to is meant.
  const called = await bed.flow(node, dataset, { params: { path: join(bed.folder, 'called', 'a') } })
  expect(await bed.run(node, called)).toMatchObject({ state: 'succeeded' })
  expect(await readdir(real)).toEqual(['a'])
})

test('what rules refuse, at save, by hand and at run, is on record, and what waits for them', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 5)
  const flowId = await bed.flow(node, dataset)
  const recorded = async (assetId?: string) =>
    (
      await bed.metadata.db
        .selectFrom('audit')
        .select(['action', 'detail', 'status'])
        .where('asset_type', '=', 'Destination')
        .where((where) => (assetId === undefined ? where.lit(true) : where('asset_id', '=', assetId)))
        .orderBy('at', 'desc')
        .execute()
    ).map(({ action, status, detail }) => ({ action, status, ...(detail as object) }))
  const nowhere = { kind: 'destinations', allowed: ['s3://somewhere'] }
  const { id: ruleId } = await node.exports.putRule(bed.caller, 'nowhere', nowhere)
  await expect(bed.flow(node, dataset, { name: 'another' })).rejects.toThrow('"nowhere"')
  expect((await recorded())[0]).toMatchObject({
    action: 'Dataset Activate',
    status: 'Deny',
    assetName: 'another',
    rule: 'nowhere',
  })
  const refused = await bed.run(node, flowId)
  const { reason, ...denied } = {
    action: 'deliver',
    status: 'Deny',
    assetName: 'feed',
    datasetId: dataset.id,
    reason: '"nowhere"',
  }
  const withReason = (text: string) => ({ ...denied, reason: expect.stringContaining(text) })
  expect(await recorded(flowId)).toContainEqual(
    expect.objectContaining({ ...withReason(reason), code: 'access.denied', runId: refused.id }),
  )
  await node.exports.deleteRule(bed.caller, ruleId)
  const quota = await node.exports.putRule(bed.caller, 'none', { kind: 'quota', days: 1, rowsMax: 0 })
  await bed.run(node, flowId)
  expect(await recorded(flowId)).toContainEqual(
    expect.objectContaining({ ...withReason('"none"'), code: 'export.quota' }),
  )
  await node.exports.deleteRule(bed.caller, quota.name)
  // It is Sunday, one o'clock.
  const window = { days: ['sun'], from: '12:00', to: '13:00', timeZone: 'UTC' }
  await node.exports.putRule(bed.caller, 'at noon', { kind: 'window', window })
  await expect(node.exports.runNow(bed.caller, flowId)).rejects.toMatchObject({ code: 'export.closed' })
  expect((await recorded(flowId))[0]).toMatchObject({
    action: 'export',
    status: 'Deny',
    code: 'export.closed',
  })
  const waiting = await bed.tick(node, flowId)
  await expect
    .poll(async () => await recorded(flowId), { timeout: 30_000 })
    .toContainEqual(
      expect.objectContaining({
        action: 'postpone run',
        status: 'Allow',
        runId: waiting,
        reason: 'The window "at noon" is closed.',
        until: expect.stringContaining('T12:0'),
      }),
    )
})

test('a quota that limits nothing is refused, and a folder is found by its path', async () => {
  const { bed, node } = await open()
  await expect(
    node.exports.putRule(bed.caller, 'empty', { kind: 'quota', days: 1, isPerUser: true }),
  ).rejects.toMatchObject({
    code: 'request.invalid',
    message: '/rowsMax: a quota has rowsMax, bytesMax or runsMax, or several.',
  })
  await bed.run(node, await bed.flow(node, await bed.dataset()))
  for (const location of [bed.destination, `file://${bed.destination}`])
    expect(await node.exports.exported(bed.caller, { limit: 10, location })).toHaveLength(1)
})

test('a bucket of an allowed name is allowed at the servers that a rule names, or at any', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowAt = (endpoint: string | undefined) =>
    bed.flow(node, dataset, {
      destination: {
        specs: destinationSpecs.s3,
        auth: {
          specName: 'Access Key',
          params: { s3AccessKey: 'AKIAIOSFODNN7EXAMPLE', s3SecretKey: 'a'.repeat(40), endpoint },
        },
        params: { bucketName: 'journeys', path: 'out' },
      },
    })
  const allow = (endpoints?: readonly string[]) =>
    node.exports.putRule(bed.caller, 'ours', {
      kind: 'destinations',
      allowed: ['s3://journeys'],
      ...(endpoints === undefined ? {} : { endpoints }),
    })
  await allow()
  await flowAt('http://127.0.0.1:9')
  await allow([])
  await flowAt(undefined)
  await expect(flowAt('http://127.0.0.1:9')).rejects.toMatchObject({
    code: 'access.denied',
    message: expect.stringContaining('s3://journeys/out at http://127.0.0.1:9'),
  })
  await allow(['http://127.0.0.1:9/'])
  const flow = await node.exports.entity(bed.caller, 'flows', await flowAt('http://127.0.0.1:9'))
  const [targetId] = flow['targetConnectionIds'] as string[]
  const target = await node.exports.entity(bed.caller, 'targetConnections', targetId!)
  const accountId = String(target['baseConnectionId'])
  const change = async (params: object) => {
    const { etag } = await node.exports.entity(bed.caller, 'connections', accountId)
    const operations = [{ op: 'replace', path: '/auth/params', value: params }]
    await node.exports.patchEntity(bed.caller, 'connections', accountId, String(etag), operations)
  }
  await expect(change({ endpoint: 'http://127.0.0.1:90' })).rejects.toMatchObject({ code: 'access.denied' })
  await change({ s3SecretKey: 'b'.repeat(40) })
  await expect(flowAt('http://127.0.0.1:90')).rejects.toMatchObject({ code: 'access.denied' })
  await expect(allow(['127.0.0.1:9'])).rejects.toMatchObject({
    code: 'request.invalid',
    message: expect.stringContaining('/endpoints/0'),
  })
})

test('a delivery that was planned before a rule was set does not go on against it', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 10)
  const flowId = await bed.flow(node, dataset)
  const stop = stopAt('export.stage.middle')
  const runId = await node.exports.runNow(bed.caller, flowId)
  await stop.reached
  await node.exports.controlRun(bed.caller, runId, 'pause')
  stop.release()
  await expect.poll(async () => (await node.jobs.run(runId))?.state, { timeout: 30_000 }).toBe('waiting')
  stop.end()
  await node.exports.putRule(bed.caller, 'nowhere', { kind: 'destinations', allowed: [] })
  await node.exports.controlRun(bed.caller, runId, 'resume')
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'failed', code: 'access.denied' })
  await expect.poll(() => bed.files(), { timeout: 30_000 }).toEqual([])
})

test('a rule for a role is for its members alone', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const [mine] = await bed.metadata.db
    .selectFrom('role_members')
    .select('role_id')
    .where('principal_id', '=', bed.caller.principal.id)
    .execute()
  const rule = (roleIds: string[]) => ({ kind: 'destinations', roleIds, allowed: [] })
  await node.exports.putRule(bed.caller, 'others', rule(['00000000-0000-4000-8000-000000000001']))
  await bed.flow(node, dataset)
  await node.exports.putRule(bed.caller, 'mine', rule([mine!.role_id]))
  await expect(bed.flow(node, dataset)).rejects.toMatchObject({ code: 'access.denied' })
})

test('a quota ends a run before anything is seen, and what it left comes when there is room again', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await node.exports.putRule(bed.caller, 'rows', { kind: 'quota', days: 1, rowsMax: 15 })
  await bed.append(dataset, 0, 10)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
  const delivered = bed.files()
  await bed.append(dataset, 10, 10)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'export.quota' })
  await expect.poll(() => bed.files(), { timeout: 30_000 }).toEqual(delivered)
  bed.clock.advance(25 * 3_600_000)
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { rowCount: 10, chainNumber: 2 },
  })
  expect(await bed.deliveredIds()).toEqual(Array.from({ length: 20 }, (_, index) => index))
  const deliveries = await node.exports.exported(bed.caller, { limit: 10, datasetId: dataset.id })
  expect(deliveries.map(({ rowCount, principalId }) => [rowCount, principalId])).toEqual([
    [10, bed.caller.principal.id],
    [10, bed.caller.principal.id],
  ])
})

test('of two runs that are sealed in one moment only as much is delivered as a quota allows', async () => {
  const { bed, node } = await open()
  const [one, other] = [await bed.dataset('one'), await bed.dataset('other')]
  await node.exports.putRule(bed.caller, 'rows', { kind: 'quota', days: 1, rowsMax: 15 })
  const runs = []
  let waiting = 0
  const both = Promise.withResolvers<void>()
  armFaults(async (point) => {
    if (point !== 'export.seal.before') return
    waiting += 1
    if (waiting === 2) both.resolve()
    await both.promise
  })
  for (const dataset of [one, other]) {
    await bed.append(dataset, 0, 10)
    const flowId = await bed.flow(node, dataset, { name: dataset.name })
    runs.push(await node.exports.runNow(bed.caller, flowId))
  }
  const ended = await Promise.all(runs.map((runId) => bed.settled(node, runId)))
  expect(ended.map(({ state }) => state).toSorted()).toEqual(['failed', 'succeeded'])
  expect(ended.find(({ state }) => state === 'failed')).toMatchObject({ code: 'export.quota' })
  expect(await bed.deliveredIds()).toHaveLength(10)
})

test('outside of a window a tick waits until it opens, or is made by who may override it', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  const flowId = await bed.flow(node, dataset)
  await bed.append(dataset, 0, 10)
  // It is Sunday, one o'clock.
  await node.exports.putRule(bed.caller, 'at noon', {
    kind: 'window',
    window: { days: ['sun', 'mon'], from: '12:00', to: '13:00', timeZone: 'UTC' },
  })
  const runId = await bed.tick(node, flowId)
  await expect
    .poll(async () => await node.jobs.run(runId), { timeout: 30_000 })
    .toMatchObject({ state: 'waiting', code: 'job.postponed', retryAt: new Date('2026-03-01T12:00:00Z') })
  expect(bed.files()).toEqual([])
  bed.clock.advance(11 * 3_600_000)
  expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
  bed.clock.advance(3 * 3_600_000)
  await bed.append(dataset, 10, 1)
  const forced = await node.exports.runNow(bed.caller, flowId, { overridesWindows: true })
  expect(await bed.settled(node, forced)).toMatchObject({ state: 'succeeded', result: { rowCount: 1 } })
  // Who makes it again has not been asked whether he may.
  await bed.append(dataset, 11, 1)
  await expect(node.exports.controlRun(bed.caller, forced, 'retry')).rejects.toMatchObject({
    code: 'export.closed',
  })
})

test('ticks that come while the window is closed are one run, named by the newest', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 10)
  await node.exports.putRule(bed.caller, 'at noon', {
    kind: 'window',
    window: { days: ['sun'], from: '12:00', to: '13:00', timeZone: 'UTC' },
  })
  const flowId = await bed.flow(node, dataset, {
    scheduleParams: { timeUnit: 'hour', interval: 1, startTime: bed.clock.now().getTime() / 1000 + 60 },
  })
  const runs = async () =>
    (await node.jobs.runs({ subjectId: flowId })).map(({ tick, state }) => [tick, state])
  for (const hour of [1, 2, 3]) {
    bed.clock.advance(hour === 1 ? 61_000 : 3_600_000)
    await expect.poll(runs, { timeout: 30_000 }).toEqual([[`2026-03-01T0${hour}:01:00.000Z`, 'waiting']])
  }
})

test('a quota is of members of a group or role, and of a place', async () => {
  const { bed, node } = await open()
  const dataset = await bed.dataset()
  await bed.append(dataset, 0, 5)
  const { db } = bed.metadata
  const [role] = await db
    .selectFrom('role_members')
    .select('role_id')
    .where('principal_id', '=', bed.caller.principal.id)
    .execute()
  const others = '00000000-0000-4000-8000-000000000001'
  const quota = { kind: 'quota', days: 1, runsMax: 1 }
  const flowId = await bed.flow(node, dataset)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
  for (const [change, state] of [
    [{ groupIds: [others] }, 'succeeded'],
    [{ roleIds: [others] }, 'succeeded'],
    [{ destinations: ['s3://elsewhere'] }, 'succeeded'],
    [{ destinations: [bed.destination] }, 'failed'],
    [{ roleIds: [role!.role_id] }, 'failed'],
  ] as const) {
    await node.exports.putRule(bed.caller, 'quota', { ...quota, ...change })
    expect([change, (await bed.run(node, flowId)).state]).toEqual([change, state])
  }
  // A place of its own has a quota of its own.
  await node.exports.putRule(bed.caller, 'quota', { ...quota, destinations: [`${bed.folder}/beside`] })
  const beside = await bed.flow(node, dataset, { params: { path: `${bed.folder}/beside` } })
  expect(await bed.run(node, beside)).toMatchObject({ state: 'succeeded' })
  expect(await bed.run(node, beside)).toMatchObject({ state: 'failed', code: 'export.quota' })
})
