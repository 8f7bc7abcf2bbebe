import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { queryBase as base, queryRequests } from './support/query-requests.ts'
import { type Rest, type RestAnswer, restOf } from './support/rest.ts'
import { type SqlClients, sqlClients } from './support/sql-clients.ts'

/** What a request over REST may say, and where its rows go. */

let folder: string
let product: Product
let rest: Rest
const { ask, submit, ran, triggered } = queryRequests(() => rest)
let clients: SqlClients

beforeAll(async () => {
  folder = passableFolder('query-requests')
  const home = join(folder, 'home')
  // Whatever the machine's zone is, the product's is UTC.
  product = await startProduct({ home, env: { TZ: 'America/New_York' } })
  rest = await restOf({ http: product.http, home })
  clients = sqlClients(product, home)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function scheduled(query: object): Promise<string> {
  const made = await ask('POST', `${base}/schedules`, {
    query: { dbName: 'prod:all', name: 'a schedule', ...query },
    schedule: { schedule: '@once', startDate: '2100-01-01T00:00:00Z' },
  })
  return made.id
}

/** The query of a run by hand, once it has ended. */
const queryOfRun = async (scheduleId: string) =>
  ask('GET', `${base}/queries/${(await triggered(scheduleId)).queryId}`)

describe('blocks', () => {
  const texts = [
    '$$BEGIN SELECT $x; END$$;',
    '$$BEGIN SELECT $x; END $$',
    '$$\nBEGIN SELECT $x; END\n$$;',
    '$$BEGIN SELECT $x; $$END;',
  ]

  test.each(texts)('%j can be submitted with parameters', async (sql) => {
    expect(await ran({ sql, queryParameters: { x: 1 } })).toMatchObject({ state: 'SUCCESS', errors: [] })
  })

  test.each(texts)('%j can be a template, scheduled and asked at once', async (sql) => {
    const template = await ask('POST', `${base}/query-templates`, {
      name: `block ${sql}`,
      sql,
      queryParameters: { x: 1 },
    })
    const id = await scheduled({ templateId: template.id })
    expect(await queryOfRun(id)).toMatchObject({ state: 'SUCCESS', errors: [] })
    const rows = await rest('POST', '/sluice/v1/sql', {
      body: { sql, format: 'json', parameters: { x: '7' } },
    })
    expect(rows).toMatchObject({ status: 200, body: [{ 7: 7 }] })
  })
})

describe('the dataset that a request names', () => {
  const datasets = async (name: string): Promise<RestAnswer['body'][]> =>
    Object.entries(
      await ask('GET', `/data/foundation/catalog/dataSets?name=${encodeURIComponent(name)}`),
    ).map(([id, dataset]) => ({ id, ...(dataset as object) }))
  const tableOf = async (name: string): Promise<string> => {
    const [dataset] = await datasets(name)
    return dataset.tags['adobe/pqs/table'][0]
  }
  const rowsOf = async (name: string) => await product.rows(`SELECT n FROM ${await tableOf(name)} ORDER BY n`)

  test('takes the rows, though others come to the same name in SQL', async () => {
    for (const [index, datasetName] of ['Dup A', 'dup-a', 'Dup  A!', '東京', '大阪'].entries()) {
      const made = await ran({ sql: `SELECT ${index} AS n`, ctasParameters: { datasetName } })
      expect([made.state, made.errors, made._links.created_dataset.id]).toEqual([
        'SUCCESS',
        [],
        (await datasets(datasetName))[0].id,
      ])
      expect(made.effectiveSQL).toBe(`CREATE TABLE "${await tableOf(datasetName)}" AS SELECT ${index} AS n`)
      expect(await rowsOf(datasetName)).toEqual([[index]])
    }
    expect(await tableOf('dup-a')).toBe('dup_a_2')
    expect(await ran({ sql: 'SELECT 9 AS n', insertIntoParameters: { datasetName: 'dup-a' } })).toMatchObject(
      {
        state: 'SUCCESS',
        effectiveSQL: 'INSERT INTO "dup_a_2" SELECT 9 AS n',
      },
    )
    expect([await rowsOf('Dup A'), await rowsOf('dup-a')]).toEqual([[[0]], [[1], [9]]])
    const again = await ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'dup-a' } })
    expect(again).toMatchObject({ state: 'FAILED', errors: [{ code: '42P07' }] })
  })

  test('is made under a name of its own though many are made at once', async () => {
    const names = ['At once', 'at once!', 'AT-ONCE', 'at.once', 'at_once']
    const all = await Promise.all(
      names.map((datasetName) => ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName } })),
    )
    expect(all.map(({ state, errors }) => [state, errors])).toEqual(names.map(() => ['SUCCESS', []]))
    const tables = await Promise.all(names.map(tableOf))
    expect(tables.toSorted()).toEqual(['at_once', 'at_once_2', 'at_once_3', 'at_once_4', 'at_once_5'])
  })

  test('is one, though several schedules and queries make it at once', async () => {
    const ctasParameters = { datasetName: 'All of us' }
    const some = [1, 2, 3, 4]
    const ids = await Promise.all(some.map((n) => scheduled({ sql: `SELECT ${n} AS n`, ctasParameters })))
    const ended = await Promise.all(ids.map(queryOfRun))
    expect(ended.map(({ state, errors }) => [state, errors])).toEqual(some.map(() => ['SUCCESS', []]))
    expect(ended.filter(({ isCTAS }) => isCTAS)).toHaveLength(1)
    expect(await datasets('All of us')).toHaveLength(1)
    expect(await rowsOf('All of us')).toEqual(some.map((n) => [n]))
    const own = { datasetName: 'One of us' }
    const all = await Promise.all(some.map((n) => ran({ sql: `SELECT ${n} AS n`, ctasParameters: own })))
    expect(all.filter(({ state }) => state === 'SUCCESS')).toHaveLength(1)
    expect(all.filter(({ errors }) => errors[0]?.code === '42P07')).toHaveLength(some.length - 1)
    expect(await datasets('One of us')).toHaveLength(1)
  })

  test('can be called as SQL calls it or by its id, and is not guessed', async () => {
    await ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Sales 2024' } })
    const [{ id }] = await datasets('Sales 2024')
    for (const datasetName of [id, 'sales_2024']) {
      const query = await ran({ sql: 'SELECT 2 AS n', insertIntoParameters: { datasetName } })
      expect(query).toMatchObject({
        state: 'SUCCESS',
        effectiveSQL: 'INSERT INTO "sales_2024" SELECT 2 AS n',
      })
    }
    for (const datasetName of ['Sales.2024', 'sales 2024', '京都']) {
      const refused = await rest('POST', `${base}/queries`, {
        body: { dbName: 'prod:all', sql: 'SELECT 1 AS n', insertIntoParameters: { datasetName } },
      })
      expect(refused).toMatchObject({ status: 404, body: { code: 'dataset.unknown' } })
    }
    expect(await rowsOf('Sales 2024')).toEqual([[1], [2], [2]])
  })

  test('is one: of several that are called so none is taken', async () => {
    await ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Twin' } })
    const [{ schemaRef }] = await datasets('Twin')
    await ask('POST', '/data/foundation/catalog/dataSets', { name: 'Twin', schemaRef })
    const [one, two] = await datasets('Twin')
    const insertInto = (datasetName: string) => ({
      dbName: 'prod:all',
      sql: 'SELECT 2 AS n',
      insertIntoParameters: { datasetName },
    })
    expect(await rest('POST', `${base}/queries`, { body: insertInto('Twin') })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining(two.id) },
    })
    expect(await ran(insertInto(one.id))).toMatchObject({ state: 'SUCCESS', rowCount: 1 })
  })

  test('of a schedule is made by its first run, and appended to by those that follow', async () => {
    await ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Week A' } })
    const id = await scheduled({ sql: 'SELECT 5 AS n', ctasParameters: { datasetName: 'week.A' } })
    expect(await queryOfRun(id)).toMatchObject({ state: 'SUCCESS', isCTAS: true, isInsertInto: false })
    expect(await queryOfRun(id)).toMatchObject({
      state: 'SUCCESS',
      effectiveSQL: 'INSERT INTO "week_a_2" SELECT 5 AS n',
      isCTAS: false,
      isInsertInto: true,
    })
    expect([await rowsOf('Week A'), await rowsOf('week.A')]).toEqual([[[1]], [[5], [5]]])
    const lost = await scheduled({ sql: 'SELECT 5 AS n', insertIntoParameters: { datasetName: 'week' } })
    expect(await queryOfRun(lost)).toMatchObject({
      state: 'FAILED',
      errors: [{ message: expect.stringContaining('There is no dataset "week"') }],
    })
  })

  test.each(['Order', 'Group', 'From', 'Select', 'If', 'temp'])('may be called %s', async (datasetName) => {
    expect(await ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName } })).toMatchObject({
      state: 'SUCCESS',
      errors: [],
    })
    expect(await ran({ sql: 'SELECT 2 AS n', insertIntoParameters: { datasetName } })).toMatchObject({
      state: 'SUCCESS',
    })
  })

  test('does not hide a view', async () => {
    await product.run('CREATE VIEW seen_so AS SELECT 1 AS v')
    await ran({ sql: 'SELECT 2 AS n', ctasParameters: { datasetName: 'seen so' } })
    expect(await tableOf('seen so')).toBe('seen_so_2')
    expect(await product.rows('SELECT v FROM seen_so')).toEqual([[1]])
  })

  test.each(['ends with \\', "O'Reilly's \\' title"])('has the schema titled %s', async (title) => {
    const failed = await ran({
      sql: 'SELECT 1 AS n',
      ctasParameters: { datasetName: 'titled', targetSchemaTitle: title },
    })
    expect(failed.errors[0].message).toContain(JSON.stringify(title))
    expect(failed.errors[0].code).not.toBe('42601')
  })

  test('is looked for in the database that the request names', async () => {
    await product.run('CREATE DATABASE shop; CREATE TABLE orders_1 AS SELECT 0 AS n')
    const inShop = { dbName: 'prod:shop' }
    const made = await ran({ ...inShop, sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Orders 1' } })
    expect(made).toMatchObject({ state: 'SUCCESS', errors: [] })
    await ran({ ...inShop, sql: 'SELECT 2 AS n', insertIntoParameters: { datasetName: 'Orders 1' } })
    expect(await product.rows('SELECT n FROM shop.public.orders_1 ORDER BY n')).toEqual([[1], [2]])
    const again = await ran({ ...inShop, sql: 'SELECT 3 AS n', ctasParameters: { datasetName: 'Orders 1' } })
    expect(again).toMatchObject({ state: 'FAILED', errors: [{ code: '42P07' }] })
  })

  test('is made under another name where that of its table is taken in the database', async () => {
    await product.run(`
      CREATE DATABASE crowded; CREATE TABLE crowd AS SELECT 0 AS n; ALTER TABLE crowd ADD SCHEMA crowded.public`)
    const dbName = 'prod:crowded'
    const made = await ran({ dbName, sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Crowd!' } })
    expect(made).toMatchObject({ state: 'SUCCESS', effectiveSQL: 'CREATE TABLE "crowd_2" AS SELECT 1 AS n' })
    const id = await scheduled({ dbName, sql: 'SELECT 2 AS n', ctasParameters: { datasetName: 'CROWD' } })
    for (const _run of [1, 2]) expect(await queryOfRun(id)).toMatchObject({ state: 'SUCCESS', errors: [] })
    expect(await product.rows('SELECT n FROM crowded.public.crowd_2')).toEqual([[1]])
    expect(await product.rows('SELECT n FROM crowded.public.crowd_3')).toEqual([[2], [2]])
    expect(await product.rows('SELECT n FROM crowd')).toEqual([[0]])
  })
})

describe('what a request holds', () => {
  test('may be null where it may be absent', async () => {
    const query = {
      dbName: 'prod:all',
      sql: 'SELECT 1 AS n',
      templateId: null,
      name: null,
      description: null,
      insertIntoParameters: null,
      ctasParameters: { datasetName: 'Nulls', description: null, targetSchemaTitle: null },
    }
    expect(await ran(query)).toMatchObject({ state: 'SUCCESS', isCTAS: true })
    const schedule = { schedule: '@once', startDate: '2100-01-01T00:00:00', endDate: null, timeZone: null }
    const made = await ask('POST', `${base}/schedules`, { query: { sql: 'SELECT 1' }, schedule })
    // A time without an offset is of UTC.
    expect(made.schedule).toEqual({
      schedule: '@once',
      startDate: '2100-01-01T00:00:00.000Z',
      timeZone: 'UTC',
      maxActiveRuns: 1,
    })
    const { results } = await ask('POST', `${base}/accelerated-queries`, { ...query, ctasParameters: null })
    expect(results).toEqual([{ n: 1 }])
    const { request } = await ask('POST', `${base}/queries`, { dbName: null, sql: 'SELECT 1' })
    expect(request.dbName).toBe('prod:all')
    const subscriptions = {
      emailIds: ['ann@example.com'],
      inContextNotifications: null,
      emailNotifications: null,
    }
    const alert = {
      assetId: made.id,
      alertType: 'delay',
      subscriptions,
      delayMinutes: null,
      skippedPercent: null,
    }
    expect((await ask('POST', `${base}/alert-subscriptions`, alert)).subscriptions).toEqual({
      emailIds: ['ann@example.com'],
      inContextNotifications: true,
      emailNotifications: true,
    })
    const account = { technicalAccountName: 'nulls', name: null, assignedToUser: null }
    expect(await ask('POST', '/data/foundation/queryauth/accounts', account)).toMatchObject({
      technicalAccountName: 'nulls',
    })
  })

  test('names the database with its schema, with a point or a colon', async () => {
    await product.run('CREATE TABLE two_rows AS SELECT explode(sequence(1, 2)) AS n')
    for (const dbName of ['prod:all.public', 'prod:all:public', 'prod:all']) {
      const fast = { dbName, sql: 'SELECT count(*) AS n FROM two_rows' }
      expect((await ask('POST', `${base}/accelerated-queries`, fast)).results).toEqual([{ n: 2 }])
      expect(await ran(fast)).toMatchObject({ state: 'SUCCESS' })
    }
    const wrong = { dbName: 'prod:all.elsewhere', sql: 'SELECT 1' }
    expect(await rest('POST', `${base}/queries`, { body: wrong })).toMatchObject({ status: 404 })
    // What is not done is not left out silently: names in double quotes would become texts.
    const flat = { dbName: 'prod:all?FLATTEN', sql: 'SELECT "a.b"' }
    expect(await rest('POST', `${base}/queries`, { body: flat })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('SET flatten = true') },
    })
    expect(await ran({ sql: 'SET flatten = true; SELECT 1' })).toMatchObject({ state: 'SUCCESS' })
  })

  test('is no object where a text stands for it', async () => {
    const body = { sql: "SELECT '$a'", queryParameters: { b: 1, a: { c: 2 } } }
    expect(await rest('POST', `${base}/queries`, { body })).toMatchObject({
      status: 400,
      body: { message: 'body.queryParameters.a: Expected a text, a number, true or false.' },
    })
    expect(
      await rest('POST', `${base}/query-templates`, { body: { ...body, name: 'object' } }),
    ).toMatchObject({
      status: 400,
    })
  })

  test('is no text with a zero, and no time that no calendar has', async () => {
    const zero = 'a\0b'
    for (const [path, body] of [
      ['query-templates', { name: zero, sql: 'SELECT 1' }],
      ['queries', { sql: `SELECT '${zero}'` }],
      ['queries', { sql: 'SELECT 1 AS n', ctasParameters: { datasetName: zero } }],
      ['schedules', { query: { sql: 'SELECT 1', name: zero }, schedule: { schedule: '@once' } }],
      ...[8.64e15, -1e15, 1e300].map((startDate) => [
        'schedules',
        { query: { sql: 'SELECT 1' }, schedule: { schedule: '0 0 1 1 *', startDate } },
      ]),
    ] as [string, object][]) {
      expect(await rest('POST', `${base}/${path}`, { body })).toMatchObject({
        status: 400,
        body: { code: 'request.invalid' },
      })
    }
    for (const path of [
      `${base}/queries?property=${encodeURIComponent(`sql~${zero}`)}`,
      `${base}/query-templates/count?property=${encodeURIComponent(`userId==${zero}`)}`,
      `${base}/alert-subscriptions/user-subscriptions/%00`,
    ])
      expect(await rest('GET', path)).toMatchObject({ status: 400, body: { statusCode: 400 } })
    expect(await rest('GET', '/iceberg/v1/namespaces/%00')).toMatchObject({
      status: 400,
      body: { error: { type: 'BadRequestException' } },
    })
  })

  test.each(['2100-01-01', 'tomorrow', true])(
    'is a time as it is to be written, not %j',
    async (startDate) => {
      const body = { query: { sql: 'SELECT 1' }, schedule: { schedule: '@once', startDate } }
      expect(await rest('POST', `${base}/schedules`, { body })).toMatchObject({
        status: 400,
        body: { message: expect.stringMatching(/schedule\.startDate: .*like 2026-01-31T06:00:00Z/) },
      })
    },
  )

  test('is no half of a character, and no id that none can be', async () => {
    const body = { name: 'a\ud800', description: 'b' }
    for (const path of [
      '/data/foundation/flowservice/connections',
      '/data/foundation/access-control/administration/policies',
    ])
      expect(await rest('POST', path, { body })).toMatchObject({ status: 400 })
    for (const id of ['0', 'zz', '11111111-1111-4111-8111-111111111111'])
      expect(await rest('GET', `/data/foundation/flowservice/connections/${id}/test`)).toMatchObject({
        status: 404,
        body: { type: expect.stringContaining('FLOW-1439-404') },
      })
  })

  test('is refused by what is wrong with it', async () => {
    const { id } = await ask('POST', `${base}/schedules`, {
      query: { sql: 'SELECT 1' },
      schedule: { schedule: '@once', startDate: '2100-01-01T00:00:00Z' },
    })
    const refused = async (body: unknown) => (await rest('PATCH', `${base}/schedules/${id}`, { body })).body
    expect(await refused({ body: [{ op: 'add', path: '/state', value: 'disable' }] })).toMatchObject({
      statusCode: 400,
      message: 'body.body.0.op: Invalid input: expected "replace".',
    })
    expect(await refused([])).toMatchObject({
      message: 'body: Too small: expected array to have >=1 items.',
    })
  })
})

