import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startMailServer } from './support/mail-server.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { queryBase as base, queryRequests, waiting } from './support/query-requests.ts'
import { type Rest, type RestAnswer, restOf } from './support/rest.ts'

const alerts = `${base}/alert-subscriptions`
const far = '2100-01-01T00:00:00Z'
/** Nobody waits for its end. */
const endless = `SELECT count(*) AS n FROM ${'abcdefghijklmnop'
  .split('')
  .map((letter) => `digits ${letter}`)
  .join(', ')} WHERE a.d + b.d + c.d > random()`

let folder: string
let product: Product
let rest: Rest
const { ask, submit, ended, ran, triggered } = queryRequests(() => rest)
let mail: Awaited<ReturnType<typeof startMailServer>>

beforeAll(async () => {
  folder = passableFolder('query-api')
  mail = await startMailServer()
  const home = join(folder, 'home')
  product = await startProduct({
    home,
    env: { SLUICE_NOTIFY_SMTP_URL: mail.url, SLUICE_NOTIFY_PRIVATE_ADDRESSES: 'allowed' },
  })
  rest = await restOf({ http: product.http, home })
  await product.run('CREATE TABLE digits AS SELECT explode(sequence(0, 9)) AS d')
  await product.run("CREATE TABLE visits AS SELECT 1 AS id, 'a' AS page UNION ALL SELECT 2, 'b'")
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await mail[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

async function scheduled(query: object, schedule: object = {}): Promise<string> {
  const made = await ask('POST', `${base}/schedules`, {
    query: { dbName: 'prod:all', ...query },
    schedule: { schedule: '@once', startDate: far, ...schedule },
  })
  return made.id
}

describe('queries', () => {
  test('that read nothing are answered before they are on record, and are on record when one looks', async () => {
    const count = 40
    const found = encodeURIComponent('sql~told_at_once')
    await Promise.all(Array.from({ length: count }, () => product.run('SELECT 7 AS told_at_once')))
    const { queries } = await ask('GET', `${base}/queries?property=${found}&limit=100`)
    expect(queries.map(({ state, rowCount }: RestAnswer['body']) => [state, rowCount])).toEqual(
      Array.from({ length: count }, () => ['SUCCESS', 1]),
    )
    await expect(product.run('SELECT raise_error(told_at_once_not)')).rejects.toThrow('told_at_once_not')
    const failed = await ask('GET', `${base}/queries?property=${found}&property=state==FAILED`)
    expect(failed.queries).toMatchObject([{ rowCount: 0, errors: [{ message: expect.any(String) }] }])
  })

  test('run in the background and say what became of them', async () => {
    const submitted = await rest('POST', `${base}/queries`, {
      body: { dbName: 'prod:all', sql: 'CREATE TABLE copy AS SELECT * FROM visits', name: 'copying' },
    })
    expect(submitted).toMatchObject({
      status: 202,
      body: { state: 'SUBMITTED', isCTAS: true, isInsertInto: false, client: 'API', version: 1, errors: [] },
    })
    const query = await ended(submitted.body.id)
    const [dataset] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=copy'))
    const [visits] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=visits'))
    expect(query).toMatchObject({
      id: submitted.body.id,
      request: { dbName: 'prod:all', sql: 'CREATE TABLE copy AS SELECT * FROM visits', name: 'copying' },
      state: 'SUCCESS',
      rowCount: 2,
      _links: {
        self: { href: `${base}/queries/${submitted.body.id}`, method: 'GET' },
        soft_delete: { method: 'PATCH', body: '{"op":"soft_delete"}' },
        referenced_datasets: [{ id: visits }],
        created_dataset: { id: dataset, href: `/data/foundation/catalog/dataSets/${dataset}` },
      },
    })
    expect(query._links.cancel).toBeUndefined()
    expect(Date.parse(query.updated)).toBeGreaterThan(Date.parse(query.created))
  })

  test('make a dataset of a SELECT, or append to one', async () => {
    const made = await ran({
      sql: 'SELECT 1 AS n;',
      ctasParameters: { datasetName: 'Made By Ctas', description: 'From a test' },
    })
    expect(made).toMatchObject({ state: 'SUCCESS', isCTAS: true, rowCount: 1 })
    expect(made.effectiveSQL).toBe('CREATE TABLE "made_by_ctas" AS SELECT 1 AS n')
    const dataset = await ask('GET', made._links.created_dataset.href)
    expect(dataset[made._links.created_dataset.id]).toMatchObject({
      name: 'Made By Ctas',
      description: 'From a test',
    })
    const appended = await ran({
      sql: 'WITH two AS (SELECT 2 AS n) SELECT n FROM two',
      insertIntoParameters: { datasetName: 'Made By Ctas' },
    })
    expect(appended).toMatchObject({ state: 'SUCCESS', isInsertInto: true, rowCount: 1 })
    expect(await product.rows('SELECT n FROM made_by_ctas ORDER BY n')).toEqual([[1], [2]])
    const twice = await ran({ sql: 'SELECT 1 AS n', ctasParameters: { datasetName: 'Made By Ctas' } })
    expect(twice).toMatchObject({ state: 'FAILED', errors: [{ code: '42P07', errorType: 'USER_ERROR' }] })
  })

  test.each([
    [{ sql: 'SELEC 1' }, 'query.syntax'],
    [{}, 'request.invalid'],
    [{ sql: 'SELECT 1', templateId: 'x' }, 'request.invalid'],
    [{ sql: 'SELECT $a' }, 'query.parameters'],
    [{ sql: 'INSERT INTO visits SELECT 1', ctasParameters: { datasetName: 'x' } }, 'request.invalid'],
    [{ sql: 'SELECT 1', dbName: 'other:all' }, 'request.invalid'],
    [{ sql: '-- nothing' }, 'query.syntax'],
  ])('%j is refused before it is stored', async (body, code) => {
    const answer = await rest('POST', `${base}/queries`, { body: { dbName: 'prod:all', ...body } })
    expect([answer.status, answer.body]).toMatchObject([
      400,
      { statusCode: 400, message: expect.any(String), code },
    ])
  })

  test('fill in parameters, those of a template unless others are given', async () => {
    const template = await ask('POST', `${base}/query-templates`, {
      name: 'pages_of',
      sql: "SELECT '$what' AS what, count(*) AS n FROM $table",
      queryParameters: { table: 'visits', what: 'all' },
    })
    const query = await ran({
      templateId: template.id,
      queryParameters: { $what: 'some', nothing: 1 },
      ctasParameters: { datasetName: 'filled' },
    })
    expect(query).toMatchObject({ state: 'SUCCESS', templateName: 'pages_of' })
    expect(await product.rows('SELECT what, n FROM filled')).toEqual([['some', 2]])
    const inline = await ran({
      sql: 'SELECT * FROM (#pages_of) -- #pages_of is not looked for here',
      queryParameters: { what: 'inline', table: 'visits' },
      insertIntoParameters: { datasetName: 'filled' },
    })
    expect(inline).toMatchObject({ state: 'SUCCESS' })
    expect(await product.rows('SELECT what FROM filled ORDER BY what')).toEqual([['inline'], ['some']])
  })

  test('that copy to the scratch space say where, also when they fail afterwards', async () => {
    const copyTo = (place: string) => `COPY (SELECT id FROM visits) TO '%scratch_space%/by/${place}'`
    const query = await ran({ sql: copyTo('rest') })
    const copies = async (): Promise<RestAnswer['body'][]> =>
      (await ask('GET', '/sluice/v1/scratch-space')).copies
    const [copy] = await copies()
    expect(copy).toMatchObject({
      copyURI: `scratch-space/by/rest/${query.id}`,
      rowCount: 2,
    })
    expect(query).toMatchObject({ state: 'SUCCESS', rowCount: 2, isCTAS: false, copyURI: copy.copyURI })
    const failed = await ran({ sql: `${copyTo('first')}; ${copyTo('last')}; SELECT raise_error('late')` })
    const [last, first] = await copies()
    expect(failed).toMatchObject({ state: 'FAILED', copyURI: last.copyURI })
    expect([last.copyURI, first.copyURI]).toEqual([
      `scratch-space/by/last/1-${failed.id}`,
      `scratch-space/by/first/${failed.id}`,
    ])
    await product.run(copyTo('session'))
    const listed = await ask('GET', `${base}/queries?property=${encodeURIComponent('sql~by/session')}`)
    const [{ id }] = listed.queries
    expect(listed.queries).toMatchObject([{ rowCount: 2, copyURI: `scratch-space/by/session/${id}` }])
    expect((await copies())[0]).toMatchObject({ id, copyURI: `scratch-space/by/session/${id}` })
    const block = await ran({ sql: `$$ BEGIN ${copyTo('a')}; ${copyTo('a')}; END $$` })
    expect(block).toMatchObject({ copyURI: `scratch-space/by/a/0-1-${block.id}`, rowCount: 4 })
    expect(await ran({ sql: 'SELECT 1 AS uncopied' })).not.toHaveProperty('copyURI')
  })

  test('are cancelled, and then not again', async () => {
    const { id } = await submit({
      sql: `CREATE TABLE never AS ${endless}`,
    })
    await expect
      .poll(async () => (await ask('GET', `${base}/queries/${id}`)).state, waiting)
      .toBe('IN_PROGRESS')
    expect(await rest('PATCH', `${base}/queries/${id}`, { body: { op: 'soft_delete' } })).toMatchObject({
      status: 409,
    })
    expect(await rest('PATCH', `${base}/queries/${id}`, { body: { op: 'cancel' } })).toMatchObject({
      status: 202,
      body: { message: 'Query cancel request received', statusCode: 202 },
    })
    expect(await ended(id)).toMatchObject({ state: 'KILLED' })
    expect(await rest('PATCH', `${base}/queries/${id}`, { body: { op: 'cancel' } })).toMatchObject({
      status: 409,
      body: { statusCode: 409, code: 'query.ended' },
    })
  })

  test('can be cancelled while a session runs them', async () => {
    const running = product.rows(endless.replace('AS n', 'AS endless'))
    running.catch(() => {})
    const find = `${base}/queries?property=${encodeURIComponent('sql~endless,state==IN_PROGRESS')}`
    await expect.poll(async () => (await ask('GET', find)).queries.length, waiting).toBe(1)
    const [{ id }] = (await ask('GET', find)).queries
    await ask('PATCH', `${base}/queries/${id}`, { op: 'cancel' })
    await expect(running).rejects.toThrow(/cancelled/)
    expect(await ended(id)).toMatchObject({ state: 'KILLED', client: 'REST' })
  })

  test('show nobody the table that they make before its rows are there', async () => {
    const making = product.run(`CREATE TABLE half_made AS ${endless}`)
    making.catch(() => {})
    const listed = async () =>
      Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?property=name%3D%3Dhalf_made')).length
    await expect.poll(listed, waiting).toBe(1)
    await expect(product.rows('SELECT * FROM half_made')).rejects.toThrow('There is no table half_made.')
    expect((await product.rows('SHOW TABLES')).map(([name]) => name)).not.toContain('half_made')
    await expect(product.run('CREATE TABLE half_made AS SELECT 1 AS a')).rejects.toThrow(
      /There is a table .*half_made.* already/,
    )
    const find = `${base}/queries?property=${encodeURIComponent('sql~half_made AS SELECT count,state==IN_PROGRESS')}`
    const [{ id }] = (await ask('GET', find)).queries
    await ask('PATCH', `${base}/queries/${id}`, { op: 'cancel' })
    await expect(making).rejects.toThrow(/cancelled/)
    await product.run('CREATE TABLE half_made AS SELECT 1 AS a')
    expect(await product.rows('SELECT a FROM half_made')).toEqual([[1]])
  })

  test('are out of lists when they are deleted, and can still be read', async () => {
    const { id } = await ran({ sql: 'SELECT 1 AS to_be_deleted' })
    const find = `${base}/queries?property=${encodeURIComponent('sql~to_be_deleted')}`
    expect((await ask('GET', find)).queries).toHaveLength(1)
    expect(await rest('DELETE', `${base}/queries/${id}`)).toMatchObject({ status: 202 })
    expect((await ask('GET', find)).queries).toEqual([])
    expect((await ask('GET', `${find}&excludeSoftDeleted=False`)).queries).toMatchObject([{ id }])
    expect(await ask('GET', `${base}/queries/${id}`)).toMatchObject({ isSoftDeleted: true })

    const second = await ran({ sql: 'SELECT 2 AS to_be_deleted' })
    await rest('DELETE', `${base}/queries/${second.id}`)
    const page = await ask('GET', `${find}&excludeSoftDeleted=false&limit=1`)
    expect(page.queries).toMatchObject([{ id: second.id }])
    expect((await ask('GET', page._links.next.href)).queries).toMatchObject([{ id }])
  })

  test('come in pages that neither repeat nor leave out, forth and back', async () => {
    const ids: string[] = []
    // At the same time: some are of the same millisecond.
    const made = await Promise.all(
      Array.from({ length: 7 }, (_, n) => submit({ sql: `SELECT ${n} AS paged` })),
    )
    for (const { id } of made) ids.push((await ended(id)).id)
    const property = encodeURIComponent('sql~AS paged,client==API')
    for (const orderby of ['-created', '+created', '-updated']) {
      const pages: string[][] = []
      const backs: string[] = []
      let href = `${base}/queries?limit=2&orderby=${encodeURIComponent(orderby)}&property=${property}`
      for (;;) {
        const { queries, _links, _page } = await ask('GET', href)
        pages.push(queries.map(({ id }: { id: string }) => id))
        expect(_page).toMatchObject({ orderby, count: queries.length })
        if (_links.prev) backs.push(_links.prev.href)
        if (!_links.next) break
        href = _links.next.href
      }
      expect(pages.map((page) => page.length)).toEqual([2, 2, 2, 1])
      expect(new Set(pages.flat())).toEqual(new Set(ids))
      for (const [index, back] of backs.entries()) {
        const page = await ask('GET', back)
        expect(page.queries.map(({ id }: { id: string }) => id)).toEqual(pages[index])
        // And on again from there.
        const on = await ask('GET', page._links.next.href)
        expect(on.queries.map(({ id }: { id: string }) => id)).toEqual(pages[index + 1])
        expect(page._page.next).toBe(on._page.start)
      }
      const offset = await ask(
        'GET',
        `${base}/queries?start=5&orderby=${encodeURIComponent(orderby)}&property=${property}`,
      )
      expect(offset.queries.map(({ id }: { id: string }) => id)).toEqual(pages.flat().slice(5))
    }
  })

  test.each([
    'property=colour==red',
    'property=sql==x',
    'property=created>yesterday',
    'orderby=name',
    'start=soon',
    'limit=0',
    `property=${encodeURIComponent(`referenced_datasets==${Array.from({ length: 11 }, (_, n) => n).join('||')}`)}`,
  ])('lists refuse %s', async (search) => {
    expect(await rest('GET', `${base}/queries?${search}`)).toMatchObject({ status: 400 })
  })

  test('are found by what they read', async () => {
    const [visits] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=visits'))
    const { id } = await ran({ sql: 'SELECT count(*) AS looked FROM visits' })
    const found = await ask(
      'GET',
      `${base}/queries?property=${encodeURIComponent(`referenced_datasets==nothing||${visits}`)}&limit=100`,
    )
    expect(found.queries.map((query: { id: string }) => query.id)).toContain(id)
    const none = await ask(
      'GET',
      `${base}/queries?property=${encodeURIComponent('referenced_datasets==nothing')}`,
    )
    expect(none).toMatchObject({ queries: [], _page: { count: 0 } })
  })

  test.each([
    ['a SELECT', 'SELECT count(*) AS read_1 FROM visits'],
    ['one through a view', 'SELECT count(*) AS read_2 FROM seen_visits'],
    ['one that fails', `SELECT raise_error(page) AS read_3 FROM visits`],
    ['a statement that stores', 'CREATE TABLE read_4 AS SELECT * FROM seen_visits'],
    ['a block', '$$ BEGIN SET @read_5 = SELECT max(id) FROM visits; END $$'],
  ])('of sessions and of the background say alike what %s reads', async (_what, sql) => {
    await product.run('CREATE OR REPLACE VIEW seen_visits AS SELECT id FROM visits')
    const [visits] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=visits'))
    await product.run(sql).catch(() => {})
    const inBackground = await ran({ sql: sql.replace('TABLE read_4', 'TABLE read_4_again') })
    const mark = /read_\d/.exec(sql)![0]
    const property = encodeURIComponent(`sql~${mark},client==REST`)
    const { queries } = await ask('GET', `${base}/queries?property=${property}`)
    for (const query of [inBackground, ...queries]) {
      expect(query._links.referenced_datasets).toEqual([
        { id: visits, href: `/data/foundation/catalog/dataSets/${visits}` },
      ])
    }
    expect(queries).toHaveLength(1)
  })

  test('of a cursor say what it reads when rows are fetched, and those that read nothing say so', async () => {
    const [visits] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=visits'))
    await product.run(
      'DECLARE looking CURSOR FOR SELECT id FROM visits; FETCH 1 FROM looking; SELECT 1 AS read_none',
    )
    const found = async (text: string) =>
      (await ask('GET', `${base}/queries?excludeHidden=false&property=${encodeURIComponent(`sql~${text}`)}`))
        .queries
    expect(await found('FETCH 1 FROM looking')).toMatchObject([
      { _links: { referenced_datasets: [{ id: visits }] } },
    ])
    const [none] = await found('read_none')
    expect(none._links.referenced_datasets).toEqual([])
  })
})

describe('schedules', () => {
  test('make their dataset on the first run and append to it later, each run with its reason and deed', async () => {
    const id = await scheduled({
      sql: 'SELECT 7 AS n',
      name: 'sevens',
      ctasParameters: { datasetName: 'sevens' },
    })
    const first = await triggered(id)
    expect(first).toMatchObject({
      state: 'SUCCESS',
      externalTrigger: true,
      scheduleId: id,
      trigger: { kind: 'manual', userId: expect.any(String) },
      result: { rowCount: 1, statementCount: 1 },
      taskStatusList: [{ state: 'SUCCESS', duration: expect.any(Number), attempts: 1 }],
    })
    const whole = Buffer.from(first.id, 'base64')
    expect(whole.toString()).toMatch(/^manual__\d{4}-\d\d-\d\dT[\d:.]+Z$/)
    // With its padding, which other readers of base64 insist on; without it is understood, too.
    expect(whole.toString('base64')).toBe(first.id)
    expect(await ask('GET', `${base}/schedules/${id}/runs/${first.id.replaceAll('=', '')}`)).toEqual(first)
    const second = await triggered(id)
    const log = await ask('GET', `${base}/queries?property=${encodeURIComponent(`scheduleId==${id}`)}`)
    expect(log.queries).toMatchObject([
      { effectiveSQL: 'INSERT INTO "sevens" SELECT 7 AS n', _links: { schedule_run: { id: second.id } } },
      { effectiveSQL: 'CREATE TABLE "sevens" AS SELECT 7 AS n', _links: { schedule_run: { id: first.id } } },
    ])
    const ofRun = `${base}/queries?property=${encodeURIComponent(`scheduleRunId==${first.id}`)}`
    expect((await ask('GET', ofRun)).queries).toMatchObject([{ id: first.queryId, client: 'Schedule' }])
    expect(await product.rows('SELECT n FROM sevens')).toEqual([[7], [7]])
    const { runsSchedules } = await ask('GET', `${base}/schedules/${id}/runs`)
    expect(runsSchedules.map((run: { id: string }) => run.id)).toEqual([second.id, first.id])
    const filtered = `${base}/schedules/${id}/runs?property=${encodeURIComponent('state==SUCCESS,externalTrigger==false')}`
    expect((await ask('GET', filtered)).runsSchedules).toEqual([])
    const unclear = await rest('GET', `${base}/schedules/${id}/runs?property=externalTrigger==perhaps`)
    expect(unclear).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('true or false') },
    })
  })

  test('run once at their time, blocks too', async () => {
    const sql = '$$ BEGIN SET @n = SELECT 5; CREATE TABLE from_block AS SELECT @n AS n; END $$'
    const made = await ask('POST', `${base}/schedules`, {
      query: { dbName: 'prod:all', sql, name: 'block' },
      schedule: { schedule: '@once', startDate: far },
    })
    expect(made).toMatchObject({
      state: 'REGISTERING',
      nextRun: new Date(far).toISOString(),
      schedule: { schedule: '@once', maxActiveRuns: 1, timeZone: 'UTC' },
    })
    expect([made.created, made.updated]).toEqual([undefined, undefined])
    expect(await ask('GET', `${base}/schedules/${made.id}`)).toEqual({
      ...made,
      state: 'ENABLED',
      created: expect.any(String),
      updated: expect.any(String),
    })
    // Not before: it might have run by the time that it is answered.
    const startDate = new Date(Date.now() + 300).toISOString()
    await ask('PATCH', `${base}/schedules/${made.id}`, {
      body: [{ op: 'replace', path: '/schedule/startDate', value: startDate }],
    })
    const runs = async () => (await ask('GET', `${base}/schedules/${made.id}/runs`)).runsSchedules
    await expect.poll(async () => (await runs())[0]?.state, waiting).toBe('SUCCESS')
    expect(await runs()).toMatchObject([
      {
        externalTrigger: false,
        trigger: { kind: 'schedule', time: startDate },
        id: Buffer.from(`scheduled__${startDate}`).toString('base64'),
      },
    ])
    expect((await ask('GET', `${base}/schedules/${made.id}`)).nextRun).toBeUndefined()
    expect(await product.rows('SELECT n FROM from_block')).toEqual([[5]])
  })

  test('are disabled, enabled, re-timed and deleted as the rules say', async () => {
    const id = await scheduled(
      { sql: 'SELECT 1', name: 'states' },
      { schedule: '0 3 * * *', timeZone: 'Europe/Paris' },
    )
    const path = `${base}/schedules/${id}`
    const set = (value: unknown, at = '/state') =>
      rest('PATCH', path, { body: { body: [{ op: 'replace', path: at, value }] } })
    expect(await set('enable')).toMatchObject({
      status: 400,
      body: { message: 'Schedule already in the state request' },
    })
    expect(await rest('DELETE', path)).toMatchObject({ status: 400 })
    expect(await set('0 4 L * *', '/schedule/schedule')).toMatchObject({
      status: 202,
      body: { message: 'Request to patch accepted', statusCode: 202 },
    })
    expect(await set('2100-01-15T00:00:00Z', '/schedule/startDate')).toMatchObject({ status: 202 })
    const links = await ask('GET', path)
    expect(links).toMatchObject({
      nextRun: '2100-01-31T03:00:00.000Z',
      schedule: { timeZone: 'Europe/Paris' },
    })
    expect(Object.keys(links._links)).toEqual(['self', 'enable', 'disable', 'delete', 'runs', 'trigger'])
    expect(await set('* *', '/schedule/schedule')).toMatchObject({ status: 400 })
    expect(await set('Mars/Olympus', '/schedule/timeZone')).toMatchObject({ status: 400 })
    for (const time of ['1/15/2100', '2100-01-15', 'soon'])
      expect(await set(time, '/schedule/startDate')).toMatchObject({ status: 400 })
    expect(await set('disable')).toMatchObject({ status: 202 })
    expect(await ask('GET', path)).toMatchObject({ state: 'DISABLED', _links: links._links })
    expect(await rest('POST', `${path}/runs`)).toMatchObject({ status: 400 })
    expect(await rest('DELETE', path)).toMatchObject({ status: 202 })
    expect(await rest('GET', path)).toMatchObject({ status: 404 })
  })

  test('run one run at a time, and a run can be cancelled', async () => {
    const id = await scheduled({
      sql: `CREATE TABLE long AS ${endless}`,
      name: 'long',
    })
    const path = `${base}/schedules/${id}`
    const [first, second] = [await ask('POST', `${path}/runs`), await ask('POST', `${path}/runs`)]
    const state = async (run: { id: string }) => (await ask('GET', `${path}/runs/${run.id}`)).state
    await expect.poll(() => state(first), waiting).toBe('IN_PROGRESS')
    expect(await state(second)).toBe('QUEUED')
    await ask('PATCH', path, { body: [{ op: 'replace', path: '/state', value: 'disable' }] })
    expect(await rest('DELETE', path)).toMatchObject({ status: 400 })
    for (const run of [second, first]) {
      expect(await rest('PATCH', `${path}/runs/${run.id}`, { body: { op: 'cancel' } })).toMatchObject({
        status: 202,
      })
      await expect.poll(() => state(run), waiting).toBe('FAILED')
    }
    expect(await ask('GET', `${path}/runs/${first.id}`)).toMatchObject({ isCancelled: true })
    expect(await rest('PATCH', `${path}/runs/${first.id}`, { body: { op: 'cancel' } })).toMatchObject({
      status: 409,
    })
    expect(await rest('DELETE', path)).toMatchObject({ status: 202 })
  })

  test('lead from the id of a run that waits to that run when a newer tick has taken it over', async () => {
    const id = await scheduled({ sql: endless, name: 'waits' })
    const path = `${base}/schedules/${id}`
    const under = await ask('POST', `${path}/runs`)
    const state = async (run: { id: string }) => (await rest('GET', `${path}/runs/${run.id}`)).body.state
    await expect.poll(() => state(under), waiting).toBe('IN_PROGRESS')
    const ids: string[] = []
    for (const aheadMs of [300, 600]) {
      const value = new Date(Date.now() + aheadMs).toISOString()
      await ask('PATCH', path, { body: [{ op: 'replace', path: '/schedule/startDate', value }] })
      const tick = { id: Buffer.from(`scheduled__${value}`).toString('base64') }
      await expect.poll(() => state(tick), waiting).toBe('QUEUED')
      ids.push(tick.id)
    }
    const { runsSchedules } = await ask('GET', `${path}/runs`)
    expect(runsSchedules.map((run: { id: string }) => run.id)).toEqual([ids[1], under.id])
    expect((await ask('GET', `${path}/runs/${ids[0]}`)).id).toBe(ids[1])
    const before = Buffer.from('scheduled__2026-01-01T00:00:00.000Z').toString('base64')
    expect(await rest('GET', `${path}/runs/${before}`)).toMatchObject({ status: 404 })
    for (const run of [ids[0], under.id]) await ask('PATCH', `${path}/runs/${run}`, { op: 'cancel' })
    await expect.poll(() => state(under), waiting).toBe('FAILED')
  })

  test('keep the text they were made with when its template changes', async () => {
    const template = await ask('POST', `${base}/query-templates`, { name: 'pinned', sql: 'SELECT 1 AS n' })
    const id = await scheduled({ templateId: template.id, ctasParameters: { datasetName: 'pinned_rows' } })
    const change = { name: 'pinned', sql: 'SELECT 2 AS n' }
    expect(await ask('PUT', `${base}/query-templates/${template.id}`, change)).toMatchObject(change)
    await triggered(id)
    expect(await product.rows('SELECT n FROM pinned_rows')).toEqual([[1]])
    const ofTemplate = `${base}/schedules?property=${encodeURIComponent(`templateId==${template.id}`)}`
    expect((await ask('GET', ofTemplate)).schedules).toMatchObject([
      { id, query: { templateName: 'pinned' } },
    ])
  })
})

