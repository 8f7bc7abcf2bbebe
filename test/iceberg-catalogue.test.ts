import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct } from './support/product.ts'
import { restOf } from './support/rest.ts'
import { testWithPyIceberg } from './support/pyiceberg.ts'
import { runPython, testWithPython } from './support/python.ts'
import { hasS3Server, startS3Server } from './support/s3-server.ts'

const folder = passableFolder('catalogue')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Each has a home of its own: no one waits for another's Python. */
const besideOthers = { concurrent: true }

const systemColumns = ['_acp_system_metadata', '_ACP_BATCHID']

async function credentialsOf(home: string): Promise<{ clientId: string; clientSecret: string }> {
  return JSON.parse(await readFile(join(home, 'credentials.json'), 'utf8')) as {
    clientId: string
    clientSecret: string
  }
}

interface Failure {
  readonly type: string
  readonly text: string
  readonly is_kind: boolean
}

/** Where the lake is, and what a client of it brings along. */
interface Place {
  readonly home: string
  readonly env: Readonly<Record<string, string>>
  readonly properties: Readonly<Record<string, string>>
}

testWithPyIceberg(
  'PyIceberg reads, makes, fills, changes and drops tables that SQL sees too',
  besideOthers,
  async () => {
    await useCatalogue({ home: join(folder, 'in-folders'), env: {}, properties: {} })
  },
)

testWithPython('python', hasS3Server)(
  'PyIceberg does so in a lake on S3, with a key of its own',
  besideOthers,
  async () => {
    await using server = await startS3Server({ keepsAlive: false })
    const bucket = await server.makeBucket()
    const { accessKeyId, secretAccessKey } = server.credentials
    const env = {
      SLUICE_LAKE_LOCATION: `s3://${bucket}/lake`,
      SLUICE_S3_ENDPOINT: server.endpoint,
      SLUICE_S3_REGION: server.region,
      SLUICE_S3_ACCESS_KEY_ID: accessKeyId,
      SLUICE_S3_SECRET_ACCESS_KEY: secretAccessKey,
    }
    const key = { 's3.access-key-id': accessKeyId, 's3.secret-access-key': secretAccessKey }
    const { config } = await useCatalogue({ home: join(folder, 'on-s3'), env, properties: key })
    // Where the store is it learns from the catalogue; a key never.
    expect(JSON.parse(config)).toMatchObject({
      defaults: {
        's3.endpoint': server.endpoint,
        's3.region': server.region,
        'client.region': server.region,
      },
      overrides: {},
    })
    expect(config).not.toContain(accessKeyId)
    expect(config).not.toContain(secretAccessKey)
  },
)

