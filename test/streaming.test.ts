import { mkdtemp, chmod, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { streamFaultPoints } from '#base/faults.ts'
import { signIn, type Actor } from './support/actor.ts'
import { startProduct, type Product } from './support/product.ts'

/** Messages over HTTP to the real program, which dies at each of the fault points of streaming and comes back. */
const flows = '/data/foundation/flowservice'
const env = { SLUICE_STREAMING_BATCH_MS: '200ms' }
let base: string
let product: Product
let datasetId: string
let schemaId: string
let organizationId: string
let open: Inlet
let closed: Inlet

interface Inlet {
  readonly id: string
  readonly inletId: string
  readonly inletUrl: string
}

beforeAll(async () => {
  base = await mkdtemp('/tmp/sluice-streaming-')
  await chmod(base, 0o711)
  product = await start()
  const credentials = await readFile(join(base, 'home', 'credentials.json'), 'utf8')
  organizationId = (JSON.parse(credentials) as { organizationId: string }).organizationId
  const schema = await product.call<{ $id: string }>(
    'POST',
    '/data/foundation/schemaregistry/tenant/schemas',
    {
      title: 'streamed',
      type: 'object',
      properties: { _id: { type: 'string' }, n: { type: 'integer' } },
    },
  )
  schemaId = schema.$id
  const [reference = ''] = await product.call<string[]>('POST', '/data/foundation/catalog/dataSets', {
    name: 'streamed',
    schemaRef: { id: schemaId, contentType: 'application/vnd.adobe.xed+json;version=1' },
  })
  datasetId = reference.split('/').at(-1) ?? ''
  open = await makeInlet('open', false)
  closed = await makeInlet('closed', true)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

const start = async (faultPoint?: string) =>
  await startProduct({ home: join(base, 'home'), env, ...(faultPoint ? { faultPoint } : {}) })

async function makeInlet(sourceId: string, authenticationRequired: boolean): Promise<Inlet> {
  const { id } = await product.call<{ id: string }>('POST', `${flows}/connections`, {
    name: sourceId,
    connectionSpec: { id: 'bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb', version: '1.0' },
    auth: {
      specName: 'Streaming Connection',
      params: { sourceId, dataType: 'xdm', name: sourceId, authenticationRequired },
    },
  })
  type Read = { items: [{ auth: { params: Inlet } }] }
  const { items } = await product.call<Read>('GET', `${flows}/connections/${id}`)
  return { ...items[0].auth.params, id }
}

function message(n: number | string) {
  const schemaRef = { id: schemaId, contentType: 'application/vnd.adobe.xed-full+json;version=1' }
  return {
    header: { schemaRef, imsOrgId: organizationId, datasetId, source: { name: 'test' } },
    body: { xdmMeta: { schemaRef }, xdmEntity: { _id: `e${n}`, n } },
  }
}

async function post(
  path: string,
  body: unknown,
  headers = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${product.http}${path}`, {
    method: 'POST',
    headers,
    body: typeof body === 'string' || body instanceof Buffer ? body : JSON.stringify(body),
  })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

const counted = async () => (await product.rows('SELECT count(*), count(DISTINCT _id) FROM streamed'))[0]

async function untilCounted(count: number): Promise<void> {
  await vi.waitFor(async () => expect((await counted())?.map(Number)).toEqual([count, count]), {
    timeout: 30_000,
    interval: 200,
  })
}

test('one message, several, and those that cannot be taken', async () => {
  const path = `/collection/${open.inletId}`
  expect(new URL(open.inletUrl).pathname).toBe(path)
  expect(await post(path, message(1))).toMatchObject({
    status: 200,
    body: {
      inletId: open.inletId,
      xactionId: expect.stringMatching(/^\d+:\w+:\d+$/),
      receivedTimeMs: expect.stringMatching(/^\d+$/),
    },
  })
  expect(
    await post(`/data/foundation/import/collection/batch/${open.inletId}?syncValidation=True`, {
      messages: [message(2), message('three'), { header: {} }],
    }),
  ).toMatchObject({
    status: 207,
    body: {
      inletId: open.inletId,
      batchId: expect.any(String),
      responses: [
        { xactionId: expect.any(String) },
        { status: 400, title: expect.any(String), detail: expect.stringContaining('"n"') },
        { status: 400, detail: expect.stringContaining('$.header') },
      ],
    },
  })
  expect(await post(`${path}?syncValidation=true`, message('x'))).toMatchObject({
    status: 400,
    body: { code: 'ingest.invalid' },
  })
  expect(await post(path, '{"header":')).toMatchObject({ status: 400 })
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  expect(await post(path, JSON.stringify(message('deep')).replace('"deep"', deep))).toMatchObject({
    status: 400,
    body: { detail: 'The message cannot be taken: it is nested too deeply.' },
  })
  const latin1 = Buffer.from(JSON.stringify(message('caf\u00e9')), 'latin1')
  for (const to of [path, `/collection/batch/${open.inletId}`]) {
    expect(await post(to, latin1)).toMatchObject({
      status: 400,
      body: { detail: expect.stringContaining('UTF-8') },
    })
  }
  expect(await post(path, 'x'.repeat(1024 * 1024 + 1))).toMatchObject({ status: 413 })
  for (const inletId of ['unknown', '%00', '%ED%A0%80', `${'0'.repeat(63)}%00`]) {
    expect([inletId, (await post(`/collection/${inletId}`, message(1))).status]).toEqual([
      inletId,
      inletId === '%ED%A0%80' ? 400 : 404,
    ])
  }
  await untilCounted(2)
})

test('messages that do not fit make a batch that failed, with each of them as it came', async () => {
  const long = { ...message('long'), body: { xdmEntity: { _id: 'x'.repeat(6_000), n: 'long\u2028\r line' } } }
  type Batches = Record<string, { status: string; recordCount: number; failedRecordCount: number }>
  const failed = async () =>
    await product.call<Batches>('GET', `/data/foundation/catalog/batches?status=failed&dataSet=${datasetId}`)
  const kept = async (batch: string) => {
    const path = `/data/foundation/export/batches/${batch}`
    const { data } = await product.call<{ data: { _links: { self: { href: string } } }[] }>(
      'GET',
      `${path}/failed`,
    )
    expect(data).toHaveLength(1)
    const errors = await product.text(`${path}/meta?path=row_errors/parsing_errors_0.json`)
    return [
      (await product.text(data[0]?._links.self.href ?? '')).trimEnd().split('\n'),
      errors
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { _corrupt_record: string })._corrupt_record),
    ]
  }
  const seen = new Set<string>()
  for (const [messages, count] of [
    [[long, message('bad')], 2],
    [[message(2.0), long], 1],
  ] as const) {
    expect(await post(`/collection/batch/${open.inletId}`, { messages })).toMatchObject({ status: 207 })
    const [batch = ''] = await vi.waitFor(
      async () => {
        const fresh = Object.entries(await failed()).filter(([id]) => !seen.has(id))
        expect(fresh).toMatchObject([[expect.any(String), { recordCount: 0, failedRecordCount: count }]])
        return fresh.map(([id]) => id)
      },
      { timeout: 20_000, interval: 100 },
    )
    seen.add(batch)
    const texts = messages.map(({ body }) => JSON.stringify(body.xdmEntity)).slice(-count)
    expect(await kept(batch)).toEqual([texts, texts])
  }
})

test('a batch of messages names the flows that sent them', async () => {
  const own = message(1_000)
  const messages = [{ ...own, header: { ...own.header, flowId: 'flow-of-message' } }, message(1_001)]
  const before = Number((await counted())?.[0])
  await post(`/collection/batch/${open.inletId}`, { messages }, { 'x-adobe-flow-id': 'flow-of-call' })
  await untilCounted(before + 2)
  const batches = await product.call<Record<string, { tags: { flowId?: string[] } }>>(
    'GET',
    `/data/foundation/catalog/batches?dataSet=${datasetId}&limit=1`,
  )
  expect(Object.values(batches)[0]?.tags.flowId).toEqual(['flow-of-message', 'flow-of-call'])
})

test('an inlet that asks who sends takes messages of who may load the dataset alone', async () => {
  const path = `/collection/${closed.inletId}`
  expect(await post(path, message(3))).toMatchObject({ status: 403, body: { error_code: '403010' } })
  const [reader, neighbour] = await senders()
  expect(await reader.ask('POST', path, message(3))).toMatchObject({
    status: 403,
    text: expect.stringContaining('Missing permission'),
  })
  expect(await neighbour.ask('POST', path, message(3))).toMatchObject({ status: 404 })
  expect(await product.call('POST', path, message(3))).toMatchObject({ inletId: closed.inletId })
  await untilCounted(5)
})

/** One who may not load datasets, and one who may everything in another sandbox. */
async function senders(): Promise<[Actor, Actor]> {
  const credentials = await readFile(join(base, 'home', 'credentials.json'), 'utf8')
  const admin = await signIn(product.http, JSON.parse(credentials) as Parameters<typeof signIn>[1])
  await admin.must('POST', '/data/foundation/sandbox-management/sandboxes', {
    name: 'next-door',
    title: 'n',
    type: 'development',
  })
  const role = (await admin.must('POST', '/data/foundation/access-control/administration/roles', {
    name: 'reader',
    permissionSets: ['resolve-alerts'],
    sandboxes: ['prod'],
  })) as { id: string }
  const client = (await admin.must('POST', '/sluice/v1/api-clients', { name: 'r', roles: [role.id] })) as {
    clientId: string
    clientSecret: string
  }
  return [await signIn(product.http, { ...client, organizationId }), admin.in('next-door')]
}

test('a description that cannot be stored is refused', async () => {
  const made = product.call('POST', `${flows}/connections`, {
    name: 'n',
    description: 'a\0b',
    connectionSpec: { id: 'bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb', version: '1.0' },
    auth: { params: { sourceId: 'n' } },
  })
  await expect(made).rejects.toThrow('NUL')
})

test('inlets are listed by their spec, and take nothing when they are deleted', async () => {
  const { id, inletId } = await makeInlet('short', false)
  const asked = 'property=connectionSpec.id==bc7b00d6-623a-4dfc-9fdb-f1240aeadaeb'
  type List = { items: { name: string }[] }
  const { items } = await product.call<List>('GET', `${flows}/connections?${asked}`)
  expect(items.map(({ name }) => name)).toEqual(['short', 'closed', 'open'])
  await product.call('DELETE', `${flows}/connections/${id}`)
  expect(await post(`/collection/${inletId}`, message(1))).toMatchObject({ status: 404 })
})

test('a server that dies at each point of the way keeps what it answered for, each message once', async () => {
  let sent = 5
  const refused = new Set<string>()
  for (const point of streamFaultPoints) {
    await product[Symbol.asyncDispose]()
    product = await start(`${point}@server`)
    const dying = product
    // Those that were not answered are sent again, as senders do.
    for (const last = sent + 20; sent < last;) {
      const messages = [message(sent + 1), message(`bad ${point} ${sent}`)]
      const answer = await post(`/collection/batch/${open.inletId}`, { messages }).catch(() => undefined)
      if (answer?.status === 207) refused.add(`bad ${point} ${sent++}`)
      else if (dying === product) {
        await dying.exited
        product = await start()
      }
    }
    await dying.exited
    expect(dying.output()).toContain(point)
    if (dying === product) product = await start()
    await untilCounted(sent)
  }
  const kept = new Set<unknown>()
  const failed = await product.call<object>(
    'GET',
    `/data/foundation/catalog/batches?status=failed&dataSet=${datasetId}`,
  )
  for (const batch of Object.keys(failed)) {
    const text = await product.text(`/data/foundation/export/batches/${batch}/failed?path=messages.json`)
    for (const line of text.trimEnd().split('\n')) kept.add((JSON.parse(line) as { n: unknown }).n)
  }
  expect([...refused].filter((n) => !kept.has(n))).toEqual([])
}, 120_000)
