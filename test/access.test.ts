import { createSign, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dataLakeSpecId, localFolderSpecs } from '../src/exports/destination-specs.ts'
import { type Actor, type ClientCredentials, send, signIn, tokenOf } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { query, WireClient } from './support/wire-client.ts'

const access = '/data/foundation/access-control'
const configs = 'outputType=activationDatasets&outputField=datasets&limit=100'
const sandboxes = '/data/foundation/sandbox-management'

let folder: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
let admin: Actor

beforeAll(async () => {
  folder = passableFolder('access')
  metadata = await testMetadata()
  const home = join(folder, 'home')
  product = await startProduct({ home, databaseUrl: metadata.databaseUrl })
  admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

let count = 0
/** A role of these permissions, in prod unless said. */
async function roleWith(permissionSets: string[], places = ['prod']): Promise<string> {
  const name = `role ${(count += 1)}`
  return (
    await admin.must('POST', `${access}/administration/roles`, { name, permissionSets, sandboxes: places })
  ).id
}

/** An API client with a role of these permissions. */
async function clientWith(permissionSets: string[], places?: string[]): Promise<ClientCredentials> {
  const roles = permissionSets.length === 0 ? [] : [await roleWith(permissionSets, places)]
  const made = await admin.must('POST', '/sluice/v1/api-clients', { name: `client ${(count += 1)}`, roles })
  return { ...made, organizationId: admin.credentials.organizationId }
}

const actorWith = async (permissionSets: string[], places?: string[]) =>
  await signIn(product.http, await clientWith(permissionSets, places))

describe('roles', () => {
  test('a role is created, read, replaced, patched in three forms and deleted', async () => {
    const base = `${access}/administration/roles`
    const made = await admin.must('POST', `${base}/`, {
      name: 'Analysts',
      description: 'read',
      roleType: 'user-defined',
    })
    expect(made).toMatchObject({
      recordType: 'role',
      roleType: 'user-defined',
      permissionSets: [],
      sandboxes: [],
      subjectAttributes: { labels: [] },
      imsOrgID: admin.credentials.organizationId,
    })
    const at = `${base}/${made.id}`
    const operations = [
      { op: 'add', path: '/permissionSets/-', value: 'view-datasets' },
      { op: 'add', path: '/sandboxes/-', value: 'prod' },
    ]
    expect(await admin.must('PATCH', `${at}/`, { operations })).toMatchObject({
      permissionSets: ['view-datasets'],
      sandboxes: ['prod'],
    })
    const label = { op: 'add', path: '/subjectAttributes/labels/-', value: 'core/S1' }
    expect(await admin.must('PATCH', at, label)).toMatchObject({ subjectAttributes: { labels: ['core/S1'] } })
    const lists = [
      { op: 'replace', path: '/description', value: 'ask' },
      { op: 'replace', path: '/permissionSets', value: ['manage-queries', 'view-datasets'] },
      { op: 'remove', path: '/permissionSets/view-datasets' },
    ]
    expect(await admin.must('PATCH', at, lists)).toMatchObject({
      description: 'ask',
      permissionSets: ['manage-queries'],
    })
    const nowhere = { op: 'replace', path: '/sandboxes', value: [] }
    expect(await admin.must('PATCH', at, nowhere)).toMatchObject({ sandboxes: [] })
    expect((await admin.ask('PATCH', at, { op: 'replace', path: '/sandboxes' })).status).toBe(400)
    const noStep = { op: 'remove', path: '/permissionSets/%zz' }
    expect((await admin.ask('PATCH', at, noStep)).status).toBe(400)
    expect((await admin.ask('PATCH', `${at}/subjects`, { op: 'add', path: '/user/%' })).status).toBe(400)
    expect(await admin.must('PUT', at, { name: 'Askers' })).toMatchObject({
      name: 'Askers',
      permissionSets: [],
      sandboxes: [],
    })
    expect((await admin.ask('DELETE', at)).status).toBe(204)
    expect((await admin.ask('GET', at)).status).toBe(404)
  })

  test('lists have items, a page and no next; shipped roles are there and stay as they are', async () => {
    const list = await admin.must('GET', `${access}/administration/roles`)
    expect(list._links).toEqual({})
    const byName = new Map<string, { id: string; permissionSets: string[] }>(
      list.items.map((role: { name: string }) => [role.name, role]),
    )
    expect([...byName.keys()]).toEqual(
      expect.arrayContaining([
        'Default production all access',
        'Organisation administrator',
        'Sandbox Administrators',
      ]),
    )
    expect(byName.get('Sandbox Administrators')?.permissionSets).toEqual([
      'manage-sandboxes',
      'reset-sandboxes',
      'view-sandboxes',
    ])
    expect(byName.get('Organisation administrator')?.permissionSets).not.toContain('administer-organization')
    const { id } = byName.get('Default production all access')!
    expect((await admin.ask('DELETE', `${access}/administration/roles/${id}`)).status).toBe(400)
    const steal = { name: 'x', permissionSets: ['administer-organization'] }
    expect((await admin.ask('POST', `${access}/administration/roles`, steal)).status).toBe(400)
  })

  test('of two administrators who change one version one is told; changes without a version both stay', async () => {
    const id = await roleWith(['view-datasets'])
    const at = `${access}/administration/roles/${id}`
    const { etag } = await admin.must('GET', at)
    const add = (value: string, headers = {}) =>
      admin.ask('PATCH', at, { op: 'add', path: '/permissionSets/-', value }, headers)
    const both = await Promise.all([
      add('view-schemas', { 'if-match': etag }),
      add('manage-queries', { 'if-match': etag }),
    ])
    expect(new Set(both.map(({ status }) => status))).toEqual(new Set([200, 412]))
    await Promise.all([add('view-alerts'), add('view-destinations')])
    expect((await admin.must('GET', at)).permissionSets).toEqual(
      expect.arrayContaining(['view-alerts', 'view-destinations', 'view-datasets']),
    )
  })

  test('users, groups and API clients are subjects; the last administrator stays', async () => {
    const id = await roleWith(['view-datasets'])
    const at = `${access}/administration/roles/${id}/subjects`
    const user = await admin.must('POST', '/sluice/v1/users', { name: 'Ann', email: 'Ann@example.com' })
    const group = await admin.must('POST', '/sluice/v1/groups', { name: 'G', members: ['ann@example.com'] })
    const client = await clientWith([])
    await admin.must('PATCH', at, { op: 'add', path: '/user', value: user.id })
    await admin.must('PATCH', at, [
      { op: 'add', path: '/user-group', value: group.id },
      { op: 'add', path: '/api-credential', value: client.clientId },
    ])
    const { items, _links } = await admin.must('GET', `${at}/`)
    expect(_links).toEqual({})
    expect(items).toEqual([
      { roleId: id, subjectType: 'user', subjectId: user.id },
      { roleId: id, subjectType: 'api-credential', subjectId: client.clientId },
      { roleId: id, subjectType: 'user-group', subjectId: group.id },
    ])
    expect(user.id).toMatch(/^[0-9A-F]{32}@AdobeID$/)
    await admin.must('PATCH', at, { op: 'remove', path: '/user', value: user.id })
    expect((await admin.must('GET', at)).items).toHaveLength(2)
    const others = await Promise.all(
      ['Bo', 'Cy', 'Di', 'Ed'].map((name) => admin.must('POST', '/sluice/v1/users', { name })),
    )
    const members = `/sluice/v1/groups/${group.id}/members`
    await Promise.all(others.map(({ id: one }) => admin.must('PATCH', members, { add: [one] })))
    await Promise.all(
      others.slice(0, 2).map(({ id: one }) => admin.must('PATCH', members, { remove: [one] })),
    )
    await Promise.all(others.map(() => admin.must('PATCH', members, { add: [others[3].id] })))
    const groups = (await admin.must('GET', '/sluice/v1/groups')).groups
    expect(groups.find((one: { id: string }) => one.id === group.id).members.toSorted()).toEqual(
      [user.id, others[2].id, others[3].id].map(String).toSorted(),
    )
    const puts = await Promise.all(
      others.map(({ id: one }) => admin.ask('PUT', members, { members: [one, user.id] })),
    )
    expect(puts.map(({ status }) => status)).toEqual(others.map(() => 204))

    const roles = (await admin.must('GET', `${access}/administration/roles`)).items
    const top = roles.find((role: { name: string }) => role.name === 'Organisation administrator').id
    const people = (await admin.must('GET', `${access}/administration/roles/${top}/subjects`)).items
    const refused = await admin.ask('PATCH', `${access}/administration/roles/${top}/subjects`, {
      op: 'remove',
      path: '/user',
      value: people[0].subjectId,
    })
    expect([refused.status, refused.body.detail]).toEqual([400, expect.stringContaining('must remain')])
    expect((await admin.ask('POST', `/sluice/v1/users/${people[0].subjectId}/disable`)).status).toBe(400)
    expect((await admin.ask('GET', `${access}/acl/reference`)).status).toBe(200)
  })

  test('the reference names what permissions contain, effective policies what the caller has', async () => {
    const reference = await admin.must('GET', `${access}/acl/reference`)
    expect(reference.permissions['view-datasets']).toEqual({
      connection: ['read'],
      datasets: ['read'],
      'datasets-data': ['read'],
      'dule-label': ['read'],
      schemas: ['read'],
    })
    expect(reference['resource-types'].datasets).toEqual(['read', 'write', 'delete'])
    const reader = await actorWith(['view-datasets'])
    const body = ['/permissions/view-datasets', 'permissions/manage-datasets', 'resource-types/connections']
    const asked = await reader.must('POST', `${access}/acl/effective-policies`, body)
    expect(asked).toEqual({
      policies: { '/permissions/view-datasets': ['*'], 'resource-types/connections': ['read'] },
    })
    expect(await reader.must('POST', `${access}/acl/active-permissions`, body)).toEqual(asked)
    expect((await reader.ask('GET', `${access}/acl/reference`)).body).toMatchObject({
      status: 403,
      detail: 'Missing permission: administer-organization',
    })
    const products = (await admin.must('GET', `${access}/administration/products`)).products
    const sets = await admin.must(
      'GET',
      `${access}/administration/products/${products[0].id}/permission-sets`,
    )
    expect(sets['permission-sets']).toContainEqual(
      expect.objectContaining({ id: 'manage-schemas', category: 'Data Modeling' }),
    )
  })

  test('access policies are kept as documents', async () => {
    const base = `${access}/administration/policies`
    const rules = [
      {
        effect: 'Deny',
        resource: '/orgs/x/sandboxes/*',
        condition: '{}',
        actions: ['com.adobe.action.read'],
      },
    ]
    const made = await admin.must('POST', base, { name: 'P', status: 'active', rules })
    expect(await admin.must('GET', `${base}/${made.id}`)).toMatchObject({
      rules,
      status: 'active',
      isDefault: false,
    })
    const patched = await admin.must('PATCH', `${base}/${made.id}`, [
      { op: 'replace', path: '/status', value: 'inactive' },
    ])
    expect(patched.status).toBe('inactive')
    expect(
      (await admin.ask('PUT', `${base}/${made.id}`, { name: 'Q' }, { 'if-match': made._etag })).status,
    ).toBe(412)
    expect((await admin.must('GET', base)).items).toHaveLength(1)
    expect((await admin.ask('DELETE', `${base}/${made.id}`)).status).toBe(204)
  })
})

describe('denials', () => {
  test('they name the permission and tell nothing of what was asked for', async () => {
    await product.run('CREATE TABLE IF NOT EXISTS known AS SELECT 1 AS n')
    const [id] = Object.keys(await admin.must('GET', '/data/foundation/catalog/dataSets'))
    const nobody = await actorWith(['view-alerts'])
    const known = await nobody.ask('GET', `/data/foundation/catalog/dataSets/${id}`)
    const unknown = await nobody.ask('GET', `/data/foundation/catalog/dataSets/${'0'.repeat(24)}`)
    const same = (body: object) => ({ ...body, requestId: '' })
    expect(same(known.body)).toEqual(same(unknown.body))
    expect(known.body).toMatchObject({
      type: 'http://ns.adobe.com/aep/errors/CATALOG-4030-403',
      title: 'Forbidden',
      status: 403,
      detail: 'Missing permission: view-datasets',
    })
    const asker = await actorWith(['manage-queries'])
    for (const table of ['known', 'unknown']) {
      const answer = await asker.ask('POST', '/sluice/v1/sql', { sql: `SELECT * FROM ${table}` })
      expect([answer.status, answer.body.detail]).toEqual([403, `permission denied for table ${table}`])
    }
  })

  test('who may see datasets may look at their rows, and asks no SQL', async () => {
    await product.run("CREATE TABLE IF NOT EXISTS seen AS SELECT 1 AS n, 'a' AS word")
    const [id] = Object.keys(await admin.must('GET', '/data/foundation/catalog/dataSets?name=seen'))
    const preview = `/data/foundation/export/datasets/${id}/preview`
    const viewer = await actorWith(['view-datasets'])
    expect((await viewer.must('GET', preview)).data).toEqual([{ n: 1, word: 'a' }])
    expect((await viewer.ask('POST', '/sluice/v1/sql', { sql: 'SELECT * FROM seen' })).status).toBe(403)
    const asker = await actorWith(['manage-queries'])
    expect((await asker.ask('GET', preview)).body).toMatchObject({
      detail: 'Missing permission: view-datasets',
    })
  })

  test('what alerts told anybody is history, what they told oneself is not', async () => {
    const all = '/sluice/v1/notifications'
    for (const [permission, own, history] of [
      ['view-alerts', 200, 403],
      ['view-alerts-history', 403, 200],
    ] as const) {
      const reader = await actorWith([permission])
      expect((await reader.ask('GET', `${all}?mine=true`)).status).toBe(own)
      const answer = await reader.ask('GET', all)
      expect(answer.status).toBe(history)
      if (history === 403) expect(answer.body.detail).toBe('Missing permission: view-alerts-history')
    }
  })

  test('three rights are all that an export needs, from the account to what became of a run', async () => {
    await product.run('CREATE TABLE IF NOT EXISTS delivered AS SELECT 1 AS n')
    const [datasetId] = Object.keys(
      await admin.must('GET', '/data/foundation/catalog/dataSets?name=delivered'),
    )
    const three = ['view-datasets', 'view-destinations', 'manage-dataset-destinations']
    const flows = '/data/foundation/flowservice'
    const spec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
    const exporter = await actorWith(three)
    const make = async (kind: string, body: object): Promise<string> =>
      (await exporter.must('POST', `${flows}/${kind}`, { name: 'of three', ...body })).id
    const offered = await exporter.must('GET', `${flows}/connectionSpecs/${spec.id}/configs?${configs}`)
    expect(offered.items.map(({ id }: { id: string }) => id)).toContain(datasetId)
    const connection = await make('connections', { connectionSpec: spec })
    const source = await make('sourceConnections', {
      connectionSpec: { id: dataLakeSpecId, version: '1.0' },
      params: { datasets: [{ dataSetId: datasetId }] },
    })
    const target = await make('targetConnections', {
      baseConnectionId: connection,
      connectionSpec: spec,
      params: { path: join(folder, 'delivered'), datasetFileType: 'PARQUET', compression: 'GZIP' },
    })
    expect(await exporter.must('GET', `${flows}/connections/${connection}/test`)).toMatchObject({
      result: true,
    })
    const flow = await make('flows', {
      flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
      sourceConnectionIds: [source],
      targetConnectionIds: [target],
      scheduleParams: { interval: 0, timeUnit: 'day', startTime: 4_000_000_000 },
    })
    const planned = await exporter.must('POST', `/sluice/v1/exports/${flow}/dry-run`)
    expect(planned.datasets).toMatchObject([{ rowCount: 1 }])
    const { id: runId } = await exporter.must('POST', `${flows}/runs`, { flowId: flow })
    const run = async () => (await exporter.must('GET', `${flows}/runs/${runId}`)).items[0].sluice.state
    await expect.poll(run, { timeout: 30_000, interval: 50 }).toBe('succeeded')
    const runs = await exporter.must('GET', `${flows}/runs?property=flowId==${flow}`)
    expect(runs.items).toMatchObject([{ id: runId }])
    // To have it made again is to have it made.
    const blind = await actorWith(['view-destinations', 'manage-dataset-destinations'])
    expect((await blind.ask('POST', `${flows}/runs/${runId}/action?op=RE_TRIGGER`)).status).toBe(403)
    for (const op of ['disable', 'enable'])
      await exporter.must('POST', `${flows}/flows/${flow}/action?op=${op}`)
    const { etag } = (await exporter.must('GET', `${flows}/connections/${connection}`)).items[0]
    const renamed = [{ op: 'replace', path: '/name', value: 'other' }]
    await exporter.must('PATCH', `${flows}/connections/${connection}`, renamed, { 'if-match': etag })
    for (const at of [`flows/${flow}`, `targetConnections/${target}`, `connections/${connection}`])
      await exporter.must('DELETE', `${flows}/${at}`)

    const manager = await actorWith(['view-destinations', 'manage-destinations'])
    const account = await manager.must('POST', `${flows}/connections`, { name: 'm', connectionSpec: spec })
    expect((await manager.ask('POST', `${flows}/flows`, {})).body).toMatchObject({
      errorMessage: expect.stringContaining('manage-dataset-destinations'),
    })
    const viewer = await actorWith(['view-destinations', 'view-datasets'])
    const refused = await viewer.ask('DELETE', `${flows}/connections/${account.id}`)
    expect([refused.status, refused.text]).toEqual([
      403,
      expect.stringContaining('Missing permission: manage-dataset-destinations'),
    ])
  })

  test('an organisation exports no datasets above the level it is entitled to, at save and at run', async () => {
    const settings = '/sluice/v1/exports/settings'
    const flows = '/data/foundation/flowservice'
    await product.run('CREATE TABLE IF NOT EXISTS offers AS SELECT 1 AS n')
    const [id] = Object.keys(await admin.must('GET', '/data/foundation/catalog/dataSets?name=offers'))
    const dataset = `/data/foundation/catalog/dataSets/${id}`
    await admin.must('PATCH', dataset, { tags: { tier: ['Ultimate'] } })
    await admin.must('PUT', `/sluice/v1/datasets/${id}/managed-by`, { managedBy: 'SYSTEM' })
    expect((await admin.ask('PATCH', dataset, { tags: { tier: ['Prime'] } })).status).toBe(403)
    const spec = { id: localFolderSpecs.connectionSpecId, version: '1.0' }
    const make = (kind: string, body: object) =>
      admin.ask('POST', `${flows}/${kind}`, { name: 'of a level', ...body })
    const source = () =>
      make('sourceConnections', {
        connectionSpec: { id: dataLakeSpecId, version: '1.0' },
        params: { datasets: [{ dataSetId: id }] },
      })
    expect(await admin.must('GET', settings)).toEqual({ isStrict: false, entitledTier: null })
    const made = await source()
    const connection = await make('connections', { connectionSpec: spec })
    const target = await make('targetConnections', {
      baseConnectionId: connection.body.id,
      connectionSpec: spec,
      params: { path: join(folder, 'level'), datasetFileType: 'PARQUET', compression: 'GZIP' },
    })
    const flow = await make('flows', {
      flowSpec: { id: localFolderSpecs.flowSpecId, version: '1.0' },
      sourceConnectionIds: [made.body.id],
      targetConnectionIds: [target.body.id],
      scheduleParams: { interval: 0, timeUnit: 'day', startTime: 4_000_000_000 },
    })
    expect([made.status, flow.status]).toEqual([201, 201])
    const ended = async () => {
      const { id: runId } = await admin.must('POST', `${flows}/runs`, { flowId: flow.body.id })
      const state = async () => (await admin.must('GET', `${flows}/runs/${runId}`)).items[0].sluice.state
      await expect.poll(state, { timeout: 30_000, interval: 50 }).toMatch(/succeeded|failed/)
      return await state()
    }
    await admin.must('PUT', settings, { entitledTier: 'Prime' })
    const refused = await source()
    expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('of the level Ultimate')])
    expect(await ended()).toBe('failed')
    expect(await admin.must('PUT', settings, { entitledTier: null })).toEqual({
      isStrict: false,
      entitledTier: null,
    })
    expect((await source()).status).toBe(201)
    expect(await ended()).toBe('succeeded')
  })

  test('the upkeep of tables is seen by who may see datasets, or the dashboard', async () => {
    for (const permission of ['view-datasets', 'view-monitoring-dashboard'])
      expect((await (await actorWith([permission])).must('GET', '/sluice/v1/maintenance')).tasks).not.toEqual(
        [],
      )
    const neither = await (await actorWith(['manage-queries'])).ask('GET', '/sluice/v1/maintenance')
    expect([neither.status, neither.text]).toEqual([
      403,
      expect.stringContaining('Missing permission: view-datasets'),
    ])
  })

  test('what is said of fields needs its own right: identities, relationships, labels', async () => {
    const registry = '/data/foundation/schemaregistry/tenant'
    const schema = await admin.must('POST', `${registry}/schemas`, {
      title: 'described',
      type: 'object',
      properties: { email: { type: 'string' }, other: { type: 'string' } },
    })
    const descriptor = (type: string, more = {}) => ({
      '@type': type,
      'xdm:sourceSchema': schema.$id,
      'xdm:sourceVersion': 1,
      'xdm:sourceProperty': '/email',
      ...more,
    })
    const identity = descriptor('xdm:descriptorIdentity', {
      'xdm:namespace': 'Email',
      'xdm:isPrimary': false,
    })
    const label = descriptor('xdm:descriptorLabel', { 'xdm:labels': ['C2'] })
    const title = descriptor('xdm:alternateDisplayInfo', { 'xdm:title': { en_us: 'E-mail' } })
    const relation = descriptor('xdm:descriptorReferenceIdentity', { 'xdm:identityNamespace': 'Email' })
    const all = { identity, label, title, relation }
    const rights: Record<string, (keyof typeof all)[]> = {
      'view-schemas': [],
      'manage-identity-metadata': ['identity'],
      'manage-relationships': ['relation'],
      'apply-data-usage-labels': ['label'],
      'manage-schemas': ['identity', 'title', 'relation'],
    }
    for (const [permission, allowed] of Object.entries(rights)) {
      const actor = await actorWith(['view-schemas', permission])
      for (const [kind, body] of Object.entries(all)) {
        const made = await actor.ask('POST', `${registry}/descriptors`, body)
        const isAllowed = allowed.includes(kind as keyof typeof all)
        expect([permission, kind, made.status]).toEqual([permission, kind, isAllowed ? 201 : 403])
        if (isAllowed) {
          const at = `${registry}/descriptors/${made.body['@id']}`
          const viewer = await actorWith(['view-schemas'])
          expect((await viewer.ask('DELETE', at)).status).toBe(403)
          expect((await viewer.ask('PUT', at, body)).status).toBe(403)
          expect((await actor.ask('DELETE', at)).status).toBe(204)
        }
      }
    }
    await product.run('CREATE TABLE labelled AS SELECT 1 AS n')
    const [id] = Object.keys(await admin.must('GET', '/data/foundation/catalog/dataSets?name=labelled'))
    const at = `/data/foundation/dataset/datasets/${id}/labels`
    const { headers } = await admin.ask('POST', at, { labels: ['C2'] })
    const put = async (actor: Actor) =>
      await actor.ask('PUT', at, { labels: ['C1'] }, { 'if-match': headers.get('etag') ?? '' })
    const refused = await put(await actorWith(['manage-datasets']))
    expect([refused.status, refused.body.detail]).toEqual([
      403,
      'Missing permission: apply-data-usage-labels',
    ])
    expect((await put(await actorWith(['view-datasets', 'apply-data-usage-labels']))).status).toBe(200)
  })

  test('SQL needs what it does: rows, tables, schemas, the entitlement', async () => {
    const reader = await actorWith(['manage-queries', 'view-datasets'])
    const run = async (sql: string) => await reader.ask('POST', '/sluice/v1/sql', { sql, format: 'json' })
    expect((await run('SELECT n FROM known')).body).toEqual([{ n: 1 }])
    const missing = async (sql: string) => (await run(sql)).body?.detail
    expect(await missing('CREATE TABLE mine AS SELECT 1 AS n')).toBe('Missing permission: manage-datasets')
    expect(await missing('INSERT INTO known SELECT 2')).toBe('Missing permission: manage-datasets')
    expect(await missing('DROP TABLE unknown')).toBe('Missing permission: manage-datasets')
    const asker = await actorWith(['manage-queries'])
    const asked = async (sql: string) => await asker.ask('POST', '/sluice/v1/sql', { sql, format: 'json' })
    // What lists tables has none for who may see none.
    for (const sql of ['SHOW TABLES', "SELECT relname FROM pg_class WHERE relname = 'known'"]) {
      expect((await asked(sql)).body).toEqual([])
    }
    const writer = await actorWith(['manage-queries', 'manage-datasets'])
    const made = await writer.ask('POST', '/sluice/v1/sql', { sql: 'CREATE TABLE mine AS SELECT 1 AS n' })
    expect(made.body.detail).toBe('Missing permission: manage-schemas')
    const organization = admin.credentials.organizationId
    const entitle = (batchQueries: boolean) =>
      admin.must('PUT', `/sluice/v1/organizations/${organization}/entitlements`, { batchQueries })
    await entitle(false)
    const refused = await admin.ask('POST', '/sluice/v1/sql', { sql: 'CREATE TABLE mine AS SELECT 1 AS n' })
    expect([refused.status, refused.body.detail]).toEqual([403, expect.stringContaining('not entitled')])
    expect((await admin.ask('POST', '/sluice/v1/sql', { sql: 'SELECT 1' })).status).toBe(200)
    await entitle(true)
  })
})

