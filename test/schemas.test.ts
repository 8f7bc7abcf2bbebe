import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Product, startProduct } from './support/product.ts'
import { type Rest, restOf } from './support/rest.ts'

let base: string
let product: Product
let rest: Rest
let tenant: string

const registry = '/data/foundation/schemaregistry'
const xdm = 'https://ns.adobe.com/xdm'
const event = `${xdm}/context/experienceevent`
const profile = `${xdm}/context/profile`
const full = { accept: 'application/vnd.adobe.xed-full+json; version=1' }

beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-schemas-')
  await chmod(base, 0o711)
  const home = join(base, 'home')
  product = await startProduct({ home })
  rest = await restOf({ http: product.http, home })
  tenant = (await rest('GET', `${registry}/stats/`)).body.tenantId
})
afterAll(async () => {
  await product?.[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

const at = (path: string, id: string) => `${registry}/tenant/${path}/${encodeURIComponent(id)}`

async function made(
  path: string,
  body: unknown,
): Promise<{ $id: string; 'meta:altId': string; version: string }> {
  const answer = await rest('POST', `${registry}/tenant/${path}`, { body })
  expect([answer.status, answer.body]).toMatchObject([201, { $id: expect.any(String) }])
  return answer.body
}

function group(title: string, fields: object, extend: readonly string[] = [event]) {
  return {
    title,
    type: 'object',
    'meta:intendedToExtend': extend,
    definitions: {
      customFields: {
        type: 'object',
        properties: { [`_${tenant}`]: { type: 'object', properties: fields } },
      },
    },
    allOf: [{ $ref: '#/definitions/customFields' }],
  }
}

test('shipped classes, groups and types are there, in both notations, and nobody changes them', async () => {
  const web = encodeURIComponent(`${xdm}/context/experienceevent-web`)
  const raw = await rest('GET', `${registry}/global/fieldgroups/${web}`)
  expect(raw.body).toMatchObject({
    $id: `${xdm}/context/experienceevent-web`,
    'meta:altId': '_xdm.context.experienceevent-web',
    'meta:resourceType': 'mixins',
    title: 'Web Details',
    version: '1.0',
    allOf: [{ $ref: '#/definitions/experienceevent-web' }],
  })
  // A look-up ignores the container, takes the alternative id, and knows both names of field groups.
  const compatible = await rest('GET', `${registry}/tenant/mixins/_xdm.context.experienceevent-web/`, {
    headers: full,
  })
  expect(compatible.body.properties.web.properties.webPageDetails.properties.URL).toMatchObject({
    type: 'string',
  })
  const standard = await rest('GET', `${registry}/tenant/fieldgroups/${web}`, {
    headers: { accept: 'application/vnd.adobe.xdm-full+json; version=1' },
  })
  expect(Object.keys(standard.body.properties)).toEqual(['xdm:web'])
  const flat = await rest('GET', `${registry}/tenant/fieldgroups/${web}`, {
    headers: { accept: 'application/vnd.adobe.xdm-full-flat+json; version=1' },
  })
  expect(Object.keys(flat.body.properties)).toContain('xdm:web/xdm:webReferrer/xdm:URL')
  const silent = await rest('GET', `${registry}/tenant/fieldgroups/${web}`, {
    headers: { accept: 'application/vnd.adobe.xed-notext+json; version=1' },
  })
  expect(silent.body).not.toHaveProperty('title')
  const behaviours = await rest('GET', `${registry}/global/behaviors`)
  expect(behaviours.body.results.map((entry: { $id: string }) => entry.$id).sort()).toEqual([
    `${xdm}/data/adhoc`,
    `${xdm}/data/record`,
    `${xdm}/data/time-series`,
  ])
  for (const [method, path] of [
    ['POST', '/global/schemas'],
    ['PUT', `/global/fieldgroups/${web}`],
    ['PATCH', `/global/fieldgroups/${web}`],
    ['DELETE', `/tenant/fieldgroups/${web}`],
  ] as const) {
    const answer = await rest(method, `${registry}${path}`, { body: { title: 'x' } })
    expect([path, answer.status, answer.body.type]).toEqual([
      path,
      403,
      'http://ns.adobe.com/aep/errors/XDM-1604-403',
    ])
  }
})

test('a schema is composed of a class, a shipped group and one of our own, and becomes a table', async () => {
  const extras = await made(
    'fieldgroups',
    group('Shop extras', {
      basketSize: { title: 'Basket size', type: 'integer', minimum: 0, maximum: 2_147_483_647 },
      coupons: { type: 'array', items: { type: 'string' } },
    }),
  )
  expect(extras.$id).toMatch(new RegExp(`^https://ns\\.adobe\\.com/${tenant}/mixins/[0-9a-f]{48}$`))
  const schema = await made('schemas', {
    title: 'Shop events',
    description: 'Web shop',
    allOf: [
      { $ref: event },
      { $ref: `${xdm}/context/experienceevent-web` },
      { $ref: extras.$id, type: 'object', 'meta:xdmType': 'object' },
    ],
  })
  expect(schema).toMatchObject({
    version: '1.0',
    'meta:class': event,
    'meta:extends': [
      event,
      `${xdm}/data/time-series`,
      `${xdm}/context/identitymap`,
      `${xdm}/context/experienceevent-web`,
      extras.$id,
    ],
    'meta:extensible': false,
    'meta:tenantNamespace': `_${tenant}`,
    'meta:registryMetadata': { eTag: expect.any(String) },
  })
  const resolved = (await rest('GET', at('schemas', schema['meta:altId']), { headers: full })).body
  expect(Object.keys(resolved.properties)).toEqual([
    '_id',
    'timestamp',
    'eventType',
    'eventMergeId',
    'producedBy',
    'identityMap',
    'web',
    `_${tenant}`,
  ])
  expect(resolved).toMatchObject({
    required: ['_id', 'timestamp'],
    properties: {
      [`_${tenant}`]: { properties: { basketSize: { type: 'integer', 'meta:xdmType': 'int' } } },
    },
  })
  expect(resolved).not.toHaveProperty('allOf')
  const [reference] = (
    await rest('POST', '/data/foundation/catalog/dataSets', {
      body: {
        name: 'Shop',
        schemaRef: { id: schema.$id, contentType: 'application/vnd.adobe.xed+json;version=1' },
      },
    })
  ).body as [string]
  expect(reference).toMatch(/^@\/dataSets\/[0-9a-f]{24}$/)
  const rows = await product.rows(`SELECT count(web.webPageDetails.URL), count(_${tenant}.coupons) FROM shop`)
  expect(rows).toEqual([[0, 0]])

  // In use now: what rows rely on stays.
  const gone = await rest('DELETE', at('schemas', schema.$id))
  expect([gone.status, gone.body.type]).toEqual([400, expect.stringContaining('XDM-1602-400')])
  const inUse = await rest('DELETE', at('fieldgroups', extras.$id))
  expect([inUse.status, inUse.body.detail]).toEqual([
    400,
    expect.stringContaining('the schema "Shop events" refer'),
  ])
  const narrowed = await rest('PATCH', at('fieldgroups', extras.$id), {
    body: [
      {
        op: 'replace',
        path: `/definitions/customFields/properties/_${tenant}/properties/basketSize/maximum`,
        value: 10,
      },
      { op: 'remove', path: `/definitions/customFields/properties/_${tenant}/properties/coupons` },
    ],
  })
  expect([narrowed.status, narrowed.body]).toMatchObject([
    400,
    {
      type: 'http://ns.adobe.com/aep/errors/XDM-1601-400',
      code: 'schema.evolution',
      report: {
        'sub-errors': [
          { path: `/_${tenant}/basketSize`, message: expect.stringContaining('xdmType') },
          { path: `/_${tenant}/basketSize`, message: 'maximum becomes tighter' },
          { path: `/_${tenant}/coupons`, message: 'the field is gone or moved' },
        ],
      },
    },
  ])
})

test('lists are filtered, ordered and paged as clients ask', async () => {
  const titles = ['Page d', 'Page a', 'Page c', 'Page b']
  for (const title of titles)
    await made('fieldgroups', group(title, { [title.slice(-1)]: { type: 'string' } }, [profile]))
  const list = async (query: string, accept = 'application/vnd.adobe.xed-id+json') =>
    (await rest('GET', `${registry}/tenant/fieldgroups?${query}`, { headers: { accept } })).body
  const filter = `property=meta:intendedToExtend==${profile}`
  const first = await list(`${filter}&orderby=title&limit=3`)
  expect(first).toMatchObject({
    results: [{ title: 'Page a' }, { title: 'Page b' }, { title: 'Page c' }],
    _page: { orderby: 'title', next: 'Page c', count: 3 },
    _links: {
      next: { href: expect.stringContaining('start=Page+c') },
      global_fieldgroups: { href: `${registry}/global/fieldgroups` },
    },
  })
  expect(Object.keys(first.results[0]).sort()).toEqual(['$id', 'meta:altId', 'title', 'version'])
  expect(await list(`${filter}&orderby=title&limit=3&start=Page+c`)).toMatchObject({
    results: [{ title: 'Page d' }],
    _page: { next: null },
    _links: { next: null },
  })
  expect((await list(`${filter}&orderby=-title&properties=title`)).results).toEqual([
    { title: 'Page d' },
    { title: 'Page c' },
    { title: 'Page b' },
    { title: 'Page a' },
  ])
  expect((await list('limit=300&property=title==Page a')).results).toMatchObject([{ title: 'Page a' }])
  expect((await list(`property=title==Page a,meta:intendedToExtend==${event}`)).results).toEqual([])
  const global = await rest('GET', `${registry}/global/fieldgroups?orderby=title&limit=500`)
  expect(global.body.results.length).toBeGreaterThanOrEqual(349)
  let count = 0
  for (let start: string | null = ''; start !== null;) {
    const page: { results: unknown[]; _page: { next: string | null } } = (
      await rest(
        'GET',
        `${registry}/global/fieldgroups?orderby=title&limit=50&start=${encodeURIComponent(start)}`,
      )
    ).body
    count += page.results.length
    start = page._page.next
  }
  expect(count).toBe(global.body.results.length)
})

test.each([
  ['a version on a list', '/tenant/schemas', 'application/vnd.adobe.xed+json; version=1', 'XDM-1006-400'],
  [
    'an id of one',
    `/global/classes/_xdm.context.profile`,
    'application/vnd.adobe.xed-id+json',
    'XDM-1007-400',
  ],
  [
    'another version',
    `/global/classes/_xdm.context.profile`,
    'application/vnd.adobe.xed+json; version=2',
    'XDM-1007-400',
  ],
  ['another type', '/tenant/schemas', 'text/html', 'XDM-1006-400'],
  ['descriptors in full', '/tenant/descriptors', 'application/vnd.adobe.xdm-full+json', 'XDM-1008-400'],
])('an Accept that does not fit is refused: %s', async (_name, path, accept, code) => {
  const answer = await rest('GET', `${registry}${path}`, { headers: { accept } })
  expect([answer.status, answer.body.type]).toEqual([400, `http://ns.adobe.com/aep/errors/${code}`])
  expect(answer.body.report.timestamp).toMatch(/^\d\d-\d\d-\d{4} \d\d:\d\d:\d\d$/)
})

test('two administrators who change one group at once: the second is told', async () => {
  const { $id } = await made('fieldgroups', group('Contested', { a: { type: 'string' } }))
  const read = (await rest('GET', at('fieldgroups', $id))).body
  const etag = read['meta:registryMetadata'].eTag
  const change = (title: string) =>
    rest('PATCH', at('fieldgroups', $id), {
      body: { op: 'replace', path: '/title', value: title },
      headers: { 'if-match': `"${etag}"` },
    })
  const answers = await Promise.all([change('Mine'), change('Yours')])
  expect(answers.map((answer) => answer.status).sort((a, b) => a - b)).toEqual([200, 412])
  const refused = answers.find((answer) => answer.status === 412)!
  expect(refused.body).toMatchObject({
    type: 'http://ns.adobe.com/aep/errors/XDM-1605-412',
    detail: expect.stringContaining('was changed since'),
  })
  const after = (await rest('GET', at('fieldgroups', $id))).body
  expect([after.version, ['Mine', 'Yours'].includes(after.title)]).toEqual(['1.1', true])
  // Sent back as it was read, nothing changes and no version is counted; without If-Match the last writer wins.
  expect((await rest('PUT', at('fieldgroups', $id), { body: after })).body.version).toBe('1.1')
  expect(
    (await rest('PATCH', at('fieldgroups', $id), { body: [{ op: 'add', path: '/description', value: 'x' }] }))
      .body.version,
  ).toBe('1.2')
  const log = (await rest('GET', `${registry}/rpc/auditlog/${encodeURIComponent($id)}`)).body
  expect(log).toHaveLength(3)
  expect(log[0].auditTrails).toEqual([
    expect.objectContaining({ action: 'add', path: '/description', value: 'x', xdmType: 'mixins' }),
  ])
})

const deep = (levels: number): object =>
  levels === 0 ? { type: 'string' } : { type: 'object', properties: { a: deep(levels - 1) } }
const doubling = Object.fromEntries(
  Array.from({ length: 40 }, (_, index) => [
    `d${index}`,
    {
      type: 'object',
      properties: { l: { $ref: `#/definitions/d${index + 1}` }, r: { $ref: `#/definitions/d${index + 1}` } },
    },
  ]),
)

test.each<[string, () => unknown, string]>([
  ['no title', () => ({ allOf: [{ $ref: event }] }), '#/title'],
  ['a title that is no text', () => ({ title: 7, allOf: [{ $ref: event }] }), '#/title'],
  ['two classes', () => ({ title: 'x1', allOf: [{ $ref: event }, { $ref: profile }] }), '#/allOf'],
  ['no class', () => ({ title: 'x2', allOf: [{ $ref: `${xdm}/context/experienceevent-web` }] }), '#/allOf'],
  [
    'a group of another class',
    () => ({ title: 'x3', allOf: [{ $ref: profile }, { $ref: `${xdm}/context/experienceevent-web` }] }),
    '#/allOf',
  ],
  [
    'an unknown reference',
    () => ({ title: 'x4', allOf: [{ $ref: event }, { $ref: 'https://ns.adobe.com/nobody/mixins/1' }] }),
    'nobody',
  ],
  [
    'an unknown definition',
    () => ({ title: 'x5', allOf: [{ $ref: event }, { $ref: '#/definitions/no' }] }),
    '#/allOf/1/$ref',
  ],
  [
    'a circle',
    () => ({
      title: 'x6',
      properties: { a: { $ref: '#/definitions/a' } },
      definitions: { a: { properties: { b: { $ref: '#/definitions/a' } } } },
    }),
    'contains itself',
  ],
  ['a circle of the whole', () => ({ title: 'x7', properties: { a: { $ref: '#' } } }), '/$ref'],
  ['fields nested 60 deep', () => ({ title: 'x8', properties: { a: deep(60) } }), 'nest at most'],
  [
    'objects nested 100,000 deep',
    () => `{"title":"x9","properties":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`,
    'nest at most',
  ],
  [
    'references that double 40 times',
    () => ({
      title: 'x10',
      properties: { a: { $ref: '#/definitions/d0' } },
      definitions: { ...doubling, d40: { type: 'string' } },
    }),
    'at most',
  ],
  [
    '10,001 fields',
    () => ({
      title: 'x11',
      properties: Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`f${i}`, { type: 'string' }])),
    }),
    '10000 fields',
  ],
  [
    'look-around in a pattern',
    () => ({ title: 'x12', properties: { a: { type: 'string', pattern: '(?=a)b' } } }),
    '#/properties/a/pattern',
  ],
  [
    'a back-reference in a pattern',
    () => ({ title: 'x13', properties: { a: { type: 'string', pattern: '(a)\\1' } } }),
    '#/properties/a/pattern',
  ],
  [
    'a pattern that is none',
    () => ({ title: 'x14', properties: { a: { type: 'string', pattern: '(' } } }),
    '#/properties/a/pattern',
  ],
  [
    'names that differ by case',
    () => ({ title: 'x15', properties: { a: { type: 'string' }, A: { type: 'string' } } }),
    'differs only by case',
  ],
  ['an unknown type', () => ({ title: 'x16', properties: { a: { type: 'tuple' } } }), '/type'],
  ['a list', () => [], 'JSON object'],
  [
    'a model-based schema',
    () => ({ title: 'x17', 'meta:behaviorType': 'record', properties: { a: { type: 'string' } } }),
    'model-based',
  ],
])('a hostile or wrong schema is refused with its place: %s', async (_name, document, place) => {
  const answer = await rest('POST', `${registry}/tenant/schemas`, { body: document() })
  expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(place)])
  expect(answer.body.type).toMatch(/XDM-\d{4}-400$/)
})

