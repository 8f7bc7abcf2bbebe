import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import type { FlowId } from '#base/ids.ts'
import { ExportBed, type Node } from '../../../test/support/exports.ts'
import { destinationSpecs, localFolderSpecs } from '../destination-specs.ts'
import { type EntityKind } from '../entity-kind.ts'

interface World {
  readonly bed: ExportBed
  readonly node: Node
  readonly flowId: FlowId
}

async function world(): Promise<World> {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const node = await bed.node()
  return { bed, node, flowId: await bed.flow(node, await bed.dataset()) }
}

const read = async ({ bed, node }: World, kind: EntityKind, id: string) =>
  await node.exports.entity(bed.caller, kind, id)
const patch = async (
  { bed, node }: World,
  kind: EntityKind,
  id: string,
  operations: unknown,
  etag?: string,
) =>
  await node.exports.patchEntity(
    bed.caller,
    kind,
    id,
    etag ?? ((await read({ bed, node } as World, kind, id))['etag'] as string),
    operations,
  )
const target = async (here: World) =>
  ((await read(here, 'flows', here.flowId))['targetConnectionIds'] as string[])[0]!

test('a flow is read as the platform’s clients expect it', async () => {
  const here = await world()
  const flow = await read(here, 'flows', here.flowId)
  expect(flow).toMatchObject({
    id: here.flowId,
    name: 'feed',
    state: 'enabled',
    createdAt: here.bed.clock.now().getTime(),
    createdBy: expect.stringMatching(/^[0-9A-F]{32}@AdobeID$/),
    sandboxName: 'prod',
    etag: expect.stringMatching(/^".+"$/),
    version: flow['etag'],
    transformations: [],
    scheduleParams: {
      exportMode: 'FIRST_FULL_THEN_INCREMENTAL',
      foldernameTemplate: '%DATASET_ID%/%EXPORT_TIME%',
      interval: 1,
    },
    runs: `/runs?property=flowId==${here.flowId}`,
    inheritedAttributes: {
      properties: { isDestinationFlow: true },
      targetConnections: [
        {
          connectionSpec: { id: localFolderSpecs.connectionSpecId },
          baseConnection: { connectionSpec: { id: localFolderSpecs.connectionSpecId } },
        },
      ],
    },
  })
})

const flowBody = (change: object) => ({
  name: 'x',
  flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
  sourceConnectionIds: [randomUUID()],
  targetConnectionIds: [randomUUID()],
  scheduleParams: { timeUnit: 'day', interval: 1, startTime: 1_800_000_000 },
  ...change,
})
const scheduled = (change: object) =>
  flowBody({ scheduleParams: { timeUnit: 'day', interval: 1, startTime: 1_800_000_000, ...change } })

test.each<[string, EntityKind, unknown, string]>([
  ['no object', 'connections', [], 'A JSON object'],
  ['no name', 'connections', {}, '/name'],
  [
    'another connector',
    'connections',
    { name: 'x', connectionSpec: { id: randomUUID() } },
    '/connectionSpec/id',
  ],
  [
    'two datasets',
    'sourceConnections',
    {
      name: 'x',
      connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
      params: { datasets: [{ dataSetId: 'a' }, { dataSetId: 'b' }] },
    },
    '/params/datasets',
  ],
  [
    'an unknown dataset',
    'sourceConnections',
    {
      name: 'x',
      connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
      params: { datasets: [{ dataSetId: 'aaaaaaaaaaaaaaaaaaaaaaaa' }] },
    },
    '/params/datasets/0/dataSetId',
  ],
  ['a state', 'flows', flowBody({ state: 'enabled' }), '/state'],
  ['an unknown source', 'flows', flowBody({}), '/sourceConnectionIds/0'],
  ['a strange interval', 'flows', scheduled({ timeUnit: 'hour', interval: 5 }), '/scheduleParams/interval'],
  ['no interval', 'flows', scheduled({ interval: undefined }), '/scheduleParams/interval'],
  ['no unit', 'flows', scheduled({ timeUnit: undefined }), '/scheduleParams/timeUnit'],
  ['a strange unit', 'flows', scheduled({ timeUnit: 'fortnight' }), '/scheduleParams/timeUnit'],
  [
    'a broken cron',
    'flows',
    scheduled({ timeUnit: 'cron', cronExpression: '* *' }),
    '/scheduleParams/cronExpression',
  ],
  [
    'an unknown time zone',
    'flows',
    scheduled({ timeUnit: 'cron', cronExpression: '0 5 * * *', timeZone: 'Europe/Atlantis' }),
    '/scheduleParams/timeZone',
  ],
  ['a time zone of hours', 'flows', scheduled({ timeZone: 'Europe/Paris' }), '/scheduleParams/timeZone'],
  ['an end before the start', 'flows', scheduled({ endTime: 5 }), '/scheduleParams/endTime'],
  [
    'an unknown macro',
    'flows',
    scheduled({ foldernameTemplate: '%NOPE%' }),
    '/scheduleParams/foldernameTemplate',
  ],
  [
    'a template that climbs',
    'flows',
    scheduled({ foldernameTemplate: 'a/../b' }),
    '/scheduleParams/foldernameTemplate',
  ],
])('a body with %s is refused, and the message names the field', async (_what, kind, body, field) => {
  const { bed, node } = await world()
  await expect(node.exports.createEntity(bed.caller, kind, body)).rejects.toMatchObject({
    code: 'flow.invalid',
    message: expect.stringContaining(field),
  })
})