async function useCatalogue({ home, env, properties }: Place): Promise<{ readonly config: string }> {
  await using product = await startProduct({ home, env })
  const rest = await restOf({ http: product.http, home })
  await product.run(`CREATE TABLE orders AS SELECT 1 AS id, 'one' AS name UNION ALL SELECT 2, NULL`)
  const registry = '/data/foundation/schemaregistry/tenant/schemas'
  const schema = await rest('POST', registry, {
    body: {
      title: 'Governed',
      type: 'object',
      allOf: [{ $ref: 'https://ns.adobe.com/xdm/context/experienceevent' }],
    },
  })
  expect(schema.status, JSON.stringify(schema.body)).toBe(201)
  await product.call('POST', '/data/foundation/catalog/dataSets', {
    name: 'governed',
    schemaRef: { id: schema.body.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })

  const { clientId, clientSecret } = await credentialsOf(home)
  const options = [product.http, clientId, clientSecret, JSON.stringify(properties)]
  const seen = JSON.parse(await runPython('python', { script: 'use_catalogue.py', options })) as Record<
    string,
    // oxlint-disable-next-line typescript/no-explicit-any -- Of many forms, looked at by assertions.
    any
  >

  expect(seen['namespaces']).toEqual([['prod']])
  expect(seen['tables']).toEqual([
    ['prod', 'governed'],
    ['prod', 'orders'],
  ])
  expect(seen['exists']).toEqual([true, false, true])
  expect(seen['columns'].map(([name]: [string]) => name)).toEqual(['id', 'name', ...systemColumns])
  expect(seen['rows']).toEqual([
    { id: 1, name: 'one' },
    { id: 2, name: null },
  ])
  expect(seen['owner']).toBe('me')
  expect(seen['spec']).toContain('day')
  const visit = (n: number, path = `/p${n}`) => ({ n, web: { path }, note: null })
  expect(seen['visits']).toEqual([3, 4, 5, 6, 7, 8, 100, 200].map((n) => visit(n)))
  expect(seen['together']).toEqual([1, 2, 3])
  expect(seen['together_columns']).toEqual(['k', ...systemColumns])
  expect(seen['dropped']).toEqual([false, false])
  expect(seen['after']).toBe(true)

  for (const kind of ['no_namespace', 'no_table', 'no_table_elsewhere', 'stale', 'taken']) {
    expect(seen[kind] as Failure | null, kind).toMatchObject({ is_kind: true })
  }
  const texts = {
    wrong_secret: /invalid_client|secret is wrong/,
    wrong_token: /bearer token/,
    no_table: /Table does not exist: prod\.nothing/,
    stale: /The table has changed/,
    foreign: /location of a table is chosen here/,
    v3: /format version 2/,
    merge_on_read: /delete files/,
    bucket: /partitioned by the day/,
    bad_name: /PostgreSQL's own catalogue/,
    moved: /leads out of the table/,
    schema_of_registry: /follow the schema "Governed"/,
  }
  for (const [kind, text] of Object.entries(texts)) {
    expect((seen[kind] as Failure | null)?.text, kind).toMatch(text)
  }

  // In SQL and in the Catalog they are datasets like all others.
  expect(
    await product.rows(`SELECT n, web.path, coalesce(note, '-') FROM visits WHERE n < 300 ORDER BY n`),
  ).toEqual([3, 4, 5, 6, 7, 8, 100, 200].map((n) => [n, `/p${n}`, '-']))
  expect(await product.rows('SELECT n FROM visits WHERE n > 300 ORDER BY n')).toEqual([[301], [303], [304]])
  expect(await product.rows('SELECT k FROM together ORDER BY k')).toEqual([[1], [2], [3], [4]])
  await product.run(`INSERT INTO together SELECT 5`)
  expect(await product.rows('SELECT sum(k) FROM together')).toEqual([[15]])
  const datasets = await product.call<Record<string, { name: string; observableSchema?: unknown }>>(
    'GET',
    '/data/foundation/catalog/dataSets?limit=20',
  )
  expect(
    Object.values(datasets)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['governed', 'orders', 'together', 'visits'])
  const config = await rest('GET', '/iceberg/v1/config')
  return { config: JSON.stringify(config.body) }
}

test('the catalogue answers in its own words, and only to who signed in', besideOthers, async () => {
  const home = join(folder, 'words')
  await using product = await startProduct({ home })
  await product.run(`CREATE TABLE orders AS SELECT 1 AS id`)
  const rest = await restOf({ http: product.http, home })
  const nobody = { authorization: '' }
  for (const path of ['config', 'namespaces', 'namespaces/prod/tables', 'namespaces/prod/tables/orders']) {
    const denied = await rest('GET', `/iceberg/v1/${path}`, { headers: nobody })
    expect(denied.status, path).toBe(401)
    expect(denied.body.error, path).toMatchObject({ type: 'NotAuthorizedException', code: 401 })
  }
  const ask = async (method: string, path: string, body?: unknown) =>
    await rest(method, `/iceberg/v1/${path}`, body === undefined ? {} : { body })
  const typeOf = async (method: string, path: string, body?: unknown) => {
    const answer = await ask(method, path, body)
    return [answer.status, answer.body?.error?.type]
  }
  expect(await typeOf('GET', 'namespaces/elsewhere')).toEqual([404, 'NoSuchNamespaceException'])
  expect(await typeOf('HEAD', 'namespaces/elsewhere')).toEqual([404, undefined])
  expect(await typeOf('HEAD', 'namespaces/prod')).toEqual([204, undefined])
  expect(await typeOf('HEAD', 'namespaces/prod/tables/orders')).toEqual([204, undefined])
  expect(await typeOf('HEAD', 'namespaces/prod/tables/none')).toEqual([404, undefined])
  expect(await typeOf('GET', 'namespaces/prod%1Forders/tables/snapshots')).toEqual([
    404,
    'NoSuchTableException',
  ])
  expect(await typeOf('GET', 'namespaces/prod/views/orders')).toEqual([404, 'NoSuchViewException'])
  expect(await typeOf('GET', 'nothing')).toEqual([404, 'NoSuchEndpointException'])
  expect(await typeOf('POST', 'tables/rename', {})).toEqual([406, 'UnsupportedOperationException'])
  expect(await typeOf('POST', 'transactions/commit', {})).toEqual([406, 'UnsupportedOperationException'])
  expect(await typeOf('POST', 'namespaces', { namespace: ['x'] })).toEqual([
    406,
    'UnsupportedOperationException',
  ])
  expect(await typeOf('POST', 'namespaces/prod/tables/orders/metrics', { a: 1 })).toEqual([204, undefined])
  expect(await typeOf('POST', 'namespaces/prod/tables/orders', '{')).toEqual([400, 'BadRequestException'])
  expect(
    await typeOf('POST', 'namespaces/prod/tables/orders', { updates: [{ action: 'add-encryption-key' }] }),
  ).toEqual([400, 'BadRequestException'])

  const loaded = (await ask('GET', 'namespaces/prod/tables/orders')).body
  expect(loaded['metadata-location']).toMatch(/^file:\/\/\//)
  expect(loaded.metadata['format-version']).toBe(2)
  const change = {
    requirements: [{ type: 'assert-current-schema-id', 'current-schema-id': 99 }],
    updates: [{ action: 'set-properties', updates: { a: 'b' } }],
  }
  expect(await typeOf('POST', 'namespaces/prod/tables/orders', change)).toEqual([
    409,
    'CommitFailedException',
  ])
  expect(
    await typeOf('POST', 'namespaces/prod/tables/orders', {
      updates: [{ action: 'upgrade-format-version', 'format-version': 3 }],
    }),
  ).toEqual([400, 'BadRequestException'])
  const staged = {
    requirements: [{ type: 'assert-create' }],
    updates: [{ action: 'assign-uuid', uuid: '00000000-0000-4000-8000-000000000000' }],
  }
  expect(await typeOf('POST', 'namespaces/prod/tables/never', staged)).toEqual([400, 'BadRequestException'])
})