test('resources that would contain each other are refused, whichever closes the circle', async () => {
  const type = (title: string, inner?: string) => ({
    title,
    type: 'object',
    properties: { a: { type: 'string' }, ...(inner === undefined ? {} : { inner: { $ref: inner } }) },
  })
  const first = await made('datatypes', type('Circle one'))
  const second = await made('datatypes', type('Circle two', first.$id))
  const third = await made('datatypes', type('Circle three', second.$id))
  for (const [title, inner] of [
    ['Circle one', third.$id],
    ['Circle one', first.$id],
  ] as const) {
    const answer = await rest('PUT', at('datatypes', first.$id), { body: type(title, inner) })
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining('contains itself')])
  }
})

test('a pattern that would run away in a backtracking matcher is stored and never run there', async () => {
  await made('schemas', { title: 'Runaway', properties: { a: { type: 'string', pattern: '^(a+)+$' } } })
})

test.each<[string, (tenant: string) => object, string]>([
  [
    'a field outside of the tenant',
    () => ({ title: 'g1', type: 'object', properties: { size: { type: 'string' } } }),
    'XDM-1020-400',
  ],
  [
    'a reserved name',
    (id) => ({
      title: 'g2',
      properties: { [`_${id}`]: { type: 'object', properties: { _x: { type: 'string' } } } },
    }),
    'XDM-1021-400',
  ],
  [
    'a name of JSON Schema',
    (id) => ({
      title: 'g3',
      properties: { [`_${id}`]: { type: 'object', properties: { items: { type: 'string' } } } },
    }),
    'XDM-4000-400',
  ],
  [
    'a title that is taken',
    (id) => ({
      title: 'SHOP EXTRAS',
      properties: { [`_${id}`]: { type: 'object', properties: { a: { type: 'string' } } } },
    }),
    'XDM-1521-400',
  ],
])('a wrong field group is refused: %s', async (_name, body, code) => {
  const answer = await rest('POST', `${registry}/tenant/fieldgroups`, { body: body(tenant) })
  expect([answer.status, answer.body.type]).toEqual([400, `http://ns.adobe.com/aep/errors/${code}`])
})