test('texts that would take long to look through are answered as others are', async () => {
  const [placeholders, value] = ['$a'.repeat(400_000), 'x'.repeat(500_000)]
  const blanks = ' '.repeat(900_000)
  const submitted = async (body: object) => (await rest('POST', `${base}/queries`, { body })).body
  expect(await submitted({ sql: `SELECT '${placeholders}'`, queryParameters: { a: value } })).toMatchObject({
    statusCode: 413,
    code: 'request.too_large',
  })
  expect(await submitted({ sql: `SELECT '$a' -- ${"'\\".repeat(400_000)}` })).toMatchObject({
    statusCode: 400,
    code: 'query.parameters',
  })
  expect(await submitted({ sql: `SELECT ${'\r'.repeat(900_000)}#no_such_template` })).toMatchObject({
    statusCode: 400,
    code: 'query.syntax',
  })
  expect(await submitted({ sql: `SELECT INTERVAL '1${blanks}x'` })).toMatchObject({ statusCode: 400 })
  expect((await ran({ sql: `SELECT CAST('1${blanks}x' AS INT)` })).state).toBe('SUCCESS')
})

test('addresses that are not there are told in the form of this API', async () => {
  for (const [method, path] of [
    ['GET', `${base}/nothing?a=b`],
    ['PUT', `${base}/queries/1`],
  ] as const) {
    expect(await rest(method, path)).toMatchObject({
      status: 404,
      body: {
        statusCode: 404,
        message: `There is nothing at ${method} ${path.split('?')[0]}. The addresses are listed at /docs.`,
      },
    })
  }
})

