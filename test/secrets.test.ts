import { createSign, generateKeyPairSync } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { createSecretStore } from '#access/secret-store.ts'
import { systemClock } from '#base/clock.ts'
import type { OrganizationId } from '#base/ids.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, type Answer, send, signIn, tokenOf } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sluice } from './support/sluice.ts'
import { WireClient } from './support/wire-client.ts'

let folder: string
let home: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let product: Product
let admin: Actor
let env: Record<string, string>
/** What must be seen nowhere, by what it is. */
const canaries = new Map<string, string>()
const heard: string[] = []

beforeAll(async () => {
  folder = passableFolder('secrets')
  home = join(folder, 'home')
  metadata = await testMetadata()
  canaries.set('S3 secret', 'canaryOfTheSecretAccessKeyOfS3')
  canaries.set('S3 session token', 'canaryOfTheSessionTokenOfS3')
  env = {
    SLUICE_S3_ACCESS_KEY_ID: 'nobody',
    SLUICE_S3_SECRET_ACCESS_KEY: canaries.get('S3 secret')!,
    SLUICE_S3_SESSION_TOKEN: canaries.get('S3 session token')!,
  }
  product = await startProduct({ home, databaseUrl: metadata.databaseUrl, logLevel: 'debug', env })
  const credentials = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  canaries.set('client secret', credentials.clientSecret)
  canaries.set('SQL password', credentials.sqlPassword)
  const keys = JSON.parse(readFileSync(join(home, 'keys', 'master-keys.json'), 'utf8'))
  canaries.set('master key', keys.keys[0].key)
  admin = await signIn(product.http, credentials)
  canaries.set('token', admin.token)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

/** Answers are listened to, but for the one that tells a secret. */
function hear(answer: Answer): Answer {
  heard.push(answer.text, JSON.stringify([...answer.headers]))
  return answer
}

async function told(
  name: string,
  field: string,
  path: string,
  body: object = {},
): Promise<Record<string, string>> {
  const made = await admin.must('POST', path, body)
  canaries.set(name, made[field])
  return made
}

test('nothing a run prints, answers or stores holds a secret', async () => {
  const client = await told('API client', 'clientSecret', '/sluice/v1/api-clients', { name: 'c' })
  await told('rotated', 'clientSecret', `/sluice/v1/api-clients/${client['clientId']}/rotation`)
  const login = await told('login', 'sqlPassword', '/sluice/v1/sql-logins', { isExpiring: false })
  await told('organisation', 'clientSecret', '/sluice/v1/organizations', { name: 'O' })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = publicKey.export({ format: 'pem', type: 'spki' })
  await admin.must('POST', `/sluice/v1/api-clients/${client['clientId']}/keys`, { publicKey: pem })
  const text = `${Buffer.from('{"alg":"RS256"}').toString('base64url')}.${Buffer.from('{"exp":1}').toString('base64url')}`
  const assertion = `${text}.${createSign('RSA-SHA256').update(text).sign(privateKey).toString('base64url')}`
  canaries.set('assertion', assertion)

  // Where people put secrets by mistake, and where they must be shown to be used.
  const wrong = 'canary-typed-in-the-wrong-place'
  canaries.set('wrong secret', wrong)
  hear(await tokenOf(product.http, { clientId: client['clientId']!, clientSecret: wrong }))
  hear(await tokenOf(product.http, { clientId: wrong, clientSecret: wrong }))
  const form = {
    client_id: client['clientId']!,
    client_secret: client['clientSecret']!,
    jwt_token: assertion,
  }
  hear(await send(`${product.http}/ims/exchange/jwt`, 'POST', { form }))
  hear(await send(`${product.http}/ims/token/v3?client_secret=${wrong}&grant_type=x`, 'POST', {}))
  hear(await admin.ask('GET', '/sluice/v1/users', undefined, { authorization: `Bearer ${wrong}` }))
  hear(await admin.ask('GET', '/sluice/v1/users', undefined, { authorization: `Basic ${admin.token}` }))
  hear(await send(`${product.http}/ims/revoke`, 'POST', { form: { token: wrong } }))
  const port = Number(product.postgres.split(':')[1])
  await using session = await WireClient.signedIn(port, {
    user: login['sqlUser']!,
    password: login['sqlPassword']!,
  })
  expect(session.parameters.size).toBeGreaterThan(0)
  await expect(WireClient.signedIn(port, { user: login['sqlUser']!, password: wrong })).rejects.toThrow()

  await told('rotated login', 'sqlPassword', `/sluice/v1/sql-logins/${login['sqlUser']}/rotation`)

  // As the connection of a destination keeps its password.
  const owner = { organizationId: admin.credentials.organizationId as OrganizationId, sandboxId: undefined }
  const keyFile = join(home, 'keys', 'master-keys.json')
  const openStore = () => createSecretStore({ metadata, keyFile, clock: systemClock })
  const [before, stored] = [await openStore(), new Map<string, string>()]
  for (const value of ['canary-of-an-sftp-password', '{"private_key":"canary-of-a-service-account"}']) {
    canaries.set(`stored ${value.length}`, value.replaceAll(/.*(canary-[a-z-]+).*/g, '$1'))
    const secret = { ...owner, purpose: 'connection', value }
    stored.set(await metadata.transaction((tx) => before.put(tx, secret)), value)
  }

  for (const [method, path, body] of [
    ['GET', '/sluice/v1/api-clients'],
    ['GET', '/sluice/v1/sql-logins'],
    ['GET', '/sluice/v1/users'],
    ['GET', '/sluice/v1/status'],
    ['GET', '/metrics'],
    ['GET', '/openapi.json'],
    ['GET', '/data/foundation/audit/events?limit=1000'],
    ['GET', '/data/foundation/audit/export/events.csv'],
    ['GET', '/data/foundation/query/queries'],
    ['POST', '/sluice/v1/secrets/rotation', {}],
    ['POST', '/sluice/v1/audit/verification', {}],
    ['POST', '/sluice/v1/sql', { sql: 'SELECT 1; SHOW ALL' }],
    ['POST', '/sluice/v1/sql', { sql: 'SELEC' }],
    ['DELETE', `/sluice/v1/api-clients/${client['clientId']}`],
  ] as const) {
    const answer = hear(await admin.ask(method, path, body))
    expect([path, answer.status < 500]).toEqual([path, true])
  }
  // The server sealed all of it with another key, and forgot the first.
  const { keys } = JSON.parse(readFileSync(keyFile, 'utf8')) as { keys: { id: string; key: string }[] }
  expect(keys).toHaveLength(1)
  expect(keys[0]!.key).not.toBe(canaries.get('master key'))
  canaries.set('second master key', keys[0]!.key)
  const used = await metadata.db.selectFrom('secrets').select('key_id').distinct().execute()
  expect(used).toEqual([{ key_id: keys[0]!.id }])
  const after = await openStore()
  for (const [id, value] of stored) expect(await after.read(id, owner)).toBe(value)

  for (const args of [['status'], ['config'], ['audit', 'list'], ['login', 'list'], ['sql', '-c', 'x']]) {
    const ran = await sluice([...args, '--home', home], { env })
    heard.push(ran.out, ran.err)
  }
  heard.push(product.output())
  expect(product.output().length).toBeGreaterThan(100)

  const seen = heard.join('\n')
  for (const [name, canary] of canaries) expect([name, seen.includes(canary)]).toEqual([name, false])
})

test('the database holds none of them, neither as text nor as bytes', async () => {
  const { rows } = await sql<{ name: string }>`
    select table_name as name from information_schema.tables where table_schema = 'public'`.execute(
    metadata.db,
  )
  expect(rows.length).toBeGreaterThan(20)
  let everything = ''
  for (const { name } of rows) {
    const all = await sql<{ text: string }>`select t::text as text from ${sql.id(name)} as t`.execute(
      metadata.db,
    )
    everything += all.rows.map((row) => row.text).join('\n')
  }
  expect(everything).toContain(admin.credentials.clientId) // It is the right database.
  for (const [name, canary] of canaries) {
    const hex = Buffer.from(canary).toString('hex')
    expect([name, everything.includes(canary), everything.includes(hex)]).toEqual([name, false, false])
  }
})

test('in the home only files of its owner hold any', () => {
  const holding = readdirSync(home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes('/postgres'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const text = readFileSync(path, 'latin1')
      return [...canaries.values()].some((canary) => text.includes(canary))
    })
  expect(holding.toSorted()).toEqual([join(home, 'credentials.json'), join(home, 'keys', 'master-keys.json')])
  for (const path of holding) {
    expect([path, statSync(path).mode & 0o077]).toEqual([path, 0])
  }
})