describe('templates', () => {
  test('are saved, counted, found, replaced and deleted', async () => {
    const count = async () => (await ask('GET', `${base}/query-templates/count`)).totalCount
    const before = await count()
    const made = await rest('POST', `${base}/query-templates`, {
      body: { name: 'Daily visits', sql: 'SELECT 1' },
    })
    expect(made).toMatchObject({
      status: 202,
      body: { name: 'Daily visits', queryParameters: {}, version: 1 },
    })
    const { id, userId } = made.body
    expect(await count()).toBe(before + 1)
    expect(
      await rest('POST', `${base}/query-templates`, { body: { name: 'Daily visits', sql: 'SELECT 2' } }),
    ).toMatchObject({ status: 409 })
    const property = encodeURIComponent(`name~daily,userId==${userId}`)
    expect((await ask('GET', `${base}/query-templates?property=${property}`)).templates).toMatchObject([
      { id },
    ])
    expect(
      await rest('PUT', `${base}/query-templates/${id}`, { body: { name: 'only the name' } }),
    ).toMatchObject({ status: 400 })
    expect(await rest('DELETE', `${base}/query-templates/${id}`)).toMatchObject({
      status: 202,
      body: { message: 'Deleted', statusCode: 202 },
    })
    expect(await rest('GET', `${base}/query-templates/${id}`)).toMatchObject({
      status: 404,
      body: { statusCode: 404 },
    })
  })

  test('that hold themselves are refused where they are used', async () => {
    await ask('POST', `${base}/query-templates`, { name: 'ring_a', sql: 'SELECT * FROM (#ring_b)' })
    await ask('POST', `${base}/query-templates`, { name: 'ring_b', sql: '#ring_a;' })
    expect(await rest('POST', `${base}/queries`, { body: { sql: '#ring_a' } })).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('ring_a → ring_b → ring_a') },
    })
  })
})