describe('sandboxes', () => {
  test('one is made, retitled, used apart from prod, reset and deleted', async () => {
    const made = await admin.ask('POST', `${sandboxes}/sandboxes`, {
      name: 'dev-one',
      title: 'Dev',
      type: 'development',
    })
    expect([made.status, made.body]).toMatchObject([
      202,
      { name: 'dev-one', state: 'creating', type: 'development', isDefault: false, region: 'VA7' },
    ])
    expect(made.body.createdDate).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/)
    await admin.must('PATCH', `${sandboxes}/sandboxes/dev-one`, { title: 'Development' })
    const dev = admin.in('dev-one')
    const sql = (who: Actor, text: string) => who.ask('POST', '/sluice/v1/sql', { sql: text, format: 'json' })
    await product.run('CREATE TABLE IF NOT EXISTS apart AS SELECT 1 AS n')
    expect((await sql(dev, 'SELECT n FROM apart')).status).toBe(404)
    expect((await sql(dev, 'SELECT n FROM prod.public.apart')).status).toBe(404)
    expect((await sql(dev, 'CREATE TABLE apart AS SELECT 2 AS n')).status).toBe(200)
    expect((await sql(dev, 'SELECT n FROM apart')).body).toEqual([{ n: 2 }])
    expect((await sql(admin, 'SELECT n FROM apart')).body).toEqual([{ n: 1 }])
    const [foreign] = Object.keys(await dev.must('GET', '/data/foundation/catalog/dataSets'))
    expect((await admin.ask('GET', `/data/foundation/catalog/dataSets/${foreign}`)).status).toBe(404)

    const before = (await admin.must('GET', `${sandboxes}/sandboxes/dev-one`)).id
    const reset = await admin.ask('PUT', `${sandboxes}/sandboxes/dev-one?ignoreWarnings`, { action: 'reset' })
    expect([reset.status, reset.body.state]).toEqual([202, 'resetting'])
    const after = await admin.must('GET', `${sandboxes}/sandboxes/dev-one`)
    expect([after.state, after.title]).toEqual(['active', 'Development'])
    expect(after.id).not.toBe(before)
    expect(await dev.must('GET', '/data/foundation/catalog/dataSets')).toEqual({})
    expect((await sql(dev, 'SELECT n FROM apart')).status).toBe(404)

    const gone = await admin.ask('DELETE', `${sandboxes}/sandboxes/dev-one`)
    expect([gone.status, gone.body.state]).toEqual([202, 'deleted'])
    const [deleted, never] = await Promise.all(
      ['dev-one', 'never-was'].map((name) => admin.in(name).ask('GET', '/data/foundation/catalog/dataSets')),
    )
    expect(deleted?.status).toBe(403)
    expect({ ...deleted?.body, requestId: '' }).toEqual({ ...never?.body, requestId: '' })
    expect((await admin.must('GET', `${sandboxes}/sandboxes/dev-one`)).state).toBe('deleted')
    const again = await admin.ask('POST', `${sandboxes}/sandboxes`, {
      name: 'dev-one',
      title: 'x',
      type: 'development',
    })
    expect(again.body).toMatchObject({ status: 409, type: 'http://ns.adobe.com/aep/errors/SMS-2002-409' })
  })

  test('prod cannot be deleted, and is reset only by name; wrong and unknown names are told apart', async () => {
    const types = ['SMS-2004-400', 'SMS-2004-400', 'SMS-2003-404', 'SMS-2001-400']
    const answers = [
      await admin.ask('DELETE', `${sandboxes}/sandboxes/prod`),
      await admin.ask('PUT', `${sandboxes}/sandboxes/prod`, { action: 'reset' }),
      await admin.ask('GET', `${sandboxes}/sandboxes/nothing`),
      await admin.ask('POST', `${sandboxes}/sandboxes`, { name: 'Dev', title: 'x', type: 'development' }),
    ]
    expect(answers.map(({ body }) => body.type)).toEqual(
      types.map((type) => `http://ns.adobe.com/aep/errors/${type}`),
    )
    const nobody = await actorWith(['view-datasets'])
    expect((await nobody.ask('GET', `${sandboxes}/sandboxes`)).body.type).toBe(
      'http://ns.adobe.com/aep/errors/SMS-2005-403',
    )
    expect((await admin.ask('GET', '/data/foundation/exim/packages/')).status).toBe(404)
  })

  test('everybody sees those he may use, administrators all', async () => {
    await admin.must('POST', `${sandboxes}/sandboxes`, { name: 'dev-two', title: 'Two', type: 'production' })
    const reader = await actorWith(['view-datasets'], ['dev-two'])
    const mine = await reader.in('dev-two').must('GET', `${sandboxes}/`)
    expect(mine).toMatchObject({ sandboxes: [{ name: 'dev-two', state: 'active' }], _links: {} })
    expect((await reader.ask('GET', `${sandboxes}/`)).status).toBe(403) // prod is not open to him.
    const all = await admin.must('GET', `${sandboxes}/sandboxes?property=state==active&orderBy=-name`)
    expect(all.sandboxes.map(({ name }: { name: string }) => name)).toEqual(['prod', 'dev-two'])
    expect((await admin.must('GET', `${sandboxes}/sandboxTypes`)).sandboxTypes).toHaveLength(2)
  })
})

