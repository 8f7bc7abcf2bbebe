import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Product, startProduct } from './support/product.ts'
import { type Rest, restOf } from './support/rest.ts'
import { sluice } from './support/sluice.ts'

let base: string
let product: Product
let rest: Rest
let schemaId: string

const registry = '/data/foundation/schemaregistry'
const catalog = '/data/foundation/catalog'
const namespaces = '/data/core/idnamespace/identities'
const profile = 'https://ns.adobe.com/xdm/context/profile'

beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-catalog-')
  await chmod(base, 0o711)
  const home = join(base, 'home')
  product = await startProduct({ home })
  rest = await restOf({ http: product.http, home })
  const schema = await rest('POST', `${registry}/tenant/schemas`, {
    body: { title: 'People', allOf: [{ $ref: profile }, { $ref: `${profile}-person-details` }] },
  })
  schemaId = schema.body.$id
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

async function madeDataset(name: string, more: object = {}): Promise<string> {
  const answer = await rest('POST', `${catalog}/dataSets?requestDataSource=False`, {
    body: {
      name,
      schemaRef: { id: schemaId, contentType: 'application/vnd.adobe.xed+json;version=1' },
      ...more,
    },
  })
  expect([answer.status, answer.body]).toEqual([201, [expect.stringMatching(/^@\/dataSets\/[0-9a-f]{24}$/)]])
  return answer.body[0].slice('@/dataSets/'.length)
}

test('datasets are filtered by name, schema and tags, ordered and trimmed', async () => {
  const a = await madeDataset('filter a', { tags: { team: ['red'] }, unifiedTags: ['u1'] })
  const b = await madeDataset('filter b', { tags: { team: ['blue'] } })
  const list = async (query: string) => Object.keys((await rest('GET', `${catalog}/dataSets?${query}`)).body)
  expect(await list('property=name~^filter&orderBy=asc:name')).toEqual([a, b])
  expect(await list('property=name~^filter&orderBy=desc:name')).toEqual([b, a])
  expect(await list('property=name~^filter&orderBy=asc:created,name')).toEqual([a, b])
  expect(await list('property=name~^filter&orderBy=asc:name&limit=1&start=1')).toEqual([b])
  expect(await list('tags=team:red')).toEqual([a])
  expect(await list(`property=schemaRef.id==${schemaId}&property=name==filter b`)).toEqual([b])
  expect((await rest('GET', `${catalog}/dataSets/${a}?properties=name,unifiedTags`)).body).toEqual({
    [a]: { name: 'filter a', unifiedTags: ['u1'] },
  })
  const { observableSchema } = (await rest('GET', `${catalog}/dataSets/${a}?properties=observableSchema`))
    .body[a]
  expect(observableSchema.properties.person.properties.name.properties).toHaveProperty('firstName')
  for (const query of [
    'property=name~(a%2B)%2B$',
    'property=colour==red',
    'orderBy=desc:size',
    'tags=team',
  ]) {
    expect([query, (await rest('GET', `${catalog}/dataSets?${query}`)).status]).toEqual([query, 400])
  }
})

test('the files and the view that a document of a dataset names are there, and its newest batch', async () => {
  const id = await madeDataset('with files')
  const { files, viewId } = (await rest('GET', `${catalog}/dataSets/${id}`)).body[id]
  const loaded = await rest('POST', '/data/foundation/import/batches', {
    body: { datasetId: id, inputFormat: { format: 'json' } },
  })
  const batch = loaded.body.id
  const read = async (path: string) => {
    const { status, body } = await rest('GET', `${catalog}/${path}`)
    return [status, Object.keys(body)]
  }
  // Nothing is loaded yet.
  expect(await read(files.slice('@/'.length))).toEqual([200, []])
  expect(await read(`dataSets/${id}/views`)).toEqual([200, [viewId]])
  expect(await read(`dataSets/${id}/views/${viewId}`)).toEqual([200, [viewId]])
  expect(await read(`dataSets/${id}/views/${viewId}/files`)).toEqual([200, []])
  for (const query of ['', '&orderBy=asc:updated,created', '&limit=1']) {
    expect(await read(`lastBatches?dataSetId=${id}${query}`)).toEqual([200, [batch]])
  }
  expect((await rest('GET', `${catalog}/lastBatches?dataSetId=${id}&properties=status`)).body).toEqual({
    [batch]: { status: 'loading' },
  })
  for (const [path, status] of [
    ['dataSetFiles', 400],
    [`dataSetFiles?dataSetId=${'0'.repeat(24)}`, 404],
    [`dataSets/${id}/views/other`, 404],
    [`dataSets/${id}/views/other/files`, 404],
    [`lastBatches?dataSetId=${'0'.repeat(24)}`, 404],
    ['lastBatches?orderBy=desc:size', 400],
  ] as const) {
    expect([path, (await rest('GET', `${catalog}/${path}`)).status]).toEqual([path, status])
  }
})