test('a schema may not have the title of a field group, and is told so', async () => {
  const { status, body } = await rest('POST', `${registry}/tenant/schemas`, {
    body: {
      title: 'Shop extras',
      type: 'object',
      allOf: [{ $ref: 'https://ns.adobe.com/xdm/context/profile' }],
    },
  })
  expect([status, body.type]).toEqual([400, 'http://ns.adobe.com/aep/errors/XDM-1521-400'])
  expect(body.detail).toContain(
    'a schema, class, field group or data type has the title "Shop extras" already',
  )
})

test('a group may add a tenant field inside a standard object, and two groups that meet must agree', async () => {
  const inside = await made('fieldgroups', {
    title: 'Inside web',
    type: 'object',
    properties: {
      web: {
        type: 'object',
        properties: { [`_${tenant}`]: { type: 'object', properties: { campaign: { type: 'string' } } } },
      },
    },
  })
  const clash = await made('fieldgroups', {
    title: 'Inside web too',
    type: 'object',
    properties: {
      web: {
        type: 'object',
        properties: { [`_${tenant}`]: { type: 'object', properties: { campaign: { type: 'integer' } } } },
      },
    },
  })
  const allOf = [{ $ref: event }, { $ref: `${xdm}/context/experienceevent-web` }, { $ref: inside.$id }]
  await made('schemas', { title: 'Meeting', allOf })
  const refused = await rest('POST', `${registry}/tenant/schemas`, {
    body: { title: 'Clashing', allOf: [...allOf, { $ref: clash.$id }] },
  })
  expect([refused.status, refused.body.detail]).toEqual([
    400,
    expect.stringContaining('is defined as string and as int'),
  ])
})