test.each([
  ['a relative path', () => 'delivered'],
  ['the root', () => '/'],
  ['a path that climbs', () => '/tmp/../etc'],
  ['our home', (bed: ExportBed) => join(bed.folder, 'home')],
  ['a folder of our home', (bed: ExportBed) => join(bed.folder, 'home', 'spool', 'x')],
  ['a folder around our home', (bed: ExportBed) => bed.folder],
  ['a link into our home', (bed: ExportBed) => join(bed.folder, 'link', 'x')],
  ['a path through a file', () => '/etc/passwd/x'],
  ['control characters', () => '/tmp/a\nb'],
])('%s is no place for deliveries', async (_what, path) => {
  const here = await world()
  await symlink(join(here.bed.folder, 'home'), join(here.bed.folder, 'link'))
  const operations = [{ op: 'replace', path: '/params', value: { path: path(here.bed) } }]
  await expect(patch(here, 'targetConnections', await target(here), operations)).rejects.toMatchObject({
    code: 'flow.invalid',
    message: expect.stringContaining('/params/path'),
  })
})

test('a folder that became a link into our home after it was saved gets nothing', async () => {
  const { bed, node, flowId } = await world()
  await symlink(join(bed.folder, 'home'), bed.destination)
  expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'flow.invalid' })
})

test('replacing a part of an object keeps the rest, whatever the case of the operation', async () => {
  const here = await world()
  await patch(here, 'flows', here.flowId, [
    { op: 'REPLACE', path: '/scheduleParams', value: { interval: '12', timeUnit: 'hour' } },
    { op: 'Replace', path: '/name', value: 'other' },
    { op: 'add', path: '/labels', value: ['core/C12'] },
    { op: 'replace', path: '/description', value: 'said late' },
  ])
  const flow = await read(here, 'flows', here.flowId)
  expect(flow).toMatchObject({
    name: 'other',
    description: 'said late',
    labels: ['core/C12'],
    scheduleParams: { interval: 12, timeUnit: 'hour', foldernameTemplate: '%DATASET_ID%/%EXPORT_TIME%' },
  })
  await patch(here, 'flows', here.flowId, [
    { op: 'add', path: '/labels/-', value: 'core/C2' },
    { op: 'remove', path: '/labels/0', value: 'ignored' },
  ])
  expect((await read(here, 'flows', here.flowId))['labels']).toEqual(['core/C2'])
})

test.each([
  ['an unknown operation', [{ op: 'move', path: '/name' }]],
  ['no list', { op: 'replace', path: '/name', value: 'x' }],
  ['an empty list', []],
  ['a field that is not there', [{ op: 'replace', path: '/nope/deeper', value: 1 }]],
  ['a prototype', [{ op: 'add', path: '/__proto__/polluted', value: 1 }]],
  ['no value', [{ op: 'replace', path: '/name' }]],
  ['a wrong value', [{ op: 'replace', path: '/name', value: 7 }]],
  ['the state', [{ op: 'replace', path: '/state', value: 'disabled' }]],
])('a patch with %s is refused and changes nothing', async (_what, operations) => {
  const here = await world()
  const before = await read(here, 'flows', here.flowId)
  await expect(patch(here, 'flows', here.flowId, operations)).rejects.toMatchObject({ code: 'flow.invalid' })
  expect(await read(here, 'flows', here.flowId)).toEqual(before)
})

test('the datasets of a source connection do not change', async () => {
  const here = await world()
  const other = await here.bed.dataset('other')
  const [sourceId] = (await read(here, 'flows', here.flowId))['sourceConnectionIds'] as string[]
  const operations = [{ op: 'replace', path: '/params', value: { datasets: [{ dataSetId: other.id }] } }]
  await expect(patch(here, 'sourceConnections', sourceId!, operations)).rejects.toMatchObject({
    code: 'flow.invalid',
  })
})