test('a dataset changes by JSON Patch, by parts and whole; what is not for change is refused by its name', async () => {
  const id = await madeDataset('to change')
  const read = async () => (await rest('GET', `${catalog}/dataSets/${id}`)).body[id]
  const patch = (body: unknown, path = 'dataSets') => rest('PATCH', `${catalog}/${path}/${id}`, { body })
  expect((await patch([{ op: 'add', path: '/tags/unifiedIdentity', value: ['enabled:true'] }])).body).toEqual(
    [`@/dataSets/${id}`],
  )
  await patch({ description: 'Said later', enableErrorDiagnostics: true })
  await patch({ extensions: { adobe_lakeHouse: { kept: { for: 'clients' } } } }, 'v2/dataSets')
  expect(await read()).toMatchObject({
    name: 'to change',
    description: 'Said later',
    enableErrorDiagnostics: true,
    version: '1.0.3',
    tags: { unifiedIdentity: ['enabled:true'], 'adobe/pqs/table': ['to_change'] },
    extensions: { adobe_lakeHouse: { kept: { for: 'clients' }, metrics: { rowCount: 0 } } },
    classification: { dataBehavior: 'record' },
  })
  // The table's name is not a tag to change.
  await patch([{ op: 'replace', path: '/tags/adobe~1pqs~1table', value: ['elsewhere'] }])
  expect((await read()).tags['adobe/pqs/table']).toEqual(['to_change'])
  for (const [body, field] of [
    [[{ op: 'replace', path: '/schemaRef/id', value: 'x' }], '/schemaRef/id'],
    [{ state: 'DELETED' }, 'state'],
    [{ name: '' }, 'name'],
    // Only events expire by their time.
    [{ extensions: { adobe_lakeHouse: { rowExpiration: { ttlValue: 'P3M' } } } }, 'rowExpiration'],
    [{ tags: { team: 'red' } }, 'tags/team'],
    [[{ op: 'copy', path: '/name', from: '/description' }], '/0/op'],
  ] as const) {
    const answer = await patch(body)
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(field)])
  }
  const replaced = await rest('PUT', `${catalog}/dataSets/${id}`, {
    body: { ...(await read()), name: 'replaced' },
  })
  expect(replaced.status).toBe(200)
  expect((await read()).name).toBe('replaced')
})

test('a dataset is enabled for profiles only when its schema is in a union', async () => {
  const id = await madeDataset('profiles')
  const enable = () =>
    rest('PATCH', `${catalog}/dataSets/${id}`, {
      body: [{ op: 'add', path: '/tags/unifiedProfile', value: ['enabled: true', 'isUpsert: true'] }],
      headers: { 'content-type': 'application/json-patch+json' },
    })
  const refused = await enable()
  expect([refused.status, refused.body.detail]).toEqual([400, expect.stringContaining('tags/unifiedProfile')])
  const member = await rest('POST', `${registry}/tenant/schemas`, {
    body: {
      title: 'Members',
      allOf: [{ $ref: profile }, { $ref: 'https://ns.adobe.com/xdm/context/identitymap' }],
      'meta:immutableTags': ['union'],
    },
  })
  const enabled = await rest('POST', `${catalog}/dataSets`, {
    body: { name: 'members', schemaRef: { id: member.body.$id }, tags: { unifiedProfile: ['enabled:true'] } },
  })
  expect(enabled.status).toBe(201)
})

