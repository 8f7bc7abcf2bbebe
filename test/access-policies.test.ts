import { mkdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AccessPolicy, Question } from '../src/access/access.ts'
import { silentLogger } from '../src/base/log.ts'
import { loadConfig } from '../src/config/config.ts'
import { type RunningServer, startServer } from '../src/serve.ts'
import { type Actor, type ClientCredentials, signIn } from './support/actor.ts'
import { testMetadata } from './support/metadata.ts'
import { passableFolder } from './support/passable-folder.ts'
import { query, WireClient } from './support/wire-client.ts'

const catalog = '/data/foundation/catalog'
const flows = '/data/foundation/flowservice'

let folder: string
let metadata: Awaited<ReturnType<typeof testMetadata>>
let server: RunningServer
let admin: Actor
let sqlPassword: string
const ids: Record<string, string> = {}
const asked: Question[] = []
/** By the name of what they are of: their tables and, with `Id`, their datasets. */
const samples: Record<string, string> = {}

/** Of two tables one does not exist for anybody, the other is seen in part. */
const stub: AccessPolicy = {
  restrict: async (question) => {
    asked.push(question)
    if (question.datasetId !== undefined && question.datasetId === ids['closed']) return [{ kind: 'deny' }]
    if (question.datasetId === undefined || question.datasetId !== ids['partial']) return []
    return [{ kind: 'partial', rowFilters: ['n > 1'], hiddenColumns: ['secret'] }]
  },
}

