import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { cancelRequest } from './support/wire-client.ts'

/** Two servers before one database: what runs at the one is stopped through the other. */
const folder = passableFolder('two-nodes')
const homes = [join(folder, 'one'), join(folder, 'two')] as const
const running = new AsyncDisposableStack()
let nodes: readonly [Product, Product]
let other: Actor

/** Hours of work; the comment is to find it by. */
const endless = (name: string): string => `
  SELECT count(*) /* ${name} */ FROM (SELECT explode(sequence(1, 1000000)) a) x
  JOIN (SELECT explode(sequence(1, 1000000)) b) y ON a % 7 <> b % 11`

beforeAll(async () => {
  running.defer(() => rm(folder, { recursive: true, force: true }))
  const metadata = running.use(await testMetadata())
  const { databaseUrl } = metadata
  const one = running.use(await startProduct({ home: homes[0], databaseUrl }))
  await mkdir(homes[1])
  await copyFile(join(homes[0], 'credentials.json'), join(homes[1], 'credentials.json'))
  const two = running.use(await startProduct({ home: homes[1], databaseUrl }))
  nodes = [one, two]
  other = await signIn(two.http, JSON.parse(await readFile(join(homes[1], 'credentials.json'), 'utf8')))
}, 120_000)
afterAll(() => running.disposeAsync())

/** A client of the first node whose server-given key can be seen. */
async function client(): Promise<pg.Client & { readonly processID: number; readonly secretKey: number }> {
  const { sqlUser, sqlPassword } = JSON.parse(await readFile(join(homes[0], 'credentials.json'), 'utf8'))
  const [host = '', port = ''] = nodes[0].postgres.split(':')
  const made = new pg.Client({
    host,
    port: Number(port),
    user: sqlUser,
    password: sqlPassword,
    database: 'prod:all',
  })
  await made.connect()
  return made as typeof made & { processID: number; secretKey: number }
}

async function underWay(name: string): Promise<string> {
  const property = encodeURIComponent(`sql~${name}`)
  let id = ''
  await expect
    .poll(
      async () => {
        const { queries } = await other.must('GET', `/data/foundation/query/queries?property=${property}`)
        id = queries[0]?.id
        return queries[0]?.state
      },
      { timeout: 30_000 },
    )
    .toBe('IN_PROGRESS')
  return id
}

/** As clients do it: on a connection of its own, which the server ends without an answer. */
async function sendCancel(node: Product, key: { processId: number; secret: Buffer }): Promise<void> {
  const [host = '', port = ''] = node.postgres.split(':')
  const socket = connect({ host, port: Number(port) })
  socket.resume().end(cancelRequest(key))
  await once(socket, 'close')
}

test('a cancel request that reaches the other node stops the statement, one with a wrong secret does not', async () => {
  const asking = await client()
  const asked = asking.query(endless('by-request')).then(
    () => 'ended',
    (error: { code: string }) => error.code,
  )
  await underWay('by-request')
  const secret = Buffer.alloc(4)
  secret.writeInt32BE(asking.secretKey)
  await sendCancel(nodes[1], { processId: asking.processID, secret: randomBytes(4) })
  expect(await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 500, 'runs'))])).toBe('runs')
  await sendCancel(nodes[1], { processId: asking.processID, secret })
  expect(await asked).toBe('57014')
  expect((await asking.query('SELECT 1 AS a')).rows).toEqual([{ a: 1 }])
  await asking.end()
})

test("a session's query is cancelled over REST at the other node", async () => {
  const asking = await client()
  const asked = asking.query(endless('by-rest')).catch((error: { code: string }) => error.code)
  const id = await underWay('by-rest')
  await other.must('PATCH', `/data/foundation/query/queries/${id}`, { op: 'cancel' })
  expect(await asked).toBe('57014')
  await expect
    .poll(async () => (await other.must('GET', `/data/foundation/query/queries/${id}`)).state)
    .toBe('KILLED')
  await asking.end()
})