test('labels are kept with an etag', async () => {
  const id = await madeDataset('labelled')
  const path = `/data/foundation/dataset/datasets/${id}/labels`
  const body = {
    labels: ['C12'],
    optionalLabels: [
      { option: { id: 'https://ns.adobe.com/x/schemas/y', schemaPath: '/properties/n' }, labels: ['I1'] },
    ],
  }
  const none = { status: 404, body: { code: 'PES-404', message: expect.stringContaining('no labels') } }
  expect(await rest('GET', path)).toMatchObject(none)
  expect(await rest('POST', path, { body })).toMatchObject({ status: 201, body })
  expect(await rest('POST', path, { body })).toMatchObject({ status: 403, body: { code: 'PES-403' } })
  expect((await rest('HEAD', path)).status).toBe(200)
  const first = await rest('GET', path)
  expect(first.body).toEqual({ [`AEP:dataset:${id}`]: { imsOrg: expect.any(String), ...body } })
  const etag = first.headers.get('etag') ?? ''
  const put = (headers: Record<string, string>) => rest('PUT', path, { body: { labels: ['C1'] }, headers })
  expect((await put({})).status).toBe(400)
  expect((await put({ 'if-match': etag })).body).toEqual({ labels: ['C1'], optionalLabels: [] })
  expect((await put({ 'if-match': etag })).status).toBe(412)
  expect((await rest('DELETE', path)).status).toBe(400)
  expect((await rest('DELETE', path, { headers: { 'if-match': '*' } })).status).toBe(204)
  expect(await rest('GET', path)).toMatchObject(none)
  expect((await rest('HEAD', path)).status).toBe(404)
})

test('batches are filtered by state and time, ordered and trimmed', async () => {
  await product.run('CREATE TABLE filtered AS SELECT 1 AS n')
  await product.run('INSERT INTO filtered SELECT 2')
  const [dataSet] = Object.keys((await rest('GET', `${catalog}/dataSets?name=filtered`)).body)
  const all = async (query: string) =>
    (await rest('GET', `${catalog}/batches?dataSet=${dataSet}&${query}`)).body as Record<
      string,
      { created: number }
    >
  const list = async (query: string) => Object.keys(await all(query))
  const [second, first] = await list('orderBy=desc:created')
  expect(await list('orderBy=asc:created')).toEqual([first, second])
  expect(await list('orderBy=asc:created,updated')).toEqual([first, second])
  expect(await list('orderBy=desc:updated,created')).toEqual([second, first])
  expect(await list('status=success')).toHaveLength(2)
  expect(await list('status=failed,active')).toHaveLength(2)
  for (const status of ['failed', 'staging', 'loading,queued'])
    expect(await list(`status=${status}`)).toEqual([])
  const { created } = (await all('orderBy=asc:created'))[first!]!
  expect(await list(`createdAfter=${created}`)).toEqual([second])
  expect(await list(`createdBefore=${created + 1}`)).toEqual([first])
  expect(await list(`createdAfter=${new Date(created).toISOString()}`)).toEqual([second])
  expect(await all('properties=status&limit=1')).toEqual({ [second!]: { status: 'success' } })
  expect((await rest('GET', `${catalog}/batches/${second}?properties=status`)).body).toEqual({
    [second!]: { status: 'success' },
  })
  for (const query of [
    'status=happy',
    'createdAfter=yesterday',
    'createdAfter=-271821-04-20T00:00:00.000Z',
    'orderBy=desc:size',
    'orderBy=asc:created,',
  ]) {
    expect([query, (await rest('GET', `${catalog}/batches?${query}`)).status]).toEqual([query, 400])
  }
})

test('the end of a dataset is a day there is, is told in seconds, and is over with the dataset', async () => {
  const ttl = '/data/core/hygiene/ttl'
  const datasetId = await madeDataset('to end')
  for (const expiry of ['2030-02-31', '2031-02-29', '2030-13-01', '2030-12-31T25:00:00Z', '2030-12-31T10:00'])
    expect([expiry, (await rest('POST', ttl, { body: { datasetId, expiry } })).status]).toEqual([expiry, 400])
  const made = await rest('POST', ttl, { body: { datasetId, expiry: '2030-12-31' } })
  expect([made.status, made.body]).toMatchObject([
    201,
    { status: 'pending', expiry: '2030-12-31T00:00:00Z', updatedAt: expect.stringMatching(/:\d\dZ$/) },
  ])
  const put = { body: { expiry: '2032-02-29T12:00:00+02:00' } }
  expect((await rest('PUT', `${ttl}/${made.body.ttlId}`, put)).body.expiry).toBe('2032-02-29T10:00:00Z')
  await rest('DELETE', `${catalog}/dataSets/${datasetId}`)
  expect((await rest('GET', `${ttl}/${made.body.ttlId}`)).body).toMatchObject({ status: 'cancelled' })
})