test('custom classes and data types, PUT and PATCH by the documented idioms, and 404 after DELETE', async () => {
  const address = await made('datatypes', {
    title: 'Store address',
    type: 'object',
    properties: { street: { type: 'string' } },
  })
  const store = await made('classes', {
    title: 'Store',
    type: 'object',
    allOf: [
      { $ref: `${xdm}/data/record` },
      { properties: { [`_${tenant}`]: { type: 'object', properties: { place: { $ref: address.$id } } } } },
    ],
  })
  const schema = await made('schemas', { title: 'Stores', type: 'object', allOf: [{ $ref: store.$id }] })
  const groupOfStore = await made(
    'fieldgroups',
    group('Store hours', { opens: { type: 'string' } }, [store.$id]),
  )
  const patched = await rest('PATCH', at('schemas', schema.$id), {
    body: [
      {
        op: 'add',
        path: '/allOf',
        value: { $ref: groupOfStore.$id, type: 'object', 'meta:xdmType': 'object' },
      },
      { op: 'add', path: '/meta:extends/-', value: groupOfStore.$id },
    ],
  })
  expect(patched.body).toMatchObject({
    version: '1.1',
    allOf: [{ $ref: store.$id }, { $ref: groupOfStore.$id }],
  })
  expect(patched.body['meta:extends']).toEqual([store.$id, `${xdm}/data/record`, groupOfStore.$id])
  // A change of a type reaches every schema that contains it.
  const changed = await rest('PATCH', at('datatypes', address.$id), {
    body: [{ op: 'add', path: '/properties/city', value: { type: 'string' } }],
  })
  expect(changed.status).toBe(200)
  const resolved = (await rest('GET', at('schemas', schema.$id), { headers: full })).body
  expect(resolved.properties[`_${tenant}`].properties.place.properties).toHaveProperty('city')
  const put = await rest('PUT', at('schemas', schema.$id), { body: { ...patched.body, title: 'All stores' } })
  expect(put.body).toMatchObject({ title: 'All stores', version: '1.2' })
  for (const [path, id] of [
    ['schemas', schema.$id],
    ['fieldgroups', groupOfStore.$id],
    ['classes', store.$id],
    ['datatypes', address.$id],
  ] as const) {
    const gone = await rest('DELETE', at(path, id))
    expect([path, gone.status, gone.body]).toEqual([path, 204, undefined])
    const missing = await rest('GET', at(path, id))
    expect([path, missing.status]).toEqual([path, 404])
  }
  expect((await rest('GET', at('schemas', 'https://ns.adobe.com/x/schemas/1'))).body).toMatchObject({
    type: 'http://ns.adobe.com/aep/errors/XDM-1012-404',
    title: 'Resource not found',
    status: 404,
  })
})

