import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { signIn } from './support/actor.ts'
import { startProduct, type Product } from './support/product.ts'
import { descendantsOf, sluice, survivors, temporaryFolder } from './support/sluice.ts'

const events = join(import.meta.dirname, '..', 'examples', 'ga4', 'events.parquet')

describe('what needs no server', () => {
  test.concurrent.each([
    [],
    ['serve'],
    ['demo'],
    ['status'],
    ['config'],
    ['credentials'],
    ['verify'],
    ['maintain'],
    ['backup'],
    ['restore'],
    ['sql'],
    ['dataset', 'create'],
    ['dataset', 'load'],
    ['dataset', 'list'],
    ['dataset', 'show'],
    ['export', 'create'],
    ['export', 'run'],
    ['export', 'rerun'],
    ['export', 'backfill'],
    ['export', 'list'],
    ['export', 'show'],
  ])('%s %s explains itself with examples', async (...command) => {
    const { code, out } = await sluice([...command, '--help'])
    expect([code, out]).toEqual([0, expect.stringContaining('Examples:\n  ')])
  })

  test('wrong usage ends with 2 and says what is wrong', async () => {
    expect(await sluice(['sqll'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('Did you mean sql?'),
    })
    expect(await sluice(['dataset', 'load', 'x'])).toMatchObject({ code: 2 })
    for (const every of ['often', '7m', '2d']) {
      expect(
        await sluice(['export', 'create', 'x', '--dataset', 'y', '--to', '/z', '--every', every]),
      ).toMatchObject({ code: 2, err: expect.stringMatching(/--every.*15m, 30m, 1h,.* 1d, week/) })
    }
    expect(await sluice(['audit', 'list', '--limit', '0'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--limit[^]*--help/),
    })
    for (const kind of ['dataset', 'export']) {
      expect(await sluice([kind, 'delete', 'x'])).toMatchObject({
        code: 2,
        err: expect.stringContaining('--yes'),
      })
    }
    expect(await sluice(['sql', '-c', ' '])).toMatchObject({
      code: 2,
      err: expect.stringContaining('no statement'),
    })
  })

  test('a wrong setting ends with 78 and names it', async () => {
    const home = await temporaryFolder('cli-config')
    expect(
      await sluice(['config', '--home', home], { env: { SLUICE_LIMITS_ROWS_MAX: 'many' } }),
    ).toMatchObject({
      code: 78,
      err: expect.stringContaining('SLUICE_LIMITS_ROWS_MAX'),
    })
    expect(await sluice(['serve', '--home', home, '--http', 'here'])).toMatchObject({
      code: 78,
      err: expect.stringContaining('--http'),
    })
  })

  test('settings are shown with their origin and secrets masked', async () => {
    const home = await temporaryFolder('cli-config')
    const { code, out } = await sluice(['config', '--home', home, '--format', 'json'], {
      env: { DATABASE_URL: 'postgres://me:hush@h/db' },
    })
    expect([code, out]).toEqual([0, expect.not.stringContaining('hush')])
    expect(JSON.parse(out)).toContainEqual(expect.objectContaining({ name: 'databaseUrl', value: '***' }))
  })

  test('verify and status say that nothing is there', async () => {
    const home = await temporaryFolder('cli-none')
    expect(await sluice(['verify', join(home, 'none')])).toMatchObject({ code: 3 })
    expect(await sluice(['verify', home])).toMatchObject({
      code: 1,
      out: expect.stringContaining('location.empty'),
    })
    expect(await sluice(['verify', 's3://bucket/x'])).toMatchObject({ code: 2 })
    expect(await sluice(['status', '--home', home])).toMatchObject({
      code: 3,
      err: expect.stringContaining('sluice serve'),
    })
    expect(await sluice(['dataset', 'load', 'x', join(home, 'none.csv')])).toMatchObject({ code: 3 })
  })
})

describe('on a home with a server', () => {
  let base: string
  let home: string
  let product: Product

  beforeAll(async () => {
    const { mkdtemp, chmod } = await import('node:fs/promises')
    base = await mkdtemp('/tmp/sluice-cli-')
    await chmod(base, 0o711)
    home = join(base, 'home')
    product = await startProduct({ home })
    writeFileSync(join(base, 'orders.csv'), 'id,customer,total\n1,Ann,10.50\n2,"Bob, the 2nd",20\n3,Cleo,\n')
  })
  afterAll(async () => {
    await product[Symbol.asyncDispose]()
    await rm(base, { recursive: true, force: true })
  })
  const at = (name: string) => join(base, name)
  const run = (...args: string[]) => sluice([...args, '--home', home])

  test('a file becomes a dataset, is loaded, asked, delivered and verified', async () => {
    expect(await run('dataset', 'create', 'orders', '--from', at('orders.csv'))).toMatchObject({
      code: 0,
      out: expect.stringContaining('in SQL: orders'),
    })
    expect(await run('dataset', 'load', 'orders', at('orders.csv'))).toMatchObject({
      code: 0,
      out: expect.stringContaining('Loaded 3 rows into orders'),
    })
    const sql = 'SELECT customer, total FROM orders ORDER BY customer'
    const [table, csv, json] = [
      await run('sql', '-c', sql),
      await run('sql', '-c', sql, '--format', 'csv'),
      await run('sql', '-c', sql, '--format', 'json'),
    ]
    expect(table.out).toContain('Bob, the 2nd')
    expect(table.out).toContain('(3 rows)')
    expect(csv.out).toMatch(/^customer,total\nAnn,10\.50?\n"Bob, the 2nd",20(?:\.00?)?\nCleo,\n$/)
    expect(JSON.parse(json.out)).toMatchObject([
      { customer: 'Ann' },
      { customer: 'Bob, the 2nd' },
      { total: null },
    ])

    const folder = at('out')
    expect(
      await run('export', 'create', 'nightly', '--dataset', 'orders', '--to', folder, '--every', '6h'),
    ).toMatchObject({ code: 0 })
    const ahead = await run('export', 'run', 'nightly', '--dry-run')
    expect(ahead).toMatchObject({ code: 0, out: expect.stringContaining('Would deliver of orders 3 rows') })
    expect(await run('export', 'run', 'nightly')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Published 3 rows'),
    })
    expect(await run('export', 'run', 'nightly')).toMatchObject({
      code: 0,
      out: expect.stringContaining('nothing new'),
    })
    expect(
      await sluice(['verify', folder, '--format', 'json']).then(({ code, out }) => [code, JSON.parse(out)]),
    ).toEqual([0, expect.objectContaining({ isRight: true, rowCount: 3 })])
    const shown = JSON.parse((await run('export', 'show', 'nightly', '--format', 'json')).out)
    expect(shown).toMatchObject({ name: 'nightly', state: 'enabled', runs: [{}, {}] })
    expect((await run('export', 'list')).out).toContain('every 6 hours')
    expect((await run('dataset', 'list')).out).toMatch(/orders +orders +\S+ +3 /)
    expect((await run('dataset', 'show', 'orders')).out).toMatch(/customer +string/)

    const [file] = (await sluice(['verify', folder])).out.match(/part-\S+/) ?? []
    expect(file).toBeUndefined() // All right: no finding names a file.
    const { fileOf } = { fileOf: (name: string) => join(folder, name) }
    const { readdir } = await import('node:fs/promises')
    const part = (await readdir(folder, { recursive: true })).find((name) => name.endsWith('.parquet'))!
    writeFileSync(fileOf(part), readFileSync(fileOf(part)).subarray(0, 100))
    expect(await sluice(['verify', folder])).toMatchObject({ code: 1, out: expect.stringContaining(part) })
  })

  test('an export that cannot be made leaves no account, and schedules of every kind are told', async () => {
    writeFileSync(at('numbers.csv'), 'n\n1\n')
    await run('dataset', 'create', 'numbers', '--from', at('numbers.csv'))
    const admin = await signIn(
      product.http,
      JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as Parameters<typeof signIn>[1],
    )
    const flows = '/data/foundation/flowservice'
    const names = async (kind: string) =>
      (await admin.must('GET', `${flows}/${kind}`)).items.map(({ name }: { name: string }) => name)
    const create = ['export', 'create', 'odd', '--dataset', 'numbers', '--to', at('odd')]
    const elsewhere = { kind: 'destinations', allowed: [at('elsewhere')] }
    await admin.must('PUT', '/sluice/v1/exports/rules/elsewhere', elsewhere)
    expect(await run(...create)).toMatchObject({ code: 4, err: expect.stringContaining('elsewhere') })
    await admin.must('DELETE', '/sluice/v1/exports/rules/elsewhere')
    for (const kind of ['connections', 'sourceConnections', 'targetConnections', 'flows'])
      expect(await names(kind)).not.toContain('odd')
    for (const [every, said] of [
      ['1w', 'every week'],
      ['month', 'every month'],
      ['once', 'once'],
    ] as const) {
      const named = create.with(2, `by ${every}`)
      expect(await run(...named, '--every', every)).toMatchObject({ code: 0 })
      expect((await run('export', 'show', named[2]!)).out).toContain(said)
    }
    await run(...create, '--format', 'csv')
    expect((await run('export', 'show', 'odd')).out).toMatch(/ {3}CSV\n/)
    const shown = JSON.parse((await run('export', 'show', 'odd', '--format', 'json')).out)
    const schedule = async (change: object) => {
      const { etag } = (await admin.must('GET', `${flows}/flows/${shown.id}`)).items[0]
      const value = { startTime: 1_900_000_000, ...change }
      const patch = [{ op: 'add', path: '/scheduleParams', value }]
      await admin.must('PATCH', `${flows}/flows/${shown.id}`, patch, { 'if-match': etag })
      return (await run('export', 'show', 'odd')).out
    }
    expect(await schedule({ timeUnit: 'cron', cronExpression: '0 3 * * 1' })).toContain(
      ', at 0 3 * * 1, from',
    )
    expect(await schedule({ timeUnit: 'arrival', quietMinutes: 7 })).toContain('none for 7 minutes')
    expect(await schedule({ timeUnit: 'once' })).toContain(', once, from 2030-03-17')
  })

  test('a delivery is made again, and rows by their own time in windows', async () => {
    writeFileSync(
      at('clicks.csv'),
      '_id,timestamp\na,2026-02-01T10:00:00Z\nb,2026-02-01T11:00:00Z\nc,2026-02-03T01:00:00Z\n',
    )
    for (const args of [
      ['dataset', 'create', 'clicks', '--from', at('clicks.csv')],
      ['dataset', 'load', 'clicks', at('clicks.csv')],
      ['export', 'create', 'feed', '--dataset', 'clicks', '--to', at('feed')],
    ])
      expect(await run(...args)).toMatchObject({ code: 0 })
    const { id } = JSON.parse((await run('export', 'run', 'feed', '--format', 'json')).out) as { id: string }
    expect(await run('export', 'rerun', id, '--dry-run')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Would deliver 3 rows'),
    })
    expect(await run('export', 'rerun', id)).toMatchObject({
      code: 0,
      out: expect.stringContaining('Published 3 rows'),
    })
    const windows = ['--from', '2026-02-01', '--to', '2026-02-04', '--window', '1d']
    const ahead = await run('export', 'backfill', 'feed', ...windows, '--dry-run')
    expect(ahead.out.match(/: \d+ rows?/g)).toEqual([': 2 rows', ': 0 rows', ': 1 row'])
    const first = await run('export', 'backfill', 'feed', ...windows, '--format', 'json')
    expect(first.code).toBe(0)
    expect(JSON.parse(first.out)).toMatchObject([
      { state: 'succeeded', rowCount: 2 },
      { state: 'succeeded', rowCount: 0 },
      { state: 'succeeded', rowCount: 1 },
    ])
    expect(JSON.parse((await run('export', 'backfill', 'feed', ...windows, '--format', 'json')).out)).toEqual(
      JSON.parse(first.out),
    )
    expect((await run('export', 'backfill', 'feed', ...windows, '--dry-run')).out).toMatch(/^Nothing: /)
    expect(JSON.parse((await sluice(['verify', at('feed'), '--format', 'json'])).out)).toMatchObject({
      isRight: true,
      rowCount: 3 + 3 + 3,
    })
    expect(await run('export', 'rerun', crypto.randomUUID())).toMatchObject({ code: 3 })
    expect(await run('export', 'backfill', 'feed', '--from', 'then', '--to', '2026-02-04')).toMatchObject({
      code: 2,
      err: expect.stringContaining('expected a day'),
    })
  })

  test('an export of several datasets is over when all of them are delivered', async () => {
    writeFileSync(at('steps.csv'), 'n\n1\n')
    for (const args of [
      ['dataset', 'create', 'steps', '--from', at('steps.csv')],
      ['dataset', 'load', 'steps', at('steps.csv')],
      ['export', 'create', 'several', '--dataset', 'steps', '--to', at('several')],
    ])
      expect(await run(...args)).toMatchObject({ code: 0 })
    const admin = await signIn(product.http, JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')))
    const flows = '/data/foundation/flowservice'
    const [flow] = (await admin.must('GET', `${flows}/flows?property=name==several`)).items
    const ids = Object.keys(await admin.must('GET', '/data/foundation/catalog/dataSets?limit=100'))
    const source = await admin.must('POST', `${flows}/sourceConnections`, {
      name: 'all',
      connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
      params: { datasets: ids.map((dataSetId) => ({ dataSetId })) },
    })
    const patch = [{ op: 'replace', path: '/sourceConnectionIds', value: [source.id] }]
    await admin.must('PATCH', `${flows}/flows/${flow.id}`, patch, { 'if-match': flow.etag })
    const all = await run('export', 'run', 'several')
    expect([all.code, all.out.match(/^Manifest/gm)]).toEqual([0, ids.map(() => 'Manifest')])
  })

  test('rows that do not fit are listed with their reason, and nothing is half loaded', async () => {
    await run('dataset', 'create', 'visits', '--schema', writtenSchema(at('visits.json')))
    writeFileSync(at('visits.csv'), 'id,seen\n1,2026-01-01T00:00:00Z\ntwo,2026-01-01T00:00:00Z\n3\n')
    const failed = await run('dataset', 'load', 'visits', at('visits.csv'))
    expect(failed).toMatchObject({ code: 1, err: expect.stringMatching(/row 2.*[\s\S]*row 3/) })
    expect(failed.err).toContain('--max-rejects')
    expect((await run('sql', '-c', 'SELECT count(*) AS n FROM visits', '--format', 'json')).out).toContain(
      '"n":0',
    )
    const partly = await run('dataset', 'load', 'visits', at('visits.csv'), '--max-rejects', '70')
    expect(partly).toMatchObject({ code: 0, out: expect.stringContaining('Loaded 1 row') })
    expect(partly.err).toContain('Refused 2 rows')
  })

  test('a packed file is unpacked, and statements come from a file, with values, or from standard input', async () => {
    writeFileSync(at('tiny.json.gz'), gzipSync('{"n":1}\n{"n":2}\n'))
    expect(await run('dataset', 'create', 'tiny', '--from', at('tiny.json.gz'))).toMatchObject({ code: 0 })
    expect(await run('dataset', 'load', 'tiny', at('tiny.json.gz'))).toMatchObject({
      out: expect.stringContaining('Loaded 2 rows'),
    })
    writeFileSync(at('q.sql'), 'SELECT sum(n) AS total FROM tiny WHERE n >= $least')
    const byFile = await run('sql', '-f', at('q.sql'), '--set', 'least=2', '--format', 'csv')
    expect(byFile).toMatchObject({ code: 0, out: 'total\n2\n' })
    const byInput = await sluice(['sql', '--home', home, '--format', 'csv'], {
      input: 'SELECT max(n) AS m FROM tiny',
    })
    expect(byInput).toMatchObject({ code: 0, out: 'm\n2\n' })
  })

  test('a wrong or torn file is named with what is wrong', async () => {
    writeFileSync(at('torn.parquet'), readFileSync(events).subarray(0, 50_000))
    writeFileSync(at('lies.parquet'), 'id,name\n1,x\n')
    for (const name of ['torn.parquet', 'lies.parquet']) {
      const made = await run('dataset', 'create', 'torn', '--from', at(name))
      expect(made).toMatchObject({ code: 1, err: expect.stringContaining(name) })
    }
    expect(await run('dataset', 'show', 'torn')).toMatchObject({ code: 3 })
  })

  test('what is not there ends with 3, a wrong statement with 1 and its place', async () => {
    expect(await run('dataset', 'load', 'nothing', at('orders.csv'))).toMatchObject({
      code: 3,
      err: expect.stringContaining('"nothing"'),
    })
    expect(await run('export', 'run', 'nothing')).toMatchObject({ code: 3 })
    expect(await run('sql', '-c', 'SELECT 1 FROM')).toMatchObject({
      code: 1,
      err: expect.stringContaining('line 1'),
    })
  })

  test('an export is held, goes on and is deleted, its account and its dataset with it; files stay', async () => {
    writeFileSync(at('brief.csv'), 'n\n1\n')
    for (const args of [
      ['dataset', 'create', 'brief', '--from', at('brief.csv')],
      ['dataset', 'load', 'brief', at('brief.csv')],
      ['export', 'create', 'passing', '--dataset', 'brief', '--to', at('passing')],
      ['export', 'run', 'passing'],
    ]) {
      expect(await run(...args)).toMatchObject({ code: 0 })
    }
    const state = async () =>
      JSON.parse((await run('export', 'show', 'passing', '--format', 'json')).out).state
    expect(await run('export', 'disable', 'passing')).toMatchObject({
      code: 0,
      out: expect.stringContaining('is disabled'),
    })
    expect(await state()).toBe('disabled')
    expect(await run('export', 'enable', 'passing')).toMatchObject({
      code: 0,
      out: expect.stringContaining('is enabled'),
    })
    expect(await state()).toBe('enabled')
    expect(await run('export', 'delete', 'passing', '--yes')).toMatchObject({ code: 0 })
    expect(await run('export', 'show', 'passing')).toMatchObject({ code: 3 })
    for (const kind of ['connections', 'sourceConnections', 'targetConnections']) {
      const path = `/data/foundation/flowservice/${kind}?property=name%3D%3Dpassing`
      expect((await product.call<{ items: unknown[] }>('GET', path)).items).toEqual([])
    }
    expect(await run('dataset', 'delete', 'brief', '--yes')).toMatchObject({ code: 0 })
    expect(await run('dataset', 'show', 'brief')).toMatchObject({ code: 3 })
    expect(await sluice(['verify', at('passing')])).toMatchObject({ code: 0 })
  })

  test('a slip in a name is told with the names there are', async () => {
    const template = { name: 'pages', sql: 'SELECT $least AS n, $most AS m', queryParameters: { least: '1' } }
    await product.call('POST', '/data/foundation/query/query-templates', template)
    expect(await run('template', 'run', 'pages', '--set', 'most=3', '--format', 'csv')).toMatchObject({
      code: 0,
      out: 'n,m\n1,3\n',
    })
    expect(await run('template', 'run', 'pages', '--set', 'lest=2')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no parameter "lest"[^]*least/),
    })
    expect((await run('role', 'permissions')).out).toContain('view-datasets\n')
    expect(await run('role', 'create', 'Lookers', '--permission', 'view-datasets')).toMatchObject({ code: 0 })
    const change = ['role', 'change', 'Lookers', '--add', 'manage-datasets', '--remove']
    expect(await run(...change, 'view-alerts')).toMatchObject({
      code: 3,
      err: expect.stringMatching(/does not give "view-alerts"[^]*It gives view-datasets/),
    })
    expect(await run(...change, 'view-datasets')).toMatchObject({ code: 0 })
    expect(await run('client', 'create', 'nightly')).toMatchObject({ code: 0 })
    expect(await run('client', 'revoke', 'nightly')).toMatchObject({ code: 0 })
    expect(await run('client', 'revoke', 'nightly')).toMatchObject({
      code: 3,
      err: expect.stringContaining('sluice client list'),
    })
  })

  test('status tells of the server, credentials are for the owner only', async () => {
    const status = await run('status', '--format', 'json')
    expect([status.code, JSON.parse(status.out)]).toEqual([
      0,
      expect.objectContaining({ pid: product.pid, http: product.http, problems: [] }),
    ])
    const credentials = await run('credentials', '--format', 'json')
    expect(Object.keys(JSON.parse(credentials.out) as object)).toEqual([
      'organizationId',
      'clientId',
      'clientSecret',
      'sqlUser',
      'sqlPassword',
    ])
    expect((await stat(join(home, 'credentials.json'))).mode & 0o777).toBe(0o600)
  })

  test('home and port in use end with 75 and name what holds them', async () => {
    expect(await sluice(['serve', '--home', home])).toMatchObject({
      code: 75,
      err: expect.stringContaining(`process ${product.pid}`),
    })
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const other = join(await temporaryFolder('cli-port'), 'home')
    for (const [flag, free] of [
      ['--http', '--postgres'],
      ['--postgres', '--http'],
    ] as const) {
      const served = await sluice(['serve', '--home', other, flag, `127.0.0.1:${port}`, free, '127.0.0.1:0'])
      expect(served).toMatchObject({ code: 75, out: '', err: expect.stringContaining(String(port)) })
      expect(served.err).toContain(flag)
    }
  })
})