test('an accelerated query answers with its rows and what they are', async () => {
  const answer = await ask('POST', `${base}/accelerated-queries`, {
    dbName: 'prod:all',
    sql: 'SELECT page, id, cast(NULL AS string) AS nothing FROM visits ORDER BY id',
    name: 'fast',
  })
  expect(answer).toMatchObject({
    queryId: expect.any(String),
    resultsMeta: {
      _adhoc: {
        type: 'object',
        properties: { page: { type: 'string' }, id: { 'meta:xdmType': expect.any(String) } },
      },
    },
    results: [
      { page: 'a', id: 1, nothing: null },
      { page: 'b', id: 2, nothing: null },
    ],
    request: { dbName: 'prod:all', name: 'fast' },
  })
  for (const body of [
    { dbName: 'prod:all' },
    { dbName: 'prod:all', sql: 'SELECT 1', templateId: 'x' },
    { dbName: 'prod:all', sql: 'CREATE TABLE no AS SELECT 1' },
    { dbName: 'other:all', sql: 'SELECT 1' },
    { dbName: 'prod:all', sql: 'SELECT 1', description: 'é'.repeat(501) },
  ]) {
    expect(await rest('POST', `${base}/accelerated-queries`, { body })).toMatchObject({ status: 400 })
  }
})

