import { once } from 'node:events'
import { mkdtemp, chmod, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startProduct, type Product } from './support/product.ts'

let base: string
let product: Product

beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-http-')
  await chmod(base, 0o711)
  product = await startProduct({ home: join(base, 'home') })
  await product.run(`CREATE TABLE digits AS SELECT explode(sequence(0, 9)) AS d`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

const millions = `SELECT a.d, b.d, c.d, 'a text that takes some room on its way to the client' AS filler
  FROM digits a, digits b, digits c, digits e, digits f, digits g, digits h`

async function token(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  const { clientId, clientSecret } = JSON.parse(
    await readFile(join(base, 'home', 'credentials.json'), 'utf8'),
  )
  const answer = await fetch(
    `${product.http}/ims/token/v2?grant_type=client_credentials&client_id=${clientId}&client_secret=${clientSecret}`,
    { method: 'POST' },
  )
  return ((await answer.json()) as { access_token: string }).access_token
}

async function ask(sql: string, format: string, given?: string): Promise<Response> {
  return await fetch(`${product.http}/sluice/v1/sql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${given ?? (await token())}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sql, format }),
  })
}

test('it is healthy and ready, and its metrics and description are there', async () => {
  expect(await (await fetch(`${product.http}/health`)).json()).toEqual({ status: 'ok' })
  expect(await (await fetch(`${product.http}/ready`)).json()).toEqual({ status: 'ready', problems: [] })
  const metrics = await fetch(`${product.http}/metrics`, {
    headers: { authorization: `Bearer ${await token()}` },
  })
  expect(await metrics.text()).toMatch(/sluice_engine_children [1-9]/)
  expect(
    Object.keys(((await (await fetch(`${product.http}/openapi.json`)).json()) as { paths: object }).paths),
  ).toContain('/sluice/v1/sql')
})

test('many who make tables at the same moment do not keep each other waiting', async () => {
  const one = await token()
  const made = Array.from({ length: 40 }, (_, index) =>
    ask(`CREATE TABLE made_${index} (id int)`, 'json', one),
  )
  const startedAt = performance.now()
  expect((await Promise.all(made)).filter(({ status }) => status !== 200)).toEqual([])
  // Far less than whoever waits for a connection to our database waits.
  expect(performance.now() - startedAt).toBeLessThan(15_000)
}, 60_000)

test('a result is the same in every format', async () => {
  const sql = 'SELECT d, cast(d AS decimal(10, 2)) / 4 AS quarter FROM digits WHERE d < 3 ORDER BY d'
  expect(await (await ask(sql, 'csv')).text()).toMatch(/^d,quarter\n0,0(?:\.0+)?\n1,0\.250*\n2,0\.50*\n$/)
  expect(await (await ask(sql, 'json')).json()).toMatchObject([{ d: 0 }, { d: 1, quarter: 0.25 }, { d: 2 }])
  const nulls = 'SELECT d, cast(NULL AS string) AS none FROM digits WHERE d = 1'
  expect(await (await ask(nulls, 'json')).json()).toEqual([{ d: 1, none: null }])
  const keys =
    "SELECT map(d = 1, map(1.5D, 1)) AS a, map(timestamp '2020-01-01 00:00:00', 1) AS b, map('\"', 1) AS c FROM digits WHERE d = 1"
  expect(await (await ask(keys, 'json')).json()).toEqual([
    { a: { true: { 1.5: 1 } }, b: { '2020-01-01T00:00:00.000Z': 1 }, c: { '"': 1 } },
  ])
  expect((await (await ask(sql, 'ndjson')).text()).trim().split('\n')).toHaveLength(3)
  const arrow = tableFromIPC(new Uint8Array(await (await ask(sql, 'arrow')).arrayBuffer()))
  expect([arrow.numRows, arrow.schema.fields.map((field) => field.name)]).toEqual([3, ['d', 'quarter']])
})

test('an answer in one format is whole, or says why it is not', async () => {
  for (const format of ['json', 'csv', 'arrow']) {
    const answer = await ask('SELECT 1 AS a; SELECT 2 AS b', format)
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'query.unsupported' }])
  }
  expect(await (await ask('SET auto_to_json = true', 'json')).json()).toEqual([])
  const twice = 'SELECT 1 AS a, 2 AS a, 3 AS b'
  expect(await (await ask(twice, 'json')).text()).toBe('[{"a":1,"a_2":2,"b":3}]\n')
  expect(await (await ask(twice, 'ndjson')).text()).toBe('{"a":1,"a_2":2,"b":3}\n')
})

test('what is wrong is said with its place, and nothing of the inside', async () => {
  const answer = await ask('SELECT nothing FROM digits', 'json')
  const body = await answer.text()
  expect([answer.status, JSON.parse(body)]).toMatchObject([
    400,
    { code: 'query.unknown_column', position: { line: 1 } },
  ])
  expect(body).not.toMatch(/node_modules|src\/|duckdb/i)
})

test('an address that no text can be is refused as other requests are', async () => {
  const answer = await fetch(`${product.http}/data/foundation/catalog/batches/%ff`)
  expect([answer.status, await answer.json()]).toEqual([
    400,
    {
      type: 'about:blank',
      title: 'Bad request',
      status: 400,
      detail: 'The address holds a % that begins no character of UTF-8.',
      code: 'request.invalid',
      requestId: expect.any(String),
    },
  ])
})

test('a client that goes away ends its statement', async () => {
  const before = await runningStatements()
  expect(before).toBe(0)
  const { hostname, port } = new URL(product.http)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const body = JSON.stringify({ sql: millions, format: 'ndjson' })
  socket.write(
    `POST /sluice/v1/sql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${await token()}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await once(socket, 'readable')
  expect(await runningStatements()).toBe(1) // Nothing is read: it waits.
  socket.destroy()
  await expect.poll(runningStatements).toBe(0)
})

async function runningStatements(): Promise<number> {
  const { engine } = await product.call<{ engine: { children: { statements: number }[] } }>(
    'GET',
    '/sluice/v1/status',
  )
  return engine.children.reduce((sum, child) => sum + child.statements, 0)
}

test('a query in the background is followed by its id', async () => {
  const base = '/data/foundation/query'
  const made = await product.call<{ id: string }>('POST', `${base}/queries`, {
    dbName: 'prod:all',
    sql: 'CREATE TABLE even AS SELECT d FROM digits WHERE d % 2 = $rest',
    queryParameters: { rest: '0' },
  })
  const state = async () => (await product.call<{ state: string }>('GET', `${base}/queries/${made.id}`)).state
  await expect.poll(state).not.toMatch(/SUBMITTED|IN_PROGRESS/)
  expect(await state()).toBe('SUCCESS')
  expect(await product.rows('SELECT count(*) AS n FROM even')).toEqual([[5]])
  await expect(product.call('POST', `${base}/queries`, { dbName: 'prod:all', sql: 'SELEC' })).rejects.toThrow(
    ': 400',
  )
})