test('without a server a command starts a private one and leaves nothing behind', async () => {
  const home = join(await temporaryFolder('cli-private'), 'home')
  const [one, other] = await Promise.all([
    sluice(['sql', '-c', 'SELECT 1 AS one', '--format', 'csv', '--home', home]),
    sluice(['dataset', 'list', '--home', home]),
  ])
  expect([one, other]).toMatchObject([
    { code: 0, out: 'one\n1\n' },
    { code: 0, err: expect.stringContaining('no datasets yet') },
  ])
  expect(existsSync(join(home, 'server.json'))).toBe(false)
  await mkdir(join(home, 'probe')) // Still ours to use.
})

test('SIGTERM stops cleanly; SIGKILL leaves no process, and the next start finds everything', async () => {
  const home = join(await temporaryFolder('cli-kill'), 'home')
  const first = await startProduct({ home })
  const firstChildren = descendantsOf(first.pid)
  expect(firstChildren.length).toBeGreaterThan(2)
  await first.run('CREATE TABLE kept AS SELECT 7 AS n')
  process.kill(first.pid, 'SIGKILL')
  await first.exited
  expect(await survivors(firstChildren, 20_000)).toEqual([])
  expect(await sluice(['status', '--home', home])).toMatchObject({ code: 3 }) // server.json is stale, and told apart.

  const second = await startProduct({ home })
  const secondChildren = descendantsOf(second.pid)
  expect(await second.rows('SELECT n FROM kept')).toEqual([[7]])
  await second[Symbol.asyncDispose]()
  expect(await survivors(secondChildren, 2_000)).toEqual([])
  expect(existsSync(join(home, 'server.json'))).toBe(false)
})

function writtenSchema(path: string): string {
  const schema = {
    title: 'visits',
    type: 'object',
    properties: {
      id: { type: 'integer', 'meta:xdmType': 'long' },
      seen: { type: 'string', format: 'date-time' },
    },
  }
  writeFileSync(path, JSON.stringify(schema))
  return path
}