test('connection parameters, credentials that do not expire, and sizes', async () => {
  const parameters = await ask('GET', `${base}/connection_parameters`)
  expect(parameters).toMatchObject({
    username: expect.stringMatching(/@AdobeOrg$/),
    dbName: 'prod:all',
    host: '127.0.0.1',
    port: Number(product.postgres.split(':')[1]),
    token: expect.stringMatching(/^\S{20,}$/),
    version: 1,
  })
  expect(parameters.websoketHost).toBe(parameters.websocketHost)
  const account = await ask('POST', '/data/foundation/queryauth/accounts', {
    technicalAccountName: 'BI tool',
  })
  expect(account).toMatchObject({
    technicalAccountName: 'BI tool',
    technicalAccountId: expect.stringMatching(/^bi_tool_[0-9a-f]{8}$/),
    credential: expect.any(String),
  })
  const { logins } = await ask('GET', '/sluice/v1/sql-logins')
  const made = logins.find((login: { sqlUser: string }) => login.sqlUser === account.technicalAccountId)
  expect(made.expiresAt).toBeUndefined()
  const [visits] = Object.keys(await ask('GET', '/data/foundation/catalog/dataSets?name=visits'))
  expect(await ask('GET', `${base}/statistics?dataSet=${visits}&statisticType=table`)).toMatchObject({
    rowCount: 2,
  })
})