test('a union shows all fields of its schemas; the tag needs an identity and is never lost', async () => {
  const plain = await made('schemas', {
    title: 'Nameless',
    allOf: [{ $ref: profile }, { $ref: `${xdm}/context/profile-person-details` }],
  })
  const tag = { body: [{ op: 'add', path: '/meta:immutableTags', value: ['union'] }] }
  const refused = await rest('PATCH', at('schemas', plain.$id), tag)
  expect([refused.status, refused.body.type]).toEqual([400, 'http://ns.adobe.com/aep/errors/XDM-1528-400'])
  const loyal = await made(
    'fieldgroups',
    group('Loyalty', { level: { type: 'string' }, crmId: { type: 'string' } }, [profile]),
  )
  const member = await made('schemas', { title: 'Members', allOf: [{ $ref: profile }, { $ref: loyal.$id }] })
  const identity = await rest('POST', `${registry}/tenant/descriptors`, {
    body: {
      '@type': 'xdm:descriptorIdentity',
      'xdm:sourceSchema': member.$id,
      'xdm:sourceVersion': 1,
      'xdm:sourceProperty': `/_${tenant}/crmId`,
      'xdm:namespace': 'Email',
      'xdm:isPrimary': true,
    },
  })
  expect(identity.status).toBe(201)
  expect((await rest('PATCH', at('schemas', member.$id), tag)).status).toBe(200)
  const unions = (await rest('GET', `${registry}/tenant/unions`)).body
  expect(unions).toMatchObject({
    results: [{ $id: `${profile}__union`, title: 'XDM Individual Profile' }],
    _page: { next: null },
  })
  for (const path of ['unions', 'schemas']) {
    const union = (await rest('GET', at(path, '_xdm.context.profile__union'), { headers: full })).body
    expect(Object.keys(union.properties)).toEqual(
      expect.arrayContaining([
        `_${tenant}`,
        'identityMap',
        'segmentMembership',
        'timeSeriesEvents',
        'personID',
      ]),
    )
  }
  const removed = await rest('PATCH', at('schemas', member.$id), {
    body: [{ op: 'replace', path: '/meta:immutableTags', value: [] }],
  })
  expect([removed.status, removed.body.detail]).toEqual([
    400,
    expect.stringContaining('"union" cannot be removed'),
  ])
  expect((await rest('DELETE', at('schemas', member.$id))).status).toBe(400)
  // Without its primary identity it would be nobody's.
  const primary = `${registry}/tenant/descriptors/${identity.body['@id']}`
  const secondary = { body: { ...identity.body, 'xdm:isPrimary': false } }
  const stays = [await rest('DELETE', primary), await rest('PUT', primary, secondary)]
  expect(stays.map(({ status, body }) => [status, body.detail])).toEqual(
    Array.from({ length: 2 }, () => [400, expect.stringContaining('schema is in a union')]),
  )
  expect((await rest('GET', `${registry}/stats`)).body).toMatchObject({
    tenantId: tenant,
    counts: { unions: 1 },
    classUsage: expect.arrayContaining([
      expect.objectContaining({ $id: profile, title: 'XDM Individual Profile' }),
    ]),
  })
})

