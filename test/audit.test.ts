import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { command } from './support/command.ts'
import { sluice } from './support/sluice.ts'

const audit = '/data/foundation/audit'

let folder: string
let home: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
let admin: Actor

const start = () => startProduct({ home, databaseUrl: metadata.databaseUrl })

beforeAll(async () => {
  folder = passableFolder('audit')
  home = join(folder, 'home')
  metadata = await testMetadata()
  product = await start()
  admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
  await product.run('CREATE TABLE told AS SELECT 1 AS n')
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const events = async (query = '') =>
  (await admin.must('GET', `${audit}/events?${query}`))._embedded.events as Record<string, string>[]

test('changes, queries, denials and downloads are on record, with who, where and from where', async () => {
  const role = { name: 'R', permissionSets: ['view-alerts'], sandboxes: ['prod'] }
  const { id } = await admin.must('POST', '/data/foundation/access-control/administration/roles', role)
  const client = await admin.must('POST', '/sluice/v1/api-clients', { name: 'c', roles: [id] })
  const { organizationId } = admin.credentials
  const nobody = await signIn(product.http, { ...client, organizationId })
  const denied = await nobody.ask('GET', '/data/foundation/catalog/dataSets', undefined, {
    'x-request-id': 'r-1',
  })
  expect(denied.status).toBe(403)
  await admin.must('POST', '/sluice/v1/sql', { sql: 'SELECT n FROM told' })
  await admin.ask('GET', `${audit}/export/events.csv`)
  const all = await events('limit=1000')
  const has = (part: Record<string, string>) => expect(all).toContainEqual(expect.objectContaining(part))
  has({
    action: 'Create',
    assetType: 'Dataset',
    status: 'Allow',
    sandboxName: 'prod',
    imsOrgId: organizationId,
  })
  has({ action: 'Create', assetType: 'Role', assetId: id })
  has({ action: 'Query', assetType: 'Query', userName: 'Administrator' })
  has({ action: 'Deny', status: 'Deny', permissionType: 'view-datasets', requestId: 'r-1', userName: 'c' })
  has({ action: 'Download', assetType: 'Audit Log' })
  const times = all.map((event) => event['timestamp'] ?? '')
  expect(times).toEqual(times.toSorted((one, other) => (one < other ? 1 : -1)))
})

test('events are filtered, paged and ordered', async () => {
  const roles = await events('property=action==create&property=assetType==role')
  expect(roles).toHaveLength(1)
  expect(await events('property=status==Deny&property=status==Allow')).toEqual([])
  expect(
    await events(`property=timestamp>${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`),
  ).toEqual([])
  expect(await events('property=sandboxName==nowhere')).toEqual([])
  const first = await admin.must('GET', `${audit}/events?limit=2&orderBy=timestamp&queryId=q`)
  expect(first).toMatchObject({ queryId: 'q', _page: { start: 0, limit: 2, count: 2 } })
  const second = await admin.must('GET', first._links.next.href)
  const ids = [...first._embedded.events, ...second._embedded.events].map((event: { id: string }) =>
    Number(event.id),
  )
  expect(ids).toEqual(ids.toSorted((one, other) => one - other))
  expect(new Set(ids).size).toBe(4)
  for (const wrong of ['property=secret==x', 'property=action>x', 'limit=1001', 'orderBy=action']) {
    expect([wrong, (await admin.ask('GET', `${audit}/events?${wrong}`)).status]).toEqual([wrong, 400])
  }
})

test('they are taken away as CSV', async () => {
  const answer = await admin.ask('GET', `${audit}/export?property=assetType==role`)
  const lines = answer.text.trim().split('\r\n')
  expect(answer.headers.get('content-type')).toContain('text/csv')
  expect([lines.length, lines[0]]).toEqual([2, expect.stringContaining('timestamp,userEmail')])
  expect((await admin.ask('GET', `${audit}/export?property=assetId==nothing`)).status).toBe(204)
})

test('verify is right after a kill, and names what was tampered with', async () => {
  for (let index = 0; index < 20; index += 1) await admin.must('POST', '/sluice/v1/sql', { sql: 'SELECT 1' })
  process.kill(product.pid, 'SIGKILL')
  await product.exited
  product = await start()
  const right = await sluice(['audit', 'verify', '--home', home])
  expect(right).toMatchObject({ code: 0, out: expect.stringMatching(/All right: \d\d+ entries/) })
  await sql.raw('alter table audit disable trigger all').execute(metadata.db)
  const { rows } = await sql<{ id: string }>`
    update audit set detail = '{"n":1}' where id = (select min(id) from audit where action = 'query') returning id`.execute(
    metadata.db,
  )
  await sql.raw('alter table audit enable trigger all').execute(metadata.db)
  const wrong = await sluice(['audit', 'verify', '--home', home])
  expect(wrong).toMatchObject({ code: 1, out: expect.stringContaining(`Entry ${rows[0]?.id} at place`) })
})

test('people, roles, sandboxes and clients are kept on the command line', { timeout: 180_000 }, async () => {
  const run = async (...args: string[]) => {
    const ran = await sluice([...args, '--home', home])
    expect([args, ran.code, ran.err.includes('nobody foresaw')]).toEqual([args, 0, false])
    return ran.out
  }
  await run('sandbox', 'create', 'dev', '--title', 'Dev')
  await run('role', 'create', 'Readers', '--permission', 'view-datasets', '--sandbox', 'prod', 'dev')
  const [, made] = await Promise.all([
    run('user', 'create', 'Ann', '--email', 'ann@example.com', '--role', 'Readers'),
    run('client', 'create', 'load', '--role', 'Readers', '--days', '9', '--format', 'json'),
  ])
  const client = JSON.parse(made)
  expect(client).toMatchObject({ clientSecret: expect.any(String), expiresAt: expect.any(String) })
  expect(await run('role', 'show', 'Readers')).toMatch(/dev prod[^]*view-datasets[^]*@AdobeID/)
  await Promise.all([
    run('role', 'take', 'Readers', '--user', 'ann@example.com'),
    run('user', 'disable', 'ann@example.com'),
    run('client', 'rotate', client.clientId, '--overlap', '0'),
    run('sandbox', 'reset', 'dev', '--yes'),
  ])
  await Promise.all([
    run('client', 'revoke', client.clientId),
    run('sandbox', 'delete', 'dev', '--yes'),
    run('role', 'delete', 'Readers'),
  ])
  const [users, clients, sandboxes, events] = await Promise.all([
    run('user', 'list'),
    run('client', 'list'),
    run('sandbox', 'list'),
    run('audit', 'list', '--where', 'assetType==sandbox'),
  ])
  expect(users).toMatch(/Ann\s+ann@example.com\s+\S+\s+disabled/)
  expect(clients).toMatch(/load\s+\S+\s+revoked/)
  expect(sandboxes).toMatch(/dev\s+Dev\s+development\s+deleted/)
  expect(events).toMatch(/Delete\s+Sandbox dev/)
  const [unsure, missing] = await Promise.all([
    sluice(['sandbox', 'reset', 'prod', '--home', home]),
    sluice(['role', 'show', 'nothing', '--home', home]),
  ])
  expect([unsure.code, missing.code]).toEqual([2, 3])
})

test('what lies in a sandbox is reached by its name; groups, logins and roles are changed', async () => {
  const run = async (...args: string[]) => {
    const ran = await command([...args, '--home', home])
    expect([args, ran.code, ran.err]).toEqual([args, 0, expect.not.stringContaining('nobody foresaw')])
    return ran.out
  }
  await run('sandbox', 'create', 'side')
  await run('sandbox', 'rename', 'side', 'Beside')
  await run('sql', '--sandbox', 'side', '-c', 'CREATE TABLE aside AS SELECT 1 AS n')
  expect(await run('sql', '-d', 'side:all', '-c', 'SELECT n FROM aside', '--format', 'csv')).toBe('n\n1\n')
  expect(await run('dataset', 'list', '--sandbox', 'side')).toContain('aside')
  expect(await run('dataset', 'list')).not.toContain('aside')
  const elsewhere = await command(['dataset', 'show', 'aside', '--home', home])
  const nowhere = await command(['sql', '--sandbox', 'nowhere', '-c', 'SELECT 1', '--home', home])
  expect([elsewhere.code, nowhere.code]).toEqual([3, 4])

  await run('user', 'create', 'Bo', '--email', 'bo@example.com')
  await run('group', 'create', 'team')
  expect(await run('group', 'change', 'team', '--add', 'bo@example.com')).toContain('1 member')
  await run('role', 'create', 'Askers', '--permission', 'view-datasets')
  await run(
    'role',
    'change',
    'Askers',
    '--add',
    'manage-queries',
    '--sandbox',
    'side',
    'prod',
    '--rename',
    'Asking',
  )
  await run('role', 'give', 'Asking', '--group', 'team')
  expect(await run('role', 'show', 'Asking')).toMatch(/prod side[^]*manage-queries/)
  const login = JSON.parse(await run('login', 'create', '--user', 'bo@example.com', '--format', 'json'))
  expect(await run('login', 'list')).toContain(login.sqlUser)
  await run('login', 'rotate', login.sqlUser, '--overlap', '0')
  await run('login', 'delete', login.sqlUser)
  await run('group', 'delete', 'team')
  expect(await run('group', 'list')).not.toContain('team')
  const other = JSON.parse(await run('organization', 'create', 'Acme', '--format', 'json'))
  await run('organization', 'batch-queries', other.organizationId, 'off')
  expect((await command(['organization', 'batch-queries', 'x', 'maybe', '--home', home])).code).toBe(2)
})