test('a change needs the newest version, and only one of two at once gets through', async () => {
  const here = await world()
  const { etag } = await read(here, 'flows', here.flowId)
  const operations = [{ op: 'replace', path: '/name', value: 'x' }]
  await expect(
    here.node.exports.patchEntity(here.bed.caller, 'flows', here.flowId, undefined, operations),
  ).rejects.toMatchObject({ code: 'flow.invalid' })
  const answers = await Promise.allSettled(
    [1, 2, 3].map(() => patch(here, 'flows', here.flowId, operations, etag as string)),
  )
  expect(answers.map((answer) => answer.status).toSorted((one, other) => one.localeCompare(other))).toEqual([
    'fulfilled',
    'rejected',
    'rejected',
  ])
  await expect(patch(here, 'flows', here.flowId, operations, etag as string)).rejects.toMatchObject({
    code: 'flow.version',
  })
})

test('what is secret is sealed anew when it changes, and only then', async () => {
  const here = await world()
  const { bed, node } = here
  const key = { s3AccessKey: 'AKIAIOSFODNN7EXAMPLE', s3SecretKey: 'a'.repeat(40) }
  const { id } = await node.exports.createEntity(bed.caller, 'connections', {
    name: 'theirs',
    connectionSpec: { id: destinationSpecs.s3.connectionSpecId, version: '1.0' },
    auth: { specName: 'Access Key', params: { ...key, expiresAt: '2026-05-01T00:00:00Z' } },
  })
  const sealed = async () => await bed.metadata.db.selectFrom('secrets').select(['id', 'sealed']).execute()
  const shown = async () =>
    ((await read(here, 'connections', id))['auth'] as { params: Record<string, unknown> }).params
  const change = async (path: string, value: unknown) => {
    bed.clock.advance(86_400_000)
    await patch(here, 'connections', id, [{ op: 'replace', path, value }])
  }
  const before = await sealed()
  expect(before).toHaveLength(1)

  await change('/name', 'still theirs')
  await change('/auth/params/expiresAt', '2026-06-01T00:00:00Z')
  await change('/auth/params/s3SecretKey', key.s3SecretKey) // As it is.
  expect(await sealed()).toEqual(before)
  expect(await shown()).toEqual({
    s3AccessKey: key.s3AccessKey,
    authorizedDate: '2026-03-01',
    expiresAt: '2026-06-01T00:00:00.000Z',
  })

  await change('/auth/params/s3SecretKey', 'b'.repeat(40))
  const after = await sealed()
  expect(after).toHaveLength(1)
  expect(after[0]!.id).not.toBe(before[0]!.id)
  expect(await shown()).toMatchObject({ authorizedDate: '2026-03-05' })
})

test('a disabled flow has no ticks; enabled again it makes up for what it missed by one run', async () => {
  const here = await world()
  const { bed, node, flowId } = here
  await patch(here, 'flows', flowId, [
    { op: 'replace', path: '/scheduleParams', value: { startTime: bed.clock.now().getTime() / 1000 + 60 } },
  ])
  await node.exports.setFlowEnabled(bed.caller, flowId, false)
  expect(await read(here, 'flows', flowId)).toMatchObject({ state: 'disabled' })
  bed.clock.advance(3.5 * 86_400_000)
  await node.exports.setFlowEnabled(bed.caller, flowId, true)
  await expect
    .poll(async () => (await node.jobs.runs({ subjectId: flowId })).map((run) => [run.tick, run.state]), {
      timeout: 30_000,
    })
    .toEqual([['2026-03-04T01:01:00.000Z', 'succeeded']])
})

test('what is used is not deleted; a deleted flow is gone with its schedule', async () => {
  const here = await world()
  const { bed, node, flowId } = here
  const targetId = await target(here)
  const { baseConnectionId } = await read(here, 'targetConnections', targetId)
  for (const [kind, id] of [
    ['targetConnections', targetId],
    ['connections', baseConnectionId as string],
  ] as const)
    await expect(node.exports.deleteEntity(bed.caller, kind, id)).rejects.toMatchObject({
      code: 'flow.invalid',
    })
  await node.exports.deleteEntity(bed.caller, 'flows', flowId)
  await expect(read(here, 'flows', flowId)).rejects.toMatchObject({ code: 'flow.unknown' })
  expect(await bed.metadata.db.selectFrom('job_schedules').selectAll().execute()).toEqual([])
  await node.exports.deleteEntity(bed.caller, 'targetConnections', targetId)
  await node.exports.deleteEntity(bed.caller, 'connections', baseConnectionId as string)
})