test('an ad hoc class has its wrapper named after it, and its columns are at the top', async () => {
  const adHoc = await made('classes', {
    title: 'Lookup class',
    type: 'object',
    allOf: [
      { $ref: `${xdm}/data/adhoc` },
      {
        properties: {
          _adhoc: { type: 'object', properties: { sku: { type: 'string' }, price: { type: 'number' } } },
        },
      },
    ],
  })
  const wrapper = `_${adHoc.$id.split('/').at(-1)}`
  const schema = await made('schemas', { title: 'Lookup', allOf: [{ $ref: adHoc.$id }] })
  expect(schema).toMatchObject({ 'meta:datasetNamespace': wrapper })
  const resolved = (await rest('GET', at('schemas', schema.$id), { headers: full })).body
  expect(Object.keys(resolved.properties)).toEqual([wrapper])
  await rest('POST', '/data/foundation/catalog/dataSets', {
    body: { name: 'Lookup rows', schemaRef: { id: schema.$id } },
  })
  expect(await product.rows('SELECT count(sku), count(price) FROM lookup_rows')).toEqual([[0, 0]])
})

test('what was exported comes in again, once; sample data is the same each time', async () => {
  const part = await made('fieldgroups', group('Exported part', { n: { type: 'integer' } }))
  const schema = await made('schemas', { title: 'Exported', allOf: [{ $ref: event }, { $ref: part.$id }] })
  const bundle = (await rest('GET', `${registry}/rpc/export/${encodeURIComponent(schema.$id)}`)).body as {
    title: string
  }[]
  expect(bundle.map((entry) => entry.title)).toEqual(['Exported part', 'Exported'])
  expect(JSON.stringify(bundle)).toContain('<XDM_TENANTID_PLACEHOLDER>')
  expect(JSON.stringify(bundle)).not.toContain(tenant)
  expect((await rest('POST', `${registry}/rpc/export/`, { body: bundle })).status).toBe(200) // All there already.
  await rest('DELETE', at('schemas', schema.$id))
  await rest('DELETE', at('fieldgroups', part.$id))
  const back = await rest('POST', `${registry}/rpc/import`, { body: bundle })
  expect([back.status, back.body.map((entry: { $id: string }) => entry.$id)]).toEqual([
    200,
    [part.$id, schema.$id],
  ])
  await rest('PATCH', at('fieldgroups', part.$id), {
    body: { op: 'replace', path: '/title', value: 'Other' },
  })
  expect((await rest('POST', `${registry}/rpc/import`, { body: bundle })).body.type).toContain('XDM-3005-400')
  const sample = async () =>
    (await rest('GET', `${registry}/rpc/sampledata/${encodeURIComponent(schema.$id)}`)).body
  const first = await sample()
  expect(first).toMatchObject({
    '@id': expect.any(String),
    'xdm:timestamp': expect.stringMatching(/^20\d\d-/),
    [`_${tenant}`]: { n: expect.any(Number) },
  })
  expect(await sample()).toEqual(first)
})