beforeAll(async () => {
  folder = passableFolder('policies')
  metadata = await testMetadata()
  const home = join(folder, 'home')
  const flags = { home, databaseUrl: metadata.databaseUrl, http: '127.0.0.1:0', postgres: '127.0.0.1:0' }
  const config = loadConfig({ flags, env: {}, cwd: folder })
  server = await startServer({ config, logger: silentLogger, version: '0', policies: [stub] })
  const credentials = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
  sqlPassword = credentials.sqlPassword
  admin = await signIn(server.http, credentials as ClientCredentials)
  const made: Record<string, string> = {}
  for (const name of ['open', 'closed', 'partial']) {
    const sql = `CREATE TABLE ${name}_table AS SELECT 1 AS n, 'canary ${name}' AS secret`
    await admin.must('POST', '/sluice/v1/sql', { sql })
    made[name] = Object.keys(await admin.must('GET', `${catalog}/dataSets?name=${name}_table`))[0]!
  }
  for (const name of ['closed', 'partial']) {
    const text = `SET aqp = true; ANALYZE TABLE ${name}_table TABLESAMPLE SAMPLERATE 100`
    await admin.ask('POST', '/sluice/v1/sql', { sql: text, format: 'ndjson' })
    const [sample] = (await sql(`SELECT sample_meta('${name}_table')`)).body
    const { sample_table_name: table, sample_dataset_id: id } = sample
    Object.assign(samples, { [name]: table, [`${name}Id`]: id })
  }
  Object.assign(ids, made)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await metadata[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const sql = async (text: string) =>
  await admin.ask('POST', '/sluice/v1/sql', { sql: text, format: 'json', database: 'all' })

describe('a policy that denies a dataset', () => {
  test('hides it from every list', async () => {
    const lists = [
      await admin.ask('GET', `${catalog}/dataSets?limit=2&orderBy=asc:name`),
      await admin.ask('GET', `${catalog}/batches`),
      await sql('SHOW TABLES'),
      await admin.ask('GET', '/iceberg/v1/namespaces/prod/tables'),
      await admin.ask('GET', '/iceberg/v1/prod/namespaces/prod/tables'),
    ]
    for (const { text } of lists) {
      expect(text).not.toContain('closed_table')
      expect(text).not.toContain(ids['closed'])
    }
    // A page is filled with what may be seen.
    expect(Object.keys(lists[0]!.body).toSorted()).toEqual(
      [ids['open'], ids['partial']].map(String).toSorted(),
    )
    expect(Object.keys(lists[1]!.body)).toHaveLength(3)
  })

  test.each([
    ['reading it', 'GET', () => `${catalog}/dataSets/${ids['closed']}`, undefined],
    [
      'changing it',
      'PATCH',
      () => `${catalog}/dataSets/${ids['closed']}`,
      [{ op: 'add', path: '/description', value: 'x' }],
    ],
    [
      'replacing it',
      'PUT',
      () => `${catalog}/dataSets/${ids['closed']}`,
      () => ({ name: 'x', schemaRef: { id: 'x' } }),
    ],
    ['deleting it', 'DELETE', () => `${catalog}/dataSets/${ids['closed']}`, undefined],
    ['its labels', 'GET', () => `/data/foundation/dataset/datasets/${ids['closed']}/labels`, undefined],
    ['a preview', 'GET', () => `/data/foundation/export/datasets/${ids['closed']}/preview`, undefined],
    ['its batches', 'GET', () => `${catalog}/batches?dataSet=${ids['closed']}`, undefined],
    [
      'loading it',
      'POST',
      () => '/data/foundation/import/batches',
      () => ({ datasetId: ids['closed'], inputFormat: { format: 'json' } }),
    ],
    [
      'its upkeep',
      'POST',
      () => '/sluice/v1/maintenance',
      () => ({ tasks: ['compact'], dataSetId: ids['closed'] }),
    ],
    [
      'delivering it',
      'POST',
      () => `${flows}/sourceConnections`,
      () => ({
        name: 's',
        connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
        params: { datasets: [{ dataSetId: ids['closed'] }] },
      }),
    ],
  ] as [string, string, () => string, unknown][])('refuses %s', async (_, method, path, body) => {
    const given: unknown = typeof body === 'function' ? body() : body
    const answer = await admin.ask(method, path(), given)
    const absent = '0'.repeat(24)
    const instead = JSON.stringify(given ?? null).replaceAll(ids['closed'] ?? '', absent)
    const none = await admin.ask(
      method,
      path().replaceAll(ids['closed'] ?? '', absent),
      (JSON.parse(instead) as unknown) ?? undefined,
    )
    const same = ({ status, text }: { status: number; text: string }) => [
      status,
      text
        .replaceAll(/closed_table|0{24}|[0-9a-f]{24}/g, '')
        .replaceAll(/"(?:requestId|request-id)":"[^"]*"/g, ''),
    ]
    expect(same(answer)).toEqual(same(none))
    expect(answer.text).not.toContain('canary')
  })

  test.each([
    'SELECT * FROM closed_table',
    "INSERT INTO closed_table SELECT 2, 'x'",
    'DROP TABLE closed_table',
    'CREATE TABLE copied AS SELECT * FROM closed_table',
    'CREATE VIEW seen AS SELECT * FROM closed_table',
    'DESCRIBE closed_table',
    '$$ BEGIN SELECT * FROM closed_table; END $$',
    'PREPARE p AS SELECT * FROM closed_table; EXECUTE p',
    'DECLARE c CURSOR FOR SELECT * FROM closed_table; FETCH ALL FROM c',
  ])('is as if it were not there for %s', async (text) => {
    const [closed, absent] = [await sql(text), await sql(text.replaceAll('closed_table', 'absent_table'))]
    const same = (answer: { status: number; text: string }) => [
      answer.status,
      answer.text.replaceAll(/(?:closed|absent)_table/g, '').replaceAll(/"requestId":"[^"]*"/g, ''),
    ]
    expect(same(closed)).toEqual(same(absent))
    expect(closed.text).not.toContain('canary')
  })

  test('closes its samples, by every door', async () => {
    const { closed = '', closedId = '' } = samples
    for (const { text } of [await sql('SHOW TABLES'), await admin.ask('GET', `${catalog}/dataSets`)]) {
      expect(text).not.toContain(closedId)
    }
    for (const text of [`SELECT * FROM ${closed}`, `DROP TABLESAMPLE ${closed}`]) {
      const [answer, absent] = [await sql(text), await sql(text.replace(closed, 'absent_table'))]
      expect([text, answer.status]).toEqual([text, absent.status])
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.text).not.toContain('canary')
    }
    expect((await admin.ask('GET', `${catalog}/dataSets/${closedId}`)).status).toBe(404)
    const load = await admin.ask('GET', `/iceberg/v1/namespaces/prod/tables/${closed}`)
    expect(load.text).not.toContain('metadata-location')
  })

  test('holds over the PostgreSQL protocol and for other engines', async () => {
    const port = Number(server.postgres.split(':')[1])
    await using client = await WireClient.signedIn(port, { user: 'admin', password: sqlPassword })
    client.send(query('SELECT * FROM closed_table'))
    const answers = await client.untilReady()
    expect(answers.find(({ type }) => type === 'E')?.payload.toString()).toContain('42P01')
    const load = await admin.ask('GET', '/iceberg/v1/namespaces/prod/tables/closed_table')
    expect(load.status).toBeGreaterThanOrEqual(403)
    expect(load.text).not.toContain('metadata-location')
  })
})

describe('a policy that shows a dataset in part', () => {
  test('lets it be listed, and lets nobody read it whole by any door', async () => {
    expect((await admin.ask('GET', `${catalog}/dataSets/${ids['partial']}`)).status).toBe(200)
    const out = join(folder, 'out')
    mkdirSync(out, { recursive: true })
    const { id: batch } = await admin.must('POST', '/data/foundation/import/batches', {
      datasetId: ids['partial'],
      inputFormat: { format: 'json' },
    })
    const answers = [
      await sql('SELECT * FROM partial_table'),
      await sql(`SELECT * FROM ${samples['partial']}`),
      await sql('CREATE TABLE copied AS SELECT * FROM partial_table'),
      await admin.ask('GET', `/data/foundation/export/datasets/${ids['partial']}/preview`),
      await admin.ask('GET', `/data/foundation/import/batches/${batch}/datasets/${ids['partial']}/preview`),
      await admin.ask('GET', `/data/foundation/export/batches/${batch}/failed`),
      await admin.ask('GET', `/data/foundation/export/batches/${batch}/meta`),
      await admin.ask('GET', `/sluice/v1/batches/${batch}/rejects`),
      await admin.ask('GET', '/iceberg/v1/namespaces/prod/tables/partial_table'),
      await admin.ask('GET', '/iceberg/v1/prod/namespaces/prod/tables/partial_table'),
    ]
    for (const { status, text } of answers) {
      expect([status >= 400 || text.includes('"error"'), text]).toEqual([true, text])
      expect(text).not.toContain('canary')
      expect(text).not.toContain('metadata-location')
    }
  })

  test('is asked with the dataset by reading, writing and deleting alike', () => {
    const about = new Set(
      asked.filter(({ datasetId }) => datasetId === ids['closed']).map(({ permission }) => permission),
    )
    expect([...about].toSorted()).toEqual(expect.arrayContaining(['manage-datasets', 'view-datasets']))
  })
})

test('what no policy names is whole', async () => {
  expect((await sql('SELECT n, secret FROM open_table')).body).toEqual([{ n: 1, secret: 'canary open' }])
})