test('a dataset tells of the rows and bytes that it holds, also when old rows have gone', async () => {
  const event = 'https://ns.adobe.com/xdm/context/experienceevent'
  const schema = await rest('POST', `${registry}/tenant/schemas`, {
    body: { title: 'Old visits', allOf: [{ $ref: event }] },
  })
  const id = await madeDataset('old visits', { schemaRef: { id: schema.body.$id, contentType: 'x' } })
  const many = (age: number, count: number) =>
    `INSERT INTO old_visits (_id, timestamp) SELECT concat('${age}-', id), current_timestamp - make_interval(0, 0, 0, ${age}) FROM range(${count})`
  await product.run(many(100, 5000))
  await product.run(many(1, 7))
  const metrics = async () =>
    (await rest('GET', `${catalog}/dataSets/${id}`)).body[id].extensions.adobe_lakeHouse.metrics
  const before = await metrics()
  expect(before.rowCount).toBe(5007)
  await rest('PATCH', `${catalog}/v2/dataSets/${id}`, {
    body: { extensions: { adobe_lakeHouse: { rowExpiration: { ttlValue: 'P30D' } } } },
  })
  await rest('POST', '/sluice/v1/maintenance', { body: { tasks: ['retain'], dataSetId: id } })
  await expect.poll(metrics, { timeout: 30_000, interval: 100 }).toMatchObject({ rowCount: 7 })
  expect(await product.rows('SELECT count(*) FROM old_visits')).toEqual([[7]])
  const after = await metrics()
  expect(after.storageSize).toBeGreaterThan(0)
  expect(after.storageSize).toBeLessThan(before.storageSize / 2)
  await product.run('ALTER TABLE filtered ADD COLUMN more INT')
  const list = (await rest('GET', `${catalog}/dataSets?name=filtered`)).body as Record<string, never>
  expect(Object.values(list)).toMatchObject([
    { extensions: { adobe_lakeHouse: { metrics: { rowCount: 2 } } } },
  ])
})

test('a preview shows rows', async () => {
  await product.run("CREATE TABLE shown AS SELECT 1 AS n, 'x' AS t")
  const [id] = Object.keys((await rest('GET', `${catalog}/dataSets?name=shown`)).body)
  expect((await rest('GET', `/data/foundation/export/datasets/${id}/preview`)).body).toEqual({
    data: [{ n: 1, t: 'x' }],
  })
})

test('a dataset is composed of a class and field groups on the command line', async () => {
  const create = (...args: string[]) => sluice(['dataset', 'create', ...args, '--home', join(base, 'home')])
  expect(
    await create('visits', '--class', 'event', '--group', 'Web Details', 'Commerce Details'),
  ).toMatchObject({
    code: 0,
    out: expect.stringContaining('in SQL: visits'),
  })
  expect(
    await product.rows('SELECT count(web.webPageDetails.name), count(productListItems) FROM visits'),
  ).toEqual([[0, 0]])
  expect(await create('folk', '--schema', schemaId)).toMatchObject({ code: 0 })
  expect(await create('x', '--class', 'event', '--group', 'No such')).toMatchObject({
    code: 3,
    err: expect.stringContaining('There is no field group "No such"'),
  })
})

test('identity namespaces: shipped ones, own ones, and what never changes', async () => {
  const all = (await rest('GET', namespaces)).body as { code: string; id: number; custom: boolean }[]
  expect(all).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ code: 'ECID', id: 4, idType: 'COOKIE', status: 'ACTIVE', custom: false }),
      expect.objectContaining({ code: 'Email', id: 6, idType: 'EMAIL' }),
    ]),
  )
  const create = (body: object) => rest('POST', namespaces, { body })
  const made = await create({ name: 'CRM', code: 'CRMID', idType: 'Cross_device', description: 'Of the CRM' })
  expect([made.status, made.body]).toMatchObject([
    200,
    { id: expect.any(Number), code: 'CRMID', idType: 'CROSS_DEVICE', custom: true },
  ])
  expect(made.body.id).toBeGreaterThanOrEqual(10_000_000)
  for (const code of ['crmid', 'ecid']) {
    const taken = await create({ name: 'x', code, idType: 'COOKIE' })
    expect([code, taken.status, taken.body.error]).toEqual([code, 409, 'NAMESPACE_CODE_CONFLICT'])
  }
  expect((await create({ name: 'x', code: 'a b', idType: 'COOKIE' })).body.description).toContain('code: ')
  expect((await create({ name: 'x', code: 'ab', idType: 'SHOE' })).body.description).toContain('idType: ')
  const put = (body: object) => rest('PUT', `${namespaces}/${made.body.id}`, { body })
  const renamed = { name: 'CRM 2', code: 'CRMID', idType: 'CROSS_DEVICE' }
  expect((await put(renamed)).body).toMatchObject({ name: 'CRM 2', id: made.body.id })
  expect((await put({ ...renamed, code: 'OTHER' })).body.description).toContain('non editable')
  expect((await rest('GET', `${namespaces}/99`)).body).toMatchObject({
    status: 404,
    error: 'NAMESPACE_NOT_FOUND',
  })
})