test('lists filter, sort, count and continue', async () => {
  const { bed, node } = await world()
  const spec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
  for (const name of ['b', 'c', 'a', 'd'])
    await node.exports.createEntity(bed.caller, 'connections', { name, connectionSpec: spec })
  const names = async (query: Parameters<typeof node.exports.entities>[2]) =>
    (await node.exports.entities(bed.caller, 'connections', query)).items.map((item) => item['name'])
  expect(await names({ property: ['name==a,c'], orderby: '-name' })).toEqual(['c', 'a'])
  expect(await names({ property: ['name>b', 'name<folder', ''], orderby: '+name' })).toEqual(['c', 'd'])
  expect(await names({ property: [`connectionSpec.id==${randomUUID()}`] })).toEqual([])
  expect(await names({ property: [`createdAt>=${bed.clock.now().getTime()}`] })).toHaveLength(5)
  const seen: unknown[] = []
  let token: string | undefined
  do {
    const page = await node.exports.entities(bed.caller, 'connections', {
      limit: 2,
      orderby: 'name',
      ...(token === undefined ? {} : { continuationToken: token }),
    })
    seen.push(...page.items.map((item) => item['name']))
    expect(page.total).toBe(5)
    token = page.next
    expect(token ?? '').not.toContain('=')
  } while (token !== undefined)
  expect(seen).toEqual(['a', 'b', 'c', 'd', 'folder'])
  expect(await node.exports.entities(bed.caller, 'connections', { count: true })).toMatchObject({
    items: [],
    total: 5,
  })
  await expect(names({ limit: 0 })).rejects.toMatchObject({ code: 'flow.invalid' })
  await expect(names({ property: ['name'] })).rejects.toMatchObject({ code: 'flow.invalid' })
  await expect(names({ continuationToken: 'x' })).rejects.toMatchObject({ code: 'flow.invalid' })
})

test('who may not export datasets changes and runs nothing, and sees no dataset through a flow', async () => {
  const here = await world()
  const { bed, node, flowId } = here
  const take = (permission: string) =>
    bed.metadata.db.deleteFrom('role_permissions').where('permission', '=', permission).execute()
  await take('view-datasets')
  await take('manage-datasets')
  await expect(
    patch(here, 'flows', flowId, [{ op: 'replace', path: '/name', value: 'x' }]),
  ).rejects.toMatchObject({ code: 'access.denied' })
  await take('manage-dataset-destinations')
  await expect(node.exports.runNow(bed.caller, flowId)).rejects.toMatchObject({ code: 'access.denied' })
  await expect(node.exports.setFlowEnabled(bed.caller, flowId, false)).rejects.toMatchObject({
    code: 'access.denied',
  })
  await take('view-destinations')
  await expect(read(here, 'flows', flowId)).rejects.toMatchObject({ code: 'access.denied' })
})

test.each(['view-destinations', 'view-datasets', 'manage-dataset-destinations'])(
  'without %s nobody saves an export or runs it, and its schedule delivers nothing',
  async (permission) => {
    const bed = await ExportBed.open()
    onTestFinished(() => bed[Symbol.asyncDispose]())
    const node = await bed.node()
    const dataset = await bed.dataset()
    const flowId = await bed.flow(node, dataset)
    const here = { bed, node, flowId }
    const etag = (await read(here, 'flows', flowId))['etag'] as string
    await bed.metadata.db
      .deleteFrom('role_permissions')
      .where('permission', 'in', [permission, permission.replace('view-', 'manage-')])
      .execute()
    const denied = { code: 'access.denied', message: expect.stringContaining(permission) }
    const renamed = [{ op: 'replace', path: '/name', value: 'x' }]
    await expect(patch(here, 'flows', flowId, renamed, etag)).rejects.toMatchObject(denied)
    await expect(node.exports.runNow(bed.caller, flowId)).rejects.toMatchObject(denied)
    await expect(
      node.exports.runDatasets(bed.caller, [{ flowId, datasetIds: [dataset.id] }]),
    ).rejects.toMatchObject(denied)
    expect(await bed.settled(node, await bed.tick(node, flowId))).toMatchObject({
      state: 'failed',
      ...denied,
    })
  },
)

test('creating, changing, running and deleting is on record', async () => {
  const here = await world()
  await patch(here, 'flows', here.flowId, [{ op: 'replace', path: '/name', value: 'x' }])
  await here.bed.run(here.node, here.flowId)
  await here.node.exports.deleteEntity(here.bed.caller, 'flows', here.flowId)
  const entries = await here.bed.metadata.db
    .selectFrom('audit')
    .select('action')
    .where('asset_id', '=', here.flowId)
    .orderBy('at')
    .execute()
  expect(entries.map((entry) => entry.action)).toEqual(
    expect.arrayContaining(['create', 'update', 'export', 'delete']),
  )
})