describe('what is told of a query', () => {
  const listed = async (text: string, more = ''): Promise<RestAnswer['body'][]> =>
    (await ask('GET', `${base}/queries?property=${encodeURIComponent(`sql~${text}`)}${more}`)).queries

  test('is the statement that is run, from its submission on', async () => {
    expect(await submit({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Told 1' } })).toMatchObject({
      effectiveSQL: 'CREATE TABLE "told_1" AS SELECT 1 AS n',
      isCTAS: true,
    })
  })

  test('of a session is what it made and where it stored its rows', async () => {
    await clients.connected('prod:all', async (client) => {
      await client.query('CREATE TABLE told_2 AS SELECT 1 AS n')
      await client.query('INSERT INTO told_2 SELECT 2 AS n')
      await client.query('PREPARE told AS INSERT INTO told_2 SELECT 3 AS n')
      await client.query('EXECUTE told')
      await client.query('SELECT n FROM told_2')
    })
    const [dataset] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=told_2'))
    const [select, insert, made] = await listed('told_2', '&orderby=-created')
    const [executed] = await listed('EXECUTE told')
    expect(made).toMatchObject({
      isCTAS: true,
      isInsertInto: false,
      _links: { created_dataset: { id: dataset } },
    })
    for (const one of [insert, executed]) expect(one).toMatchObject({ isCTAS: false, isInsertInto: true })
    expect(select).toMatchObject({ isCTAS: false, isInsertInto: false })
    expect(insert._links.created_dataset ?? select._links.created_dataset).toBeUndefined()
  })

  test('of cursors and of the catalogue is told to whoever asks for what is hidden', async () => {
    const hidden = [
      'DECLARE hidden_cursor CURSOR FOR SELECT 1 AS n',
      'FETCH 1 FROM hidden_cursor',
      'SHOW TABLES',
      "SELECT relname FROM pg_catalog.pg_class WHERE relname = 'hidden_1'",
    ]
    await clients.connected('prod:all', async (client) => {
      for (const sql of hidden) await client.query(sql)
      await expect(client.query('SELECT hidden_2 FROM pg_catalog.pg_class')).rejects.toThrow('hidden_2')
    })
    for (const sql of hidden) {
      expect(await listed(sql)).toEqual([])
      expect(await listed(sql, '&excludeHidden=false')).toMatchObject([{ state: 'SUCCESS' }])
    }
    expect(await listed('hidden_2', '&excludeHidden=false')).toMatchObject([{ state: 'FAILED' }])
  })

  test('is found by a part of its times', async () => {
    const { id, created, updated } = await ran({ sql: 'SELECT 1 AS timed' })
    for (const [field, time] of Object.entries({ created, updated })) {
      const found = async (text: string) =>
        (await ask('GET', `${base}/queries?property=${encodeURIComponent(`${field}~${text},id==${id}`)}`))
          .queries
      expect(await found(time.slice(0, 19))).toMatchObject([{ id }])
      expect(await found(time.slice(11))).toMatchObject([{ id }])
      expect(await found('1999-')).toEqual([])
    }
  })

  test('is found by a time without an offset, which is of UTC', async () => {
    const { id, created } = await ran({ sql: 'SELECT 1 AS timed' })
    const local = created.replace('Z', '')
    const found = async (search: string) => (await ask('GET', `${base}/queries?${search}`)).queries
    expect(await found(`property=created==${local},id==${id}`)).toMatchObject([{ id }])
    expect((await found(`start=${local}&limit=1`))[0].created).toBe(created)
  })
})

test('a list of long texts comes in pages that one answer can hold', async () => {
  const names = Array.from({ length: 34 }, (_, index) => `long ${index}`)
  const sql = `SELECT '${'x'.repeat(999_900)}'`
  for (const name of names) await ask('POST', `${base}/query-templates`, { name, sql })
  const pages: string[][] = []
  let href: string | undefined = `${base}/query-templates?limit=1000&property=name~long`
  for (; href !== undefined;) {
    const page: RestAnswer['body'] = await ask('GET', href)
    pages.push(page.templates.map(({ name }: { name: string }) => name))
    href = page._links.next?.href
  }
  expect(pages.flat().toReversed()).toEqual(names)
  expect(pages.length).toBe(2)
})

test('an error that a statement raises is told as it was raised', async () => {
  const message = 'line 1\n\nLINE 2: see https://example.com/a/b and /etc/hosts\n "3"'
  const sql =
    "SELECT raise_error(concat('line 1\\n\\nLINE 2: see https://example.com/a/b', ' and /etc/hosts\\n \"3\"'))"
  expect((await ran({ sql })).errors).toMatchObject([{ message }])
  await clients.connected('prod:all', async (client) => {
    await expect(client.query(sql)).rejects.toMatchObject({ message: expect.stringContaining(message) })
  })
})

describe('an accelerated query', () => {
  const accelerated = (body: object, headers = {}) =>
    rest('POST', `${base}/accelerated-queries`, { body: { dbName: 'prod:all', ...body }, headers })

  test('is on record under the id that it is answered with', async () => {
    const named = { name: 'quick', description: 'one row' }
    const { body } = await accelerated({ sql: 'SELECT 1 AS quick', ...named })
    expect(body.request).toEqual({ dbName: 'prod:all', sql: 'SELECT 1 AS quick', ...named })
    expect(await ask('GET', `${base}/queries/${body.queryId}`)).toMatchObject({
      state: 'SUCCESS',
      effectiveSQL: 'SELECT 1 AS quick',
      client: 'API',
      rowCount: 1,
    })
  })

  test('gives numbers whole, and all columns of one name', async () => {
    const sql = `SELECT 9007199254740993 AS l, cast('1234567890123456789.0123456789012345678' AS decimal(38, 19)) AS d,
      array(9007199254740993) AS s, 'x' AS s, NULL AS s`
    const answer = await fetch(`${product.http}${base}/accelerated-queries`, {
      method: 'POST',
      headers: { ...product.headers, 'content-type': 'application/json', 'accept-encoding': 'identity' },
      body: JSON.stringify({ dbName: 'prod:all', sql }),
    })
    expect(answer.headers.get('content-encoding')).toBeNull()
    const text = await answer.text()
    expect(text).toContain(
      '"results":[{"l":9007199254740993,"d":1234567890123456789.0123456789012345678,"s":[9007199254740993],"s_2":"x","s_3":null}]',
    )
    expect(Object.keys(JSON.parse(text).resultsMeta._adhoc.properties)).toEqual(['l', 'd', 's', 's_2', 's_3'])
  })

  test.each([
    ['gzip', 'gzip'],
    ['br, gzip;q=0.5', 'gzip'],
    ['gzip;q=0', null],
  ])('whose client accepts %s is answered in %s', async (accepted, encoding) => {
    const answer = await accelerated({ sql: 'SELECT 1 AS n' }, { 'accept-encoding': accepted })
    expect([answer.headers.get('content-encoding'), answer.body.results]).toEqual([encoding, [{ n: 1 }]])
  })
})