describe('alerts', () => {
  const subscribe = (assetId: string, alertType: string, emailIds: string[], more: object = {}) =>
    ask('POST', alerts, {
      assetId,
      alertType,
      subscriptions: { emailIds, inContextNotifications: true, emailNotifications: true },
      ...more,
    })

  test('are subscribed to, listed, switched and deleted', async () => {
    const id = await scheduled({ sql: 'SELECT 1', name: 'watched' })
    const made = await subscribe(id, 'failure', ['Ann@example.com'])
    expect(made).toMatchObject({
      id: expect.stringMatching(/^query_service_flow_run_failure-[0-9a-f-]{36}$/),
      assetId: id,
      status: 'enabled',
      subscriptions: {
        emailIds: ['ann@example.com'],
        inContextNotifications: true,
        emailNotifications: true,
      },
    })
    await subscribe(id, 'failure', ['bob@example.com'])
    await subscribe(id, 'start', ['bob@example.com'])
    expect((await ask('GET', `${alerts}/${id}`)).alerts).toHaveLength(2)
    expect((await ask('GET', `${alerts}/${id}/failure`)).alerts).toMatchObject([
      { subscriptions: { emailIds: ['ann@example.com', 'bob@example.com'] } },
    ])
    expect((await ask('GET', `${alerts}/user-subscriptions/ann@example.com`)).items).toMatchObject([
      { name: 'watched', assetId: id, alertType: 'failure', subscriptions: { emailNotifications: true } },
    ])
    const page = await ask('GET', `${alerts}?pageSize=1&property=${encodeURIComponent(`assetId==${id}`)}`)
    expect(page).toMatchObject({
      alerts: [{ alertType: 'failure' }],
      _page: { orderby: 'created', property: `assetId==${id}`, count: 1, page: 0, pageSize: 1 },
    })
    await subscribe(await scheduled({ sql: 'SELECT 2', name: 'also watched' }), 'failure', [
      'bob@example.com',
    ])
    expect(await ask('GET', page._links.next.href)).toMatchObject({
      alerts: [{ assetId: id, alertType: 'start' }],
      _links: {},
    })
    const newest = `${alerts}?orderby=-created&property=${encodeURIComponent(`assetId==${id}`)}`
    expect(await ask('GET', newest)).toMatchObject({
      alerts: [{ alertType: 'start' }, { alertType: 'failure' }],
      _page: { orderby: '-created' },
    })
    const { id: query } = await ran({ sql: 'SELECT 1' })
    expect(
      await rest('POST', alerts, {
        body: { assetId: query, alertType: 'quarantine', subscriptions: { emailIds: ['ann@example.com'] } },
      }),
    ).toMatchObject({
      status: 400,
      body: { message: 'alertType: a query has no alert quarantine. It has start, success, failure.' },
    })
    expect(
      await ask('PATCH', `${alerts}/${id}/failure`, { op: 'replace', path: '/status', value: 'disable' }),
    ).toEqual({ id: made.id, assetId: id, alertType: 'failure', status: 'disabled' })
    expect(await rest('DELETE', `${alerts}/${id}/failure`)).toMatchObject({ status: 202 })
    expect(await rest('GET', `${alerts}/${id}/failure`)).toMatchObject({
      status: 404,
      body: {
        message: `No alert exists for assetId: ${id} and alertType: failure. Please resubmit with different assetId and alertType.`,
        statusCode: 404,
      },
    })
    expect(
      await rest('POST', alerts, {
        body: { assetId: id, alertType: 'failure', subscriptions: { emailIds: ['no address'] } },
      }),
    ).toMatchObject({ status: 400 })
  })

  test('reach lists, mail boxes and webhooks, and a schedule that goes on failing is quarantined', async () => {
    const posted: { headers: Record<string, unknown>; body: string }[] = []
    const hook = createServer((request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        posted.push({ headers: request.headers, body })
        response.writeHead(posted.length === 1 ? 503 : 200).end()
      })
    })
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`
    try {
      const webhook = await ask('POST', '/sluice/v1/webhooks', { url, topics: ['query.failure'] })
      const id = await scheduled(
        { sql: "SELECT raise_error('broken for good')", name: 'failing' },
        { quarantineAfter: 2 },
      )
      await subscribe(id, 'failure', ['ann@example.com', 'refused@example.com', 'busy@example.com'])
      await subscribe(id, 'quarantine', ['ann@example.com'])
      for (const state of ['ENABLED', 'DISABLED']) {
        expect(await triggered(id)).toMatchObject({
          state: 'FAILED',
          errors: [{ message: expect.stringContaining('broken for good') }],
        })
        expect(await ask('GET', `${base}/schedules/${id}`)).toMatchObject({
          state,
          isQuarantined: state === 'DISABLED',
        })
      }
      await expect
        .poll(() => mail.mails.filter(({ to }) => to.includes('busy@example.com')).length, waiting)
        .toBe(2)
      await expect
        .poll(() => mail.mails.filter(({ to }) => to.includes('ann@example.com')).length, waiting)
        .toBe(3)
      const first = mail.mails.find(({ to }) => to.includes('ann@example.com'))
      expect(first).toMatchObject({ from: 'sluice@localhost', user: 'sluice' })
      expect(first?.source).toMatch(/^Subject: \S/m)
      expect(first?.source).toMatch(/scheduled query "failing" has failed/)
      expect(first?.source).toContain('broken for good')
      expect(mail.mails.some(({ to }) => to.includes('refused@example.com'))).toBe(false)

      // The first post was answered with 503: it came again under the same id.
      await expect
        .poll(() => new Set(posted.map(({ headers }) => headers['webhook-id'])).size, waiting)
        .toBe(2)
      await expect.poll(() => posted.length, waiting).toBeGreaterThanOrEqual(3)
      for (const { headers, body } of posted) {
        const key = Buffer.from(webhook.secret.replace('whsec_', ''), 'base64')
        const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
        const signature = createHmac('sha256', key).update(signed).digest('base64')
        expect(headers['webhook-signature']).toBe(`v1,${signature}`)
        expect(JSON.parse(body)).toMatchObject({
          type: 'query.failure',
          data: { assetId: id, error: { code: 'query.failed' } },
        })
      }
      const { notifications } = await ask('GET', '/sluice/v1/notifications')
      expect(notifications.map(({ topic }: { topic: string }) => topic).toSorted()).toEqual([
        'query.failure',
        'query.failure',
        'query.quarantine',
      ])
      expect((await ask('GET', '/sluice/v1/webhooks')).webhooks).toEqual([
        { id: webhook.id, url, topics: ['query.failure'], createdAt: webhook.createdAt },
      ])
      expect(await rest('DELETE', `/sluice/v1/webhooks/${webhook.id}`)).toMatchObject({ status: 204 })
    } finally {
      hook.close()
    }
  })

  test('of a query tell its name', async () => {
    const { id } = await ran({ sql: 'SELECT 1', name: 'nightly numbers' })
    await subscribe(id, 'failure', ['eve@example.com'])
    const { items } = await ask('GET', `${alerts}/user-subscriptions/eve@example.com`)
    expect(items).toMatchObject([{ assetId: id, name: 'nightly numbers' }])
  })

  test('end with what they are of', async () => {
    const id = await scheduled({ sql: 'SELECT 1', name: 'gone soon' })
    for (const type of ['success', 'failure']) await subscribe(id, type, ['dan@example.com'])
    await ask('PATCH', `${base}/schedules/${id}`, {
      body: [{ op: 'replace', path: '/state', value: 'disable' }],
    })
    await ask('DELETE', `${base}/schedules/${id}`)
    expect(await rest('GET', `${alerts}/${id}`)).toMatchObject({ status: 404 })
    expect((await ask('GET', `${alerts}/user-subscriptions/dan@example.com`)).items).toEqual([])
  })

  test('tell of starts, successes and lateness', async () => {
    const id = await scheduled({ sql: 'SELECT 1', name: 'told' })
    for (const type of ['start', 'success', 'delay'])
      await subscribe(id, type, ['cat@example.com'], { delayMinutes: 1 })
    await triggered(id)
    const told = () => mail.mails.filter(({ to }) => to.includes('cat@example.com'))
    await expect.poll(() => told().length, waiting).toBe(2)
    // What is run is for whoever may see queries.
    expect(told().filter(({ source }) => source.includes('SELECT'))).toEqual([])
  })
})
