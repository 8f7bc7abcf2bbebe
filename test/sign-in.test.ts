import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failuresOfNameMax } from '../src/access/sign-in-limits.ts'
import { type Actor, type ClientCredentials, send, signIn, tokenOf } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { query, WireClient } from './support/wire-client.ts'

const access = '/data/foundation/access-control/administration'
const sandboxes = '/data/foundation/sandbox-management/'

let folder: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
let admin: Actor
let roleId: string

beforeAll(async () => {
  folder = passableFolder('sign-in')
  metadata = await testMetadata()
  const home = join(folder, 'home')
  product = await startProduct({ home, databaseUrl: metadata.databaseUrl })
  admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
  const permissionSets = ['manage-queries', 'view-datasets', 'manage-query-service-integration']
  const role = { name: 'analysts', permissionSets, sandboxes: ['prod'] }
  roleId = (await admin.must('POST', `${access}/roles`, role)).id
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function newClient(): Promise<ClientCredentials> {
  const made = await admin.must('POST', '/sluice/v1/api-clients', { name: 'analyst', roles: [roleId] })
  return { ...made, organizationId: admin.credentials.organizationId }
}

interface Login {
  readonly sqlUser: string
  readonly sqlPassword: string
}

const port = () => Number(product.postgres.split(':')[1])
const open = async ({ sqlUser, sqlPassword }: Login) =>
  await WireClient.signedIn(port(), { user: sqlUser, password: sqlPassword })

/** The one message of a session that is over. */
const ended = /closed after E: SFATAL.*C28000/s

describe('a SQL session', () => {
  const endings: Record<
    string,
    (given: { login: Login; client: ClientCredentials; actor: Actor }) => unknown
  > = {
    expires: ({ login }) =>
      metadata.db
        .updateTable('sql_logins')
        .set({ expires_at: new Date() })
        .where('sql_user', '=', login.sqlUser)
        .execute(),
    'is deleted': ({ login, actor }) => actor.ask('DELETE', `/sluice/v1/sql-logins/${login.sqlUser}`),
    'gets another password at once': ({ login, actor }) =>
      actor.must('POST', `/sluice/v1/sql-logins/${login.sqlUser}/rotation`, { overlapHours: 0 }),
    'is of a client that is revoked': ({ client }) =>
      admin.ask('DELETE', `/sluice/v1/api-clients/${client.clientId}`),
  }

  test.for(Object.entries(endings))('ends at its next statement when its login %s', async ([, end]) => {
    const client = await newClient()
    const actor = await signIn(product.http, client)
    const login: Login = await actor.must('POST', '/sluice/v1/sql-logins', { isExpiring: false })
    await using session = await open(login)
    session.send(query('SELECT 1 AS n'))
    expect((await session.untilReady()).map(({ type }) => type)).toContain('D')
    await end({ login, client, actor })
    session.send(query('SELECT 2 AS n'))
    await expect(session.untilReady()).rejects.toThrow(ended)
    await expect(open(login)).rejects.toThrow()
    const { _embedded } = await admin.must(
      'GET',
      '/data/foundation/audit/events?property=assetId==ended SQL login',
    )
    expect(_embedded.events[0]).toMatchObject({ status: 'Deny', userIpAddresses: ['127.0.0.1'] })
  })

  test('by a login that nobody used for ninety days is refused, and each use counts', async () => {
    const actor = await signIn(product.http, await newClient())
    const login: Login = await actor.must('POST', '/sluice/v1/sql-logins', { isExpiring: false })
    const usedAgo = async (days: number) =>
      await metadata.db
        .updateTable('sql_logins')
        .set({ used_at: new Date(Date.now() - days * 86_400_000) })
        .where('sql_user', '=', login.sqlUser)
        .execute()
    await usedAgo(89)
    await using _session = await open(login)
    const used = metadata.db.selectFrom('sql_logins').select('used_at').where('sql_user', '=', login.sqlUser)
    await expect
      .poll(async () => (await used.executeTakeFirstOrThrow()).used_at?.getTime() ?? 0)
      .toBeGreaterThan(Date.now() - 86_400_000)
    await usedAgo(90)
    await expect(open(login)).rejects.toThrow()
  })

  test('of a prepared statement ends too, and one that works goes on through a rotation with an overlap', async () => {
    const actor = await signIn(product.http, await newClient())
    const login: Login = await actor.must('POST', '/sluice/v1/sql-logins', {})
    const at = `/sluice/v1/sql-logins/${login.sqlUser}`
    await using session = await open(login)
    session.send(query('PREPARE p AS SELECT 1 AS n'))
    await session.untilReady()
    const next: Login = await actor.must('POST', `${at}/rotation`, { overlapHours: 1 })
    session.send(query('EXECUTE p'))
    expect((await session.untilReady()).map(({ type }) => type)).toContain('D')
    await using renewed = await open(next)
    await metadata.db.updateTable('sql_logins').set({ previous_until: new Date() }).execute()
    session.send(query('EXECUTE p'))
    await expect(session.untilReady()).rejects.toThrow(ended)
    renewed.send(query('SELECT 1'))
    expect((await renewed.untilReady()).map(({ type }) => type)).toContain('D')
  })

  test('that runs a statement lets it end; a disabled person has no other', async () => {
    const user = await admin.must('POST', '/sluice/v1/users', { name: 'Ann', email: 'ann@example.com' })
    await admin.must('PATCH', `${access}/roles/${roleId}/subjects`, {
      op: 'add',
      path: '/user',
      value: user.id,
    })
    const login: Login = await admin.must('POST', '/sluice/v1/sql-logins', { userId: user.id })
    await using session = await open(login)
    session.pause() // 40 MB, more than the sockets of both sides hold: the statement ends when they are read.
    session.send(
      query("SELECT repeat('x', 1000) AS held FROM (SELECT explode(sequence(1, 40000)) AS a); SELECT 2 AS n"),
    )
    const property = encodeURIComponent('sql~held,state==IN_PROGRESS')
    const underWay = () => admin.must('GET', `/data/foundation/query/queries?property=${property}`)
    await expect.poll(async () => (await underWay()).queries.length).toBe(1)
    await admin.must('POST', `/sluice/v1/users/${user.id}/disable`)
    session.resume()
    await expect(session.untilReady()).rejects.toThrow(/after TD{40000}CE:/)
  })
})

describe('wrong secrets', () => {
  const wrong = (client: ClientCredentials) => tokenOf(product.http, { ...client, clientSecret: 'wrong' })

  test('are bounded for each client and address, and answered with when to come again', async () => {
    const [client, other] = [await newClient(), await newClient()]
    for (let count = 0; count < failuresOfNameMax; count++) expect((await wrong(client)).status).toBe(401)
    const refused = await wrong(client)
    expect([refused.status, refused.body.error]).toEqual([429, 'temporarily_unavailable'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
    expect((await tokenOf(product.http, client)).status).toBe(429) // The right one waits too.
    const form = {
      grant_type: 'client_credentials',
      client_id: client.clientId,
      client_secret: client.clientSecret,
    }
    for (const path of ['/ims/token/v1', '/ims/token/v2', '/iceberg/v1/oauth/tokens', '/ims/exchange/jwt']) {
      const more = path.endsWith('jwt') ? { jwt_token: 'x' } : {}
      const answer = await send(`${product.http}${path}`, 'POST', { form: { ...form, ...more } })
      expect([path, answer.status, answer.headers.has('retry-after')]).toEqual([path, 429, true])
    }
    expect((await tokenOf(product.http, other)).status).toBe(200)
    expect(await statusFrom('127.0.0.2', form)).toBe(200) // Whoever guesses keeps the client itself not out.
    const held = await signIn(product.http, other)
    expect((await held.ask('GET', sandboxes)).status).toBe(200)
  })

  test('a right one forgets those before it', async () => {
    const client = await newClient()
    for (let round = 0; round < 2; round++) {
      for (let count = 1; count < failuresOfNameMax; count++) expect((await wrong(client)).status).toBe(401)
      expect((await tokenOf(product.http, client)).status).toBe(200)
    }
  })

  test('are bounded over the PostgreSQL protocol, and on record', async () => {
    const actor = await signIn(product.http, await newClient())
    const login: Login = await actor.must('POST', '/sluice/v1/sql-logins', {})
    const wrongPasswords = () =>
      admin.must('GET', '/data/foundation/audit/events?property=assetId==SQL password')
    const before = (await wrongPasswords())._embedded.events.length
    const attempt = async () => await open({ ...login, sqlPassword: 'wrong' })
    for (let count = 0; count < failuresOfNameMax; count++) await expect(attempt()).rejects.toThrow(/28P01/)
    await expect(open(login)).rejects.toThrow(/28000.*Too many sign-ins/s)
    const { _embedded } = await wrongPasswords()
    expect(_embedded.events.length - before).toBe(failuresOfNameMax)
    expect(_embedded.events[0]).toMatchObject({ action: 'Sign-in', userIpAddresses: ['127.0.0.1'] })
  })

  test('take as long for a client that is there as for one that is not', async () => {
    const client = await newClient()
    const spanOf = async (given: ClientCredentials) => {
      const began = performance.now()
      expect((await wrong(given)).status).toBe(401)
      return performance.now() - began
    }
    const unknown = { ...client, clientId: 'f'.repeat(32) }
    for (const span of [await spanOf(client), await spanOf(unknown)]) expect(span).toBeGreaterThanOrEqual(145)
    expect((await wrong(unknown)).text).toBe((await wrong(client)).text)
  })

  test('take as long over the PostgreSQL protocol, whether the login is there or not', async () => {
    const actor = await signIn(product.http, await newClient())
    const login: Login = await actor.must('POST', '/sluice/v1/sql-logins', {})
    for (const sqlUser of [login.sqlUser, 'nobody_of_that_name']) {
      const began = performance.now()
      await expect(open({ sqlUser, sqlPassword: 'wrong' })).rejects.toThrow(/28P01/)
      expect(performance.now() - began).toBeGreaterThanOrEqual(145)
    }
  })
})

/** What the token endpoint answers to another address of this machine. */
async function statusFrom(localAddress: string, form: Record<string, string>): Promise<number | undefined> {
  return await new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const asked = request(
      `${product.http}/ims/token/v3`,
      { method: 'POST', localAddress, headers },
      (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      },
    )
    asked.once('error', reject)
    asked.end(new URLSearchParams(form).toString())
  })
}
