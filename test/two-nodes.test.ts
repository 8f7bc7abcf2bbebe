import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cp, mkdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Actor, type Answer, signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { cancelRequest } from './support/wire-client.ts'

/** Two servers before one database and one lake: what is asked of the one and is at the other. */
const folder = passableFolder('two-nodes')
const homes = [join(folder, 'one'), join(folder, 'two')] as const
const running = new AsyncDisposableStack()
let nodes: readonly [Product, Product]
let other: Actor

/** What gives the second one a clock that is wrong. */
const anHourAhead = `data:text/javascript,${encodeURIComponent(`
  const Right = Date
  globalThis.Date = class extends Right {
    constructor(...given) {
      super(...(given.length > 0 ? given : [Right.now() + 3_600_000]))
    }
    static now() {
      return Right.now() + 3_600_000
    }
  }`)}`

/** Hours of work; the comment is to find it by. */
const endless = (name: string): string => `
  SELECT count(*) /* ${name} */ FROM (SELECT explode(sequence(1, 1000000)) a) x
  JOIN (SELECT explode(sequence(1, 1000000)) b) y ON a % 7 <> b % 11`

beforeAll(async () => {
  running.defer(() => rm(folder, { recursive: true, force: true }))
  const metadata = running.use(await testMetadata())
  const { databaseUrl } = metadata
  const env = { SLUICE_LAKE_FOLDER: join(folder, 'lake') }
  const one = running.use(await startProduct({ home: homes[0], databaseUrl, env }))
  await mkdir(homes[1])
  for (const name of ['credentials.json', 'keys'])
    await cp(join(homes[0], name), join(homes[1], name), { recursive: true })
  const two = running.use(
    await startProduct({
      home: homes[1],
      databaseUrl,
      env: { ...env, NODE_OPTIONS: `--import=${anHourAhead}` },
    }),
  )
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

test('a node that got the keys of the first one before a delivery was made signs as it does', async () => {
  const [one, two] = await Promise.all(
    homes.map((home) => readFile(join(home, 'keys', 'manifest-signing.pem'), 'utf8')),
  )
  expect(two).toBe(one)
})

test('a node whose clock is wrong has the time of the others', async () => {
  await nodes[1].run('CREATE TABLE made_when AS SELECT 1 AS n')
  const [dataset] = Object.values<{ created: number }>(
    await other.must('GET', '/data/foundation/catalog/dataSets?name=made_when'),
  )
  expect(Math.abs((dataset?.created ?? 0) - Date.now())).toBeLessThan(60_000)
})

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

/** A server that has not what was asked says which one has. */
async function elsewhere(answer: Promise<Answer>, node: unknown): Promise<void> {
  const { status, text } = await answer
  expect(status, text).toBe(421)
  expect(text).toContain(node)
}

test('a batch is uploaded to one node, completed at the other, and read at both', async () => {
  const [one, two] = nodes
  await one.run('CREATE TABLE shared AS SELECT 1 AS n')
  const sets = await two.call<Record<string, { name: string }>>('GET', '/data/foundation/catalog/dataSets')
  const datasetId = Object.entries(sets).find(([, { name }]) => name === 'shared')?.[0]
  const { node } = await one.call('GET', '/sluice/v1/status')
  const batches = '/data/foundation/import/batches'
  const { id } = await two.call('POST', batches, { datasetId, inputFormat: { format: 'json' } })
  const files = `${batches}/${String(id)}/datasets/${datasetId}/files`
  await one.upload(`${files}/a.json`, '{"n":2}')
  await elsewhere(
    other.ask('PUT', `${files}/b.json`, {}, { 'content-type': 'application/octet-stream' }),
    node,
  )
  await elsewhere(other.ask('POST', `${files}/b.json?action=INITIALIZE`), node)
  await two.call('POST', `${batches}/${String(id)}?action=COMPLETE`)
  const batch = async () =>
    (await other.must('GET', `/data/foundation/catalog/batches/${String(id)}`))[String(id)]
  await expect.poll(async () => (await batch()).status, { timeout: 30_000 }).toBe('success')
  expect(await batch()).toMatchObject({ 'sluice/node': node, recordCount: 1 })
  for (const server of nodes) expect(await server.rows('SELECT n FROM shared ORDER BY n')).toEqual([[1], [2]])
})

test('copies and kept results are fetched from the node that made them, which the other one names', async () => {
  const [one, two] = nodes
  const [atOne, atTwo] = await Promise.all(nodes.map((node) => node.call('GET', '/sluice/v1/status')))
  await one.run("COPY (SELECT 1 AS a) TO '%scratch_space%/few'")
  const { copies } = await other.must('GET', '/sluice/v1/scratch-space')
  const address = `/sluice/v1/scratch-space/${copies[0].id}/files/${copies[0].files[0].name}`
  await one.text(address)
  await elsewhere(other.ask('GET', address), atOne?.['node'])

  const { id } = await two.call('POST', '/sluice/v1/results', { sql: 'SELECT 1 AS a' })
  const result = `/sluice/v1/results/${String(id)}`
  await expect.poll(async () => (await other.must('GET', result)).state, { timeout: 30_000 }).toBe('SUCCESS')
  const asked = await Promise.all(
    nodes.map(async ({ http, headers }) => {
      const answer = await fetch(`${http}${result}/rows`, { headers })
      return { status: answer.status, text: await answer.text() }
    }),
  )
  expect(asked.map(({ status }) => String(status)).toSorted()).toEqual(['200', '421'])
  const refusing = asked[0]?.status === 421 ? 0 : 1
  expect(asked[refusing]?.text).toContain([atTwo, atOne][refusing]?.['node'])
})
