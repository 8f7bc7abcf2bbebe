import { writeFile } from 'node:fs/promises'
import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { asyncBufferFromFile, parquetMetadataAsync } from 'hyparquet'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { signIn } from './support/actor.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { type Rest, type RestAnswer, restOf } from './support/rest.ts'

const results = '/sluice/v1/results'
const rowCount = 400_000
let folder: string
let home: string
let product: Product
let rest: Rest

beforeAll(async () => {
  folder = passableFolder('query-results')
  home = join(folder, 'home')
  product = await startProduct({ home })
  rest = await restOf({ http: product.http, home })
  await product.run('CREATE TABLE digits AS SELECT explode(sequence(0, 9)) AS d')
  await product.run(`CREATE TABLE numbers AS
    SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 100000 * g.d AS n
    FROM digits a, digits b, digits c, digits e, digits f, (SELECT d FROM digits WHERE d < 4) g`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function kept(body: object, search = ''): Promise<RestAnswer['body']> {
  const { body: made } = await rest('POST', results, { body })
  let result: RestAnswer['body']
  await expect
    .poll(async () => (result = (await rest('GET', `${results}/${made.id}${search}`)).body).state, {
      timeout: 60_000,
    })
    .not.toMatch(/SUBMITTED|IN_PROGRESS/)
  return result
}

const bytesAt = async (href: string) => new Uint8Array(await (await fetch(product.http + href)).arrayBuffer())

test('a result of some megabytes comes in several parts by itself', async () => {
  const result = await kept({ sql: 'SELECT n, md5(cast(n AS string)) AS hash FROM numbers' })
  expect(result.parts.length).toBeGreaterThan(2)
})

test('a result is read in parts by signed links, in Parquet and Arrow, whole and in order', async () => {
  const sql = 'SELECT n, md5(cast(n AS string)) AS hash, n AS n FROM numbers ORDER BY n'
  const result = await kept({ sql, partBytes: 65_536 })
  expect(result).toMatchObject({ state: 'SUCCESS', rowCount })
  expect(result.columns.map(({ name }: { name: string }) => name)).toEqual(['n', 'hash', 'n_2'])
  expect(result.parts.length).toBeGreaterThan(2)
  const sizes = result.parts.map((part: { rowCount: number }) => part.rowCount)
  expect(sizes.reduce((sum: number, size: number) => sum + size, 0)).toBe(rowCount)

  // No token: who has the link has the part.
  const files = await Promise.all(result.parts.map((part: { href: string }) => bytesAt(part.href)))
  for (const [index, bytes] of files.entries()) {
    const path = join(folder, `part-${index}`)
    await writeFile(path, bytes)
    const { num_rows: rows } = await parquetMetadataAsync(await asyncBufferFromFile(path))
    expect([Number(rows), bytes.byteLength]).toEqual([sizes[index], result.parts[index].bytes])
  }
  // Readers of Parquet look at its end first.
  const ends = await fetch(product.http + result.parts[0].href, { headers: { range: 'bytes=-4' } })
  expect([ends.status, ends.headers.get('content-range'), await ends.text()]).toEqual([
    206,
    `bytes ${result.parts[0].bytes - 4}-${result.parts[0].bytes - 1}/${result.parts[0].bytes}`,
    'PAR1',
  ])
  const arrow = (await rest('GET', `${results}/${result.id}?format=arrow`)).body
  const numbers: number[] = []
  for (const { href } of arrow.parts) {
    const column = tableFromIPC(RecordBatchReader.from(await bytesAt(href))).getChild('n')
    for (const value of column ?? []) numbers.push(Number(value))
  }
  expect([numbers.length, numbers.findIndex((value, n) => value !== n)]).toEqual([rowCount, -1])

  for (const change of [
    (href: string) => href.replace('/parts/0', '/parts/1'),
    (href: string) => href.replace('format=parquet', 'format=arrow'),
    (href: string) => href.replace(/expires=(\d)/, 'expires=9$1'),
    (href: string) => href.replace(/signature=.{4}/, 'signature=AAAA'),
    (href: string) => href.replace(result.id, '00000000-0000-4000-8000-000000000001'),
  ]) {
    const answer = await fetch(product.http + change(result.parts[0].href))
    expect([answer.status, await answer.json()]).toMatchObject([403, { code: 'access.denied' }])
  }
  const short = (await rest('GET', `${results}/${result.id}?linkSeconds=1`)).body
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  expect((await fetch(product.http + short.parts[0].href)).status).toBe(403)

  const page = (await rest('GET', `${results}/${result.id}/rows?start=${rowCount - 3}&limit=2`)).body
  expect(page).toMatchObject({ start: rowCount - 3, count: 2, totalCount: rowCount })
  expect(page.rows.map(({ n }: { n: number }) => n)).toEqual([rowCount - 3, rowCount - 2])
  expect((await rest('GET', page._links.next.href)).body).toMatchObject({ count: 1, _links: {} })
  // Across the borders of parts.
  const border = sizes[0] - 2
  const across = (await rest('GET', `${results}/${result.id}/rows?start=${border}&limit=4`)).body
  expect(across.rows.map(({ n }: { n: number }) => n)).toEqual([0, 1, 2, 3].map((more) => border + more))
})

test('as streams: JSON lines, CSV and Arrow; nothing at all, too', async () => {
  const { id } = await kept({
    sql: 'SELECT n, cast(NULL AS string) AS none FROM numbers WHERE n < $most ORDER BY n',
    parameters: { most: 3 },
  })
  const stream = async (format: string, more = '') =>
    (await rest('GET', `${results}/${id}/rows?format=${format}${more}`)).body
  expect(await stream('ndjson', '&start=1')).toBe('{"n":1,"none":null}\n{"n":2,"none":null}\n')
  expect(await stream('csv', '&limit=2')).toBe('n,none\n0,\n1,\n')
  const empty = await kept({ sql: 'SELECT n FROM numbers WHERE n < 0' })
  expect(empty).toMatchObject({ state: 'SUCCESS', rowCount: 0, parts: [], columns: [{ name: 'n' }] })
  expect((await rest('GET', `${results}/${empty.id}/rows`)).body).toMatchObject({ rows: [], totalCount: 0 })
})

test('a colleague with the same rights gets nothing of it, and links end with the rights of who made them', async () => {
  const access = '/data/foundation/access-control/administration'
  const admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
  const { items } = await admin.must('GET', `${access}/roles`)
  const role = items.find(({ name }: { name: string }) => name === 'Default production all access')
  const made = await admin.must('POST', '/sluice/v1/api-clients', { name: 'colleague', roles: [role.id] })
  const colleague = await signIn(product.http, { ...admin.credentials, ...made })
  const own = await kept({ sql: 'SELECT 1 AS a' })
  for (const [method, path] of [
    ['GET', `${results}/${own.id}`],
    ['GET', `${results}/${own.id}/rows`],
    ['DELETE', `${results}/${own.id}`],
  ] as const) {
    expect((await colleague.ask(method, path)).status).toBe(404)
  }
  const { id } = await colleague.must('POST', results, { sql: 'SELECT 2 AS a' })
  const theirs = () => colleague.must('GET', `${results}/${id}`)
  await expect.poll(async () => (await theirs()).state, { timeout: 60_000 }).toBe('SUCCESS')
  const [{ href }] = (await theirs()).parts
  expect((await fetch(product.http + href)).status).toBe(200)
  await admin.must('PATCH', `${access}/roles/${role.id}/subjects`, {
    op: 'remove',
    path: '/api-credential',
    value: made.clientId,
  })
  expect((await fetch(product.http + href)).status).toBe(403)
})

test('rows and links are refused to who may not see any more what they were read from', async () => {
  const roles = '/data/foundation/access-control/administration/roles'
  const admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
  const role = await admin.must('POST', roles, {
    name: 'readers for a while',
    permissionSets: ['manage-queries', 'view-datasets'],
    sandboxes: ['prod'],
  })
  const made = await admin.must('POST', '/sluice/v1/api-clients', { name: 'reader', roles: [role.id] })
  const reader = await signIn(product.http, { ...admin.credentials, ...made })
  await reader.must('POST', '/data/foundation/query/queries', {
    dbName: 'prod:all',
    sql: "COPY digits TO '%scratch_space%/mine'",
  })
  const { id } = await reader.must('POST', results, { sql: 'SELECT d FROM digits' })
  const kept = () => reader.must('GET', `${results}/${id}`)
  await expect.poll(async () => (await kept()).state, { timeout: 60_000 }).toBe('SUCCESS')
  const copies = async () => (await reader.must('GET', '/sluice/v1/scratch-space')).copies
  await expect.poll(async () => (await copies()).length, { timeout: 60_000 }).toBe(1)
  const [{ href }] = (await kept()).parts
  const [copy] = await copies()
  const statuses = async () => [
    (await reader.ask('GET', `${results}/${id}/rows`)).status,
    (await reader.ask('GET', `${results}/${id}/rows?format=csv`)).status,
    (await fetch(product.http + href)).status,
    (await reader.ask('GET', `/sluice/v1/scratch-space/${copy.id}/files/${copy.files[0].name}`)).status,
  ]
  expect(await statuses()).toEqual([200, 200, 200, 200])
  await admin.must('PATCH', `${roles}/${role.id}`, [{ op: 'remove', path: '/permissionSets/view-datasets' }])
  expect(await statuses()).toEqual([403, 403, 403, 403])
  expect(await reader.ask('DELETE', `${results}/${id}`)).toMatchObject({ status: 204 })
})

test('LIMIT 0 means all rows, as everywhere', async () => {
  expect(await kept({ sql: 'SELECT d FROM digits LIMIT 0' })).toMatchObject({ rowCount: 10 })
})

test('rows of a query that failed, or was stopped, are never awaited', async () => {
  const { id } = await kept({ sql: "SELECT raise_error('no luck') AS a" })
  const answer = await rest('GET', `${results}/${id}/rows`)
  expect([answer.status, answer.body.detail]).toEqual([409, expect.stringMatching(/FAILED.*no luck/)])
})

test('a result that failed says why; one that was deleted leaves no file', async () => {
  expect(await kept({ sql: "SELECT raise_error('no result') AS a" })).toMatchObject({
    state: 'FAILED',
    error: { message: expect.stringContaining('no result') },
  })
  for (const sql of ['CREATE TABLE no AS SELECT 1', 'SELECT 1; SELECT 2', 'SELEC']) {
    expect(await rest('POST', results, { body: { sql } })).toMatchObject({ status: 400 })
  }
  const { id } = await kept({ sql: 'SELECT 1 AS a' })
  expect(readdirSync(join(home, 'results'))).toContain(id)
  expect(await rest('DELETE', `${results}/${id}`)).toMatchObject({ status: 204 })
  expect(await rest('GET', `${results}/${id}`)).toMatchObject({ status: 404 })
  expect(readdirSync(join(home, 'results'))).not.toContain(id)
})

test('a query in the background that takes too long is stopped, kept or not', async () => {
  const home = join(folder, 'hurried')
  await using hurried = await startProduct({ home, env: { SLUICE_LIMITS_BATCH_TIMEOUT_MS: '1s' } })
  const ask = await restOf({ http: hurried.http, home })
  // More rows than anybody counts.
  const sql = `SELECT count(*) AS n FROM ${['a', 'b', 'c'].map((name) => `(SELECT explode(sequence(1, 1000000)) AS ${name})`).join(', ')} WHERE hash(a, b, c) = 1`
  const queries = '/data/foundation/query/queries'
  for (const path of [results, queries]) {
    const { body: made } = await ask('POST', path, { body: { sql } })
    await expect
      .poll(async () => (await ask('GET', `${path}/${made.id}`)).body.state, { timeout: 100_000 })
      .toBe('TIMEOUT')
    expect(await ask('GET', `${queries}/${made.id}`)).toMatchObject({
      body: { errors: [{ code: '53400', message: 'The query ran longer than 1 s.' }] },
    })
  }
})