test('descriptors say something of a field that is there, once, and show in every documented form', async () => {
  const descriptors = `${registry}/tenant/descriptors`
  const schema = (
    await rest('POST', `${registry}/tenant/schemas`, {
      body: {
        title: 'Described',
        allOf: [
          { $ref: profile },
          { $ref: `${profile}-personal-details` },
          { $ref: `${profile}-person-details` },
        ],
      },
    })
  ).body.$id as string
  const identity = {
    '@type': 'xdm:descriptorIdentity',
    'xdm:sourceSchema': schema,
    'xdm:sourceVersion': 1,
    'xdm:sourceProperty': '/personalEmail/address',
    'xdm:namespace': 'Email',
    'xdm:property': 'xdm:code',
    'xdm:isPrimary': true,
  }
  const create = (body: object) => rest('POST', descriptors, { body })
  const made = await create(identity)
  expect([made.status, made.body]).toMatchObject([
    201,
    { ...identity, '@id': expect.stringMatching(/^[0-9a-f]{40}$/) },
  ])
  for (const [change, field] of [
    [{ '@type': 'xdm:descriptorMagic' }, '@type'],
    [{ 'xdm:sourceSchema': 'https://nowhere' }, 'xdm:sourceSchema'],
    [{ 'xdm:sourceProperty': '/personalEmail' }, 'is an object'],
    [{ 'xdm:sourceProperty': '/no/such' }, 'no field'],
    [{ 'xdm:sourceProperty': 'personalEmail.address' }, 'xdm:sourceProperty'],
    [{ 'xdm:sourceProperty': '/_id' }, '"_id"'],
    [{ 'xdm:sourceProperty': '/person/birthYear' }, 'is a string'],
    [{ 'xdm:namespace': 'NOBODY' }, 'xdm:namespace'],
    [{ 'xdm:sourceProperty': '/person/taxId' }, 'primary identity already'],
    [{}, 'already'],
  ] as const) {
    const answer = await create({ ...identity, ...change })
    expect([change, answer.status, answer.body.detail]).toEqual([change, 400, expect.stringContaining(field)])
  }
  const title = (text: string) =>
    create({
      '@type': 'xdm:alternateDisplayInfo',
      'xdm:sourceSchema': schema,
      'xdm:sourceVersion': 1,
      'xdm:sourceProperty': '/person/name',
      'xdm:title': { en_us: text },
    })
  const [first, second] = [await title('Called'), await title('Called again')]
  expect([second.status, second.body['@id']]).toEqual([201, first.body['@id']])
  const filter = `property=xdm:sourceSchema==${schema},@type==xdm:descriptorIdentity`
  const list = async (accept: string) =>
    (await rest('GET', `${descriptors}?${filter}`, { headers: { accept } })).body
  const id = made.body['@id'] as string
  expect(await list('application/vnd.adobe.xdm-id+json')).toEqual({ 'xdm:descriptorIdentity': [id] })
  expect(await list('application/vnd.adobe.xdm-link+json')).toEqual({
    'xdm:descriptorIdentity': [`/tenant/descriptors/${id}`],
  })
  expect(await list('application/vnd.adobe.xdm+json')).toMatchObject({ 'xdm:descriptorIdentity': [identity] })
  expect(await list('application/vnd.adobe.xdm-v2+json')).toMatchObject({
    results: [identity],
    _page: { next: null },
  })
  const shown = await rest('GET', `${registry}/tenant/schemas/${encodeURIComponent(schema)}`, {
    headers: { accept: 'application/vnd.adobe.xed-full-desc+json; version=1' },
  })
  expect(shown.body['meta:descriptors']).toMatchObject([identity, { 'xdm:title': { en_us: 'Called again' } }])
  const put = await rest('PUT', `${descriptors}/${id}`, { body: { ...identity, 'xdm:isPrimary': false } })
  expect([put.status, put.body]).toEqual([201, { '@id': id }])
  expect((await rest('DELETE', `${descriptors}/${id}`)).status).toBe(204)
  expect((await rest('GET', `${descriptors}/${id}`)).status).toBe(404)
})