test('the largest shipped template resolves and becomes a table', async () => {
  const schema = await made('schemas', {
    title: 'Analytics',
    allOf: [{ $ref: event }, { $ref: 'https://ns.adobe.com/experience/analytics-experienceevent' }],
  })
  const resolved = (await rest('GET', at('schemas', schema.$id), { headers: full })).body
  expect(
    resolved.properties._experience.properties.analytics.properties.event1to100.properties.event100,
  ).toMatchObject({
    properties: { value: { type: 'number' } },
    required: ['value'],
  })
  // POIID is deprecated: shown on request only.
  const detail = (document: typeof resolved) =>
    Object.keys(document.properties.placeContext.properties.POIinteraction.properties.poiDetail.properties)
  expect(detail(resolved)).not.toContain('POIID')
  const all = (
    await rest('GET', at('schemas', schema.$id), {
      headers: { accept: 'application/vnd.adobe.xed-deprecatedfield+json; version=1' },
    })
  ).body
  expect(detail(all)).toContain('POIID')
})

test('an identity has one opaque name in a sandbox, however its namespace is said', async () => {
  const look = async (query: string, sandbox = 'prod') =>
    await rest('GET', `/data/core/identity/identity?${query}`, { headers: { 'x-sandbox-name': sandbox } })
  const body = { name: 'CRM', code: 'CRMID', idType: 'CROSS_DEVICE' }
  const { body: made } = await rest('POST', '/data/core/idnamespace/identities', { body })
  const { xid } = (await look('namespace=CRMID&id=jane')).body
  expect(xid).toMatch(/^[\w-]{43}$/)
  for (const same of [
    'namespace=crmid&id=jane',
    `nsid=${made.id}&id=jane`,
    `namespace=CRMID&nsid=${made.id}&id=jane`,
  ]) {
    expect((await look(same)).body).toEqual({ xid })
  }
  await rest('POST', '/data/foundation/sandbox-management/sandboxes', {
    body: { name: 'beside', title: 'Beside', type: 'development' },
  })
  const others = [await look('namespace=CRMID&id=Jane'), await look('namespace=Email&id=jane')]
  const elsewhere = [await look('namespace=Email&id=jane', 'beside')]
  const all = [xid, ...[...others, ...elsewhere].map((answer) => answer.body.xid)]
  expect(new Set(all.filter(Boolean)).size).toBe(4)
  expect((await look('namespace=CRMID&id=jane', 'beside')).status).toBe(404)
  for (const wrong of ['namespace=CRMID', 'namespace=CRMID&id=', 'id=x', 'namespace=CRMID&nsid=6&id=x']) {
    expect([wrong, (await look(wrong)).status]).toEqual([wrong, 400])
  }
})

test('a resource says which kind of sandbox it is in', async () => {
  await rest('POST', '/data/foundation/sandbox-management/sandboxes', {
    body: { name: 'workshop', title: 'Workshop', type: 'development' },
  })
  const types = async (sandbox: string) => {
    const headers = { 'x-sandbox-name': sandbox }
    const schema = await rest('POST', `${registry}/tenant/schemas`, {
      body: { title: 'Placed', allOf: [{ $ref: event }, { $ref: `${xdm}/context/experienceevent-web` }] },
      headers,
    })
    const descriptor = await rest('POST', `${registry}/tenant/descriptors`, {
      body: {
        '@type': 'xdm:alternateDisplayInfo',
        'xdm:sourceSchema': schema.body.$id,
        'xdm:sourceVersion': 1,
        'xdm:sourceProperty': '/web/webPageDetails/name',
        'xdm:title': { en_us: 'Page' },
      },
      headers,
    })
    return [schema.body['meta:sandboxType'], descriptor.body['meta:sandboxType']]
  }
  expect(await types('workshop')).toEqual(['development', 'development'])
  expect(await types('prod')).toEqual(['production', 'production'])
})