describe('credentials', () => {
  test('a client secret is rotated with an overlap, and at once', async () => {
    const client = await clientWith(['view-datasets'])
    const at = `/sluice/v1/api-clients/${client.clientId}`
    const next = await admin.must('POST', `${at}/rotation`, { overlapHours: 1 })
    expect((await tokenOf(product.http, client)).status).toBe(200)
    const held = await signIn(product.http, { ...client, ...next })
    const last = await admin.must('POST', `${at}/rotation`, { overlapHours: 0 })
    expect((await tokenOf(product.http, client)).status).toBe(401)
    expect((await tokenOf(product.http, { ...client, ...next })).status).toBe(401)
    expect((await held.ask('GET', `${sandboxes}/`)).status).toBe(401)
    const renewed = await signIn(product.http, { ...client, ...last })
    expect((await renewed.ask('GET', `${sandboxes}/`)).status).toBe(200)
    await admin.must('DELETE', at)
    expect((await renewed.ask('GET', `${sandboxes}/`)).status).toBe(401)
    expect((await tokenOf(product.http, { ...client, ...last })).status).toBe(401)
  })

  test('an expired secret and an expired token are refused, as forged and revoked ones are', async () => {
    const client = await clientWith(['view-datasets'])
    const actor = await signIn(product.http, client)
    await metadata.db
      .updateTable('tokens')
      .set({ expires_at: new Date() })
      .where('client_id', '=', client.clientId)
      .execute()
    expect((await actor.ask('GET', `${sandboxes}/`)).body).toMatchObject({ error_code: '401013' })
    await metadata.db
      .updateTable('client_secrets')
      .set({ expires_at: new Date() })
      .where('client_id', '=', client.clientId)
      .execute()
    expect((await tokenOf(product.http, client)).status).toBe(401)

    const other = await actorWith(['view-datasets'])
    expect(
      (await other.ask('GET', `${sandboxes}/`, undefined, { authorization: `Bearer ${other.token}x` }))
        .status,
    ).toBe(401)
    expect((await send(`${product.http}/ims/revoke`, 'POST', { form: { token: other.token } })).status).toBe(
      200,
    )
    expect((await other.ask('GET', `${sandboxes}/`)).status).toBe(401)
  })

  test('a token works only with the key of the client it was issued to, in its organisation', async () => {
    const one = await actorWith(['view-datasets'])
    const other = await clientWith(['view-datasets'])
    expect(
      (await one.ask('GET', `${sandboxes}/`, undefined, { 'x-api-key': other.clientId })).body,
    ).toMatchObject({
      error_code: '403003',
    })
    const foreign = { 'x-gw-ims-org-id': 'AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg' }
    expect((await one.ask('GET', `${sandboxes}/`, undefined, foreign)).body).toMatchObject({
      error_code: '403025',
    })
  })

  test('a signed assertion is good for one token', async () => {
    const client = await clientWith(['view-datasets'])
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
    await admin.must('POST', `/sluice/v1/api-clients/${client.clientId}/keys`, { publicKey: pem })
    const assertion = (claims: object, key = privateKey) => {
      const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
      const exp = Math.floor(Date.now() / 1000) + 300
      const aud = `https://ims-na1.adobelogin.com/c/${client.clientId}`
      const text = `${part({ alg: 'RS256' })}.${part({ iss: client.organizationId, aud, exp, ...claims })}`
      return `${text}.${createSign('RSA-SHA256').update(text).sign(key).toString('base64url')}`
    }
    const exchange = (jwt: string) => {
      const multipart = new FormData()
      multipart.set('client_id', client.clientId)
      multipart.set('client_secret', client.clientSecret)
      multipart.set('jwt_token', jwt)
      return send(`${product.http}/ims/exchange/jwt/`, 'POST', { multipart })
    }
    const good = assertion({})
    const first = await exchange(good)
    expect([first.status, first.body.expires_in]).toEqual([200, 86_399_000])
    expect((await exchange(good)).status).toBe(401)
    const others = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    for (const bad of [
      assertion({}, others),
      assertion({ exp: 1 }),
      assertion({ aud: 'https://x/c/other' }),
      assertion({ iss: 'AAAAAAAAAAAAAAAAAAAAAAAA@AdobeOrg' }),
      good.replace(/\.[^.]*$/, '.'),
    ]) {
      expect((await exchange(bad)).status).toBe(401)
    }
  })

  test('SQL logins expire and rotate: the old password works for the overlap', async () => {
    const analyst = await actorWith(['manage-queries', 'view-datasets'])
    const port = Number(product.postgres.split(':')[1])
    const open = async (login: { sqlUser: string; sqlPassword: string }) => {
      await using client = await WireClient.signedIn(port, {
        user: login.sqlUser,
        password: login.sqlPassword,
      })
      return client.parameters.size > 0
    }
    const login = await analyst.must('POST', '/sluice/v1/sql-logins', { prefix: 'bi' })
    expect(Date.parse(login.expiresAt)).toBeGreaterThan(Date.now())
    expect(await open(login)).toBe(true)
    const rotated = await analyst.must('POST', `/sluice/v1/sql-logins/${login.sqlUser}/rotation`, {
      overlapHours: 1,
    })
    expect(await open(login)).toBe(true)
    expect(await open(rotated)).toBe(true)
    const last = await analyst.must('POST', `/sluice/v1/sql-logins/${login.sqlUser}/rotation`, {
      overlapHours: 0,
    })
    await expect(open(rotated)).rejects.toThrow()
    expect(await open(last)).toBe(true)
    const endless = await analyst.ask('POST', '/sluice/v1/sql-logins', { isExpiring: false })
    expect(endless.body.detail).toBe('Missing permission: manage-query-service-integration')
    const stranger = await actorWith(['manage-queries'])
    expect((await stranger.ask('DELETE', `/sluice/v1/sql-logins/${login.sqlUser}`)).status).toBe(404)
    await metadata.db
      .updateTable('sql_logins')
      .set({ expires_at: new Date() })
      .where('sql_user', '=', login.sqlUser)
      .execute()
    await expect(open(last)).rejects.toThrow()
  })

  test('rights that are taken end with the statement under way', async () => {
    const role = await roleWith(['manage-queries', 'view-datasets'])
    const made = await admin.must('POST', '/sluice/v1/api-clients', { name: 'soon gone', roles: [role] })
    const analyst = await signIn(product.http, { ...made, organizationId: admin.credentials.organizationId })
    const login = await analyst.must('POST', '/sluice/v1/sql-logins', {})
    const port = Number(product.postgres.split(':')[1])
    await using client = await WireClient.signedIn(port, { user: login.sqlUser, password: login.sqlPassword })
    const long = analyst.ask('POST', '/sluice/v1/sql', {
      sql: 'SELECT count(*) AS n FROM (SELECT explode(sequence(1, 1000000)) AS a) -- the long one',
      format: 'json',
    })
    const begun = `/data/foundation/query/queries?property=${encodeURIComponent('sql~the long one')}`
    await expect
      .poll(async () => (await admin.must('GET', begun)).queries.length, { timeout: 30_000 })
      .toBe(1)
    await admin.must('DELETE', `${access}/administration/roles/${role}`)
    expect((await long).body).toEqual([{ n: 1_000_000 }])
    client.send(query('SELECT 1'))
    const answers = await client.untilReady()
    expect(answers.find(({ type }) => type === 'E')?.payload.toString()).toContain('42501')
  })

  test('a cursor gives no more rows of what its reader may not see any more', async () => {
    const role = await roleWith(['manage-queries', 'view-datasets', 'manage-datasets', 'manage-schemas'])
    const made = await admin.must('POST', '/sluice/v1/api-clients', { name: 'reader', roles: [role] })
    const reader = await signIn(product.http, { ...made, organizationId: admin.credentials.organizationId })
    const login = await reader.must('POST', '/sluice/v1/sql-logins', {})
    const port = Number(product.postgres.split(':')[1])
    await using client = await WireClient.signedIn(port, { user: login.sqlUser, password: login.sqlPassword })
    const ask = async (sql: string) => {
      client.send(query(sql))
      return (await client.untilReady()).map(({ type, payload }) => type + payload.toString())
    }
    await ask('CREATE TABLE read_by_cursor AS SELECT explode(sequence(1, 9)) AS n')
    await ask('CREATE TEMP TABLE own AS SELECT 1 AS n')
    await ask('DECLARE shared CURSOR WITH HOLD FOR SELECT n FROM read_by_cursor')
    await ask('DECLARE mine CURSOR WITH HOLD FOR SELECT n FROM own')
    await ask('DECLARE names CURSOR WITH HOLD FOR SELECT relname FROM pg_class ORDER BY relname')
    await ask('CREATE TABLE came_later AS SELECT 1 AS n')
    for (const _ of [1, 2]) {
      expect(await ask('FETCH 1 FROM names')).toContainEqual(expect.stringMatching(/^CFETCH 1/))
      await ask('CREATE TABLE IF NOT EXISTS came_meanwhile AS SELECT 1 AS n')
    }
    expect(await ask('FETCH 2 FROM shared')).toContainEqual(expect.stringMatching(/^CFETCH 2/))
    for (const permission of ['view-datasets', 'manage-datasets']) {
      await admin.must('PATCH', `${access}/administration/roles/${role}`, {
        operations: [{ op: 'remove', path: `/permissionSets/${permission}` }],
      })
    }
    for (const sql of ['FETCH 2 FROM shared', 'MOVE 2 IN shared']) {
      expect(await ask(sql)).toContainEqual(
        expect.stringMatching(/^E.*C42501.*permission denied for table read_by_cursor/s),
      )
    }
    expect(await ask('FETCH 1 FROM names')).toContainEqual(expect.stringMatching(/^E.*C55000.*names/s))
    expect(await ask('FETCH 1 FROM mine')).toContainEqual(expect.stringMatching(/^CFETCH 1/))
    await ask('CLOSE names')
    expect(await ask('CLOSE shared')).toContainEqual(expect.stringMatching(/^CCLOSE/))
  })
})
