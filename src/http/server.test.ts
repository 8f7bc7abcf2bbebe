import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Principal, Sandbox } from '#access/access.ts'
import { permissions } from '#access/permissions.ts'
import { systemClock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { newOrganizationId, newUuidId } from '#base/ids.ts'
import { type LogFields, silentLogger } from '#base/log.ts'
import { longType } from '#types/data-type.ts'
import type { HttpDependencies } from './dependencies.ts'
import { createApp, startHttpServer } from './server.ts'

const principal: Principal = {
  id: newUuidId('principal'),
  organizationId: newOrganizationId(),
  name: 'Ann',
}
const sandbox: Sandbox = {
  id: newUuidId('sandbox'),
  organizationId: principal.organizationId,
  name: 'prod',
  type: 'production',
}

interface Doubles {
  readonly denied: Set<string>
  readonly asked: string[]
  /** Pulls from the engine so far, and how a statement ended. */
  pullCount: number
  ended: 'open' | 'disposed'
  aborted: boolean
  /** After so many pulls the engine fails. */
  failAfter: number | undefined
  readonly logged: LogFields[]
}

const chunkBytes = 64 * 1024

/** Services of a few lines: routes, gateway and streams are ours, what they call is not tested here. */
function doubles(): { deps: HttpDependencies; state: Doubles } {
  const state: Doubles = {
    denied: new Set(),
    asked: [],
    pullCount: 0,
    ended: 'open',
    aborted: false,
    failAfter: undefined,
    logged: [],
  }
  const unused = (): never => {
    throw new Error('secret text of the inside')
  }
  const nothing = new Proxy({}, { get: () => unused })
  const deps = {
    access: {
      authenticateToken: async (token: string) => {
        if (token === 'good') return principal
        throw new AppError('access.unauthenticated', 'no')
      },
      sandbox: async (_: Principal, name: string) => {
        if (name === 'prod') return sandbox
        throw new AppError('access.denied', 'No sandbox of that name is open to you.')
      },
      decide: async ({ permission }: { permission: string }) => ({
        isAllowed: !state.denied.has(permission),
      }),
      require: async ({ permission }: { permission: string }) => {
        state.asked.push(permission)
        if (state.denied.has(permission))
          throw new AppError('access.denied', `This needs the permission ${permission}.`)
        return { isAllowed: true }
      },
      issueToken: async ({ clientSecret }: { clientSecret: string }) => {
        if (clientSecret === 'right') return { accessToken: 'good', expiresInSeconds: 60 }
        throw new AppError('access.unauthenticated', 'The client id or the client secret is wrong.')
      },
      audit: async () => {},
    },
    schemas: nothing,
    descriptors: nothing,
    namespaces: nothing,
    administration: { requireFirstOrganization: async () => {} },
    datasets: nothing,
    ingest: {
      upload: async (_: unknown, { bytes }: { bytes: AsyncIterable<Uint8Array> }) => {
        let count = 0
        for await (const chunk of bytes) count += chunk.byteLength
        return { bytes: count, sha256: 'aa' }
      },
    },
    exports: nothing,
    maintenance: nothing,
    backups: nothing,
    query: {
      openSession: async () => ({
        parse: (text: string) => text.split(';').filter(Boolean),
        async *execute(statement: string, { signal }: { signal: AbortSignal }) {
          if (statement === 'bad') throw new AppError('query.syntax', 'Not SQL.')
          if (statement === 'set') {
            yield { kind: 'command', tag: 'SET', rowCount: undefined }
            return
          }
          signal.addEventListener('abort', () => (state.aborted = true))
          yield {
            kind: 'rows',
            columns: [{ name: 'n', type: longType }],
            rows: {
              pull: async () => {
                signal.throwIfAborted()
                state.pullCount += 1
                if (state.failAfter !== undefined && state.pullCount > state.failAfter)
                  throw new AppError('query.failed', 'A cast failed.')
                const isEndless = statement === 'endless'
                const bytes = isEndless ? Buffer.alloc(chunkBytes, '[1]\n') : Buffer.from('[1]\n')
                return { bytes, rowCount: 1, state: isEndless ? 'more' : 'done' }
              },
              [Symbol.asyncDispose]: async () => void (state.ended = 'disposed'),
            },
          }
        },
        [Symbol.asyncDispose]: async () => {},
      }),
    },
    runs: nothing,
    statistics: async () => new Map(),
    fillTemplate: (text: string) => text,
    health: {
      problems: async () => [],
      status: async () => ({
        startedAt: new Date(0),
        home: '/h',
        http: 'h',
        postgres: 'p',
        engine: { children: [{ pid: 7, pool: 'batch', statements: 1 }], restarts: 2 },
        datasetCount: 3,
        rowCount: 4,
        runs: [{ kind: 'load', state: 'succeeded', count: 5 }],
        exports: { succeeded: 1, failed: 2, rows: 3, bytes: 4, files: 5, lastSuccessAt: undefined },
        streaming: {
          accepted: 3,
          refused: 2,
          duplicates: 1,
          waitingBytes: 42,
          segments: 1,
          batchFailures: 6,
          passedOver: 7,
          setAside: 8,
        },
        upkeep: [
          {
            task: 'compact',
            isRunning: false,
            succeeded: 6,
            failed: 1,
            tablesFailed: 0,
            filesRewritten: 40,
            filesRemoved: 0,
            snapshotsRemoved: 0,
            rowsRewritten: 41,
            bytesRewritten: 42,
            rowsRemoved: 0,
            lastSuccessAt: new Date(),
            tables: 2,
            tablesDone: 2,
          },
        ],
      }),
    },
    clock: systemClock,
    logger: {
      log: (_: string, __: string, fields = {}) => state.logged.push(fields),
      child: () => silentLogger,
    },
    limits: { uploadBytesMax: 1_000 },
    version: '0.0.0',
  }
  return { deps: deps as unknown as HttpDependencies, state }
}

test('every area of the description says what it is', async () => {
  const app = await createApp(doubles().deps)
  const { paths, tags } = app.swagger() as unknown as {
    paths: Record<string, Record<string, { tags: string[] }>>
    tags: { name: string; description: string }[]
  }
  const used = Object.values(paths).flatMap((methods) => Object.values(methods).flatMap((one) => one.tags))
  expect(new Set(tags.map(({ name }) => name))).toEqual(new Set(used))
})

const gateway = {
  authorization: 'Bearer good',
  'x-api-key': 'client',
  'x-gw-ims-org-id': principal.organizationId,
}

test('every route but the public ones refuses a missing token, a wrong one and a missing permission', async () => {
  const { deps, state } = doubles()
  const app = await createApp(deps)
  const { paths } = app.swagger() as unknown as { paths: Record<string, Record<string, unknown>> }
  const routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase(), path })),
  )
  // Links to parts of results are signed, and say by themselves whose they are.
  const isPublic = (path: string) =>
    path === '/sluice/v1/results/{id}/parts/{index}' ||
    // An inlet says whether it asks who sends.
    /^(?:\/data\/foundation\/import)?\/collection\//.test(path) ||
    /^\/(?:health|ready|ims\/(?:token\/v[123]|exchange\/jwt|revoke)|iceberg\/v1\/oauth\/tokens)$/.test(path)
  // Its sandbox is in the address, and its answers are in its own words.
  const isCatalogue = (path: string) => path.startsWith('/iceberg/')
  const guarded = routes.filter(({ path }) => !isPublic(path) && !isCatalogue(path))
  const catalogue = routes.filter(({ path }) => !isPublic(path) && isCatalogue(path))
  expect(guarded.length).toBeGreaterThan(35)
  expect(catalogue.length).toBeGreaterThan(8)
  expect(routes.length - guarded.length - catalogue.length).toBe(13)
  for (const { method, path } of catalogue) {
    for (const authorization of [undefined, 'Bearer bad']) {
      const url = path.replaceAll(/\{[^}]+\}/g, 'x')
      const headers = authorization === undefined ? {} : { authorization }
      const refused = await app.inject({ method: method as 'GET', url, headers })
      expect([path, refused.statusCode]).toEqual([path, 401])
      if (method !== 'HEAD') expect(refused.body, path).toContain('NotAuthorizedException')
    }
  }
  // They answer about who asks.
  const forEverybody = new Set([
    '/data/foundation/access-control/acl/effective-policies',
    '/data/foundation/access-control/acl/active-permissions',
    '/data/foundation/sandbox-management',
    '/data/foundation/sandbox-management/',
  ])
  for (const permission of [...permissions, 'administer-organization', 'batch-queries'])
    state.denied.add(permission)
  for (const { method, path } of guarded) {
    const url = path.replaceAll(/\{[^}]+\}/g, 'x')
    const ask = (headers: Record<string, string>) =>
      app.inject({
        method: method as 'GET',
        url,
        headers: { 'content-type': 'application/json', ...headers },
      })
    const missing = await ask({})
    expect([path, missing.statusCode, missing.json()]).toEqual([
      path,
      403,
      { error_code: '403010', message: 'Oauth token is missing.' },
    ])
    const wrong = await ask({ ...gateway, authorization: 'Bearer bad' })
    expect([path, wrong.statusCode, wrong.json()]).toEqual([
      path,
      401,
      { error_code: '401013', message: 'Oauth token is not valid' },
    ])
    if (forEverybody.has(path)) continue
    const denied = await ask(gateway)
    expect([path, denied.statusCode]).toEqual([path, 403])
    expect(denied.body).toContain('needs the permission')
  }
  expect(new Set(state.asked).size).toBeGreaterThan(6)
})

test('a route that does not say who may use it cannot be registered', async () => {
  const { deps } = doubles()
  const { addAuthentication } = await import('./gateway/authenticate.ts')
  const { fastify } = await import('fastify')
  const app = fastify()
  addAuthentication(app, deps.access)
  expect(() => app.get('/x', async () => 'y')).toThrow('does not say who may use it')
})

test('the gateway asks for key and organisation in its own words', async () => {
  const app = await createApp(doubles().deps)
  const url = '/data/foundation/catalog/dataSets'
  const ask = async (headers: Record<string, string>) => (await app.inject({ url, headers })).json<unknown>()
  expect(await ask({ authorization: 'Bearer good' })).toEqual({
    error_code: '403000',
    message: 'Api Key is required',
  })
  expect(await ask({ authorization: 'Bearer good', 'x-api-key': 'k' })).toEqual({
    error_code: '400003',
    message: 'Missing header',
  })
  expect(await ask({ ...gateway, 'x-gw-ims-org-id': 'ABC@AdobeOrg' })).toEqual({
    error_code: '403025',
    message: 'Profile is not valid',
  })
  expect(await ask({ ...gateway, 'x-sandbox-name': 'other' })).toMatchObject({
    status: 403,
    code: 'access.denied',
  })
  expect(await ask({ ...gateway, 'x-sandbox-id': 'x' })).toMatchObject({ status: 400 })
})

test('a token comes for the right secret, from form or query, in all versions', async () => {
  const app = await createApp(doubles().deps)
  const fields = { grant_type: 'client_credentials', client_id: 'a', client_secret: 'right' }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  for (const version of ['v1', 'v2', 'v3']) {
    const byBody = await app.inject({
      method: 'POST',
      url: `/ims/token/${version}`,
      headers: form,
      payload: new URLSearchParams(fields).toString(),
    })
    const byQuery = await app.inject({ method: 'POST', url: `/ims/token/${version}`, query: fields })
    const expected = { access_token: 'good', token_type: 'bearer', expires_in: 60 }
    expect([byBody.json(), byQuery.json()]).toEqual([expected, expected])
  }
  const wrong = await app.inject({
    method: 'POST',
    url: '/ims/token/v3',
    query: { ...fields, client_secret: 'wrong' },
  })
  expect([wrong.statusCode, wrong.json()]).toEqual([
    401,
    { error: 'invalid_client', error_description: 'The client id or the client secret is wrong.' },
  ])
})

test('whatever is wrong with a request for a token is said as token endpoints do', async () => {
  const app = await createApp(doubles().deps)
  const ask = async (url: string, type: string, payload: string) => {
    const answer = await app.inject({ method: 'POST', url, headers: { 'content-type': type }, payload })
    return [answer.statusCode, answer.json()]
  }
  const form = 'application/x-www-form-urlencoded'
  const long = `grant_type=client_credentials&client_secret=x&client_id=${'a'.repeat(300)}`
  const refused = [400, { error: 'invalid_request', error_description: expect.any(String) }]
  for (const url of ['/ims/token/v2', '/ims/token/v3', '/ims/exchange/jwt', '/iceberg/v1/oauth/tokens']) {
    expect(await ask(url, form, long), url).toEqual(refused)
    expect(await ask(url, 'application/json', '[]'), url).toEqual(refused)
  }
  expect(await ask('/ims/token/v3', 'text/plain', 'grant_type=client_credentials')).toEqual(refused)
  expect(await ask('/ims/token/v3', 'application/json', '{')).toEqual(refused)
  expect((await ask('/ims/token/v3', form, 'x='.padEnd(20_000, 'x')))[0]).toBe(413)
})

test('an error inside is told to nobody but the log', async () => {
  const { deps, state } = doubles()
  const app = await createApp(deps)
  const answer = await app.inject({
    url: '/data/foundation/catalog/dataSets',
    headers: { ...gateway, 'x-request-id': 'r-1' },
  })
  expect(answer.statusCode).toBe(500)
  expect(answer.body).not.toContain('secret text')
  expect(answer.json()).toMatchObject({ code: 'internal', requestId: 'r-1' })
  expect(state.logged).toMatchObject([{ requestId: 'r-1', code: 'internal' }])
})

test('answers carry security headers and give nothing to other origins', async () => {
  const app = await createApp(doubles().deps)
  const { headers } = await app.inject({ url: '/health', headers: { origin: 'https://elsewhere.example' } })
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' })
  expect(headers['content-security-policy']).toContain("default-src 'none'")
  expect(headers['access-control-allow-origin']).toBeUndefined()
})

test('the description of the API and its page need nothing from elsewhere', async () => {
  const app = await createApp(doubles().deps)
  const openApi = (await app.inject({ url: '/openapi.json' })).json()
  expect(openApi).toMatchObject({ openapi: '3.1.0', info: { title: 'Sluice' } })
  const page = await app.inject({ url: '/docs/' })
  expect(page.statusCode).toBe(200)
  expect(page.headers['content-security-policy']).toBeDefined()
  expect(page.body).not.toMatch(/(?:src|href)="https?:/)
})

test('metrics are OpenMetrics text', async () => {
  const app = await createApp(doubles().deps)
  await app.inject({ url: '/health' })
  const { body, headers } = await app.inject({ url: '/metrics', headers: gateway })
  expect(headers['content-type']).toContain('application/openmetrics-text')
  expect(body).toContain('sluice_http_requests_total{method="GET",route="/health",status="200"} 1')
  expect(body).toContain('sluice_export_runs_total{outcome="failed"} 2')
  expect(body).toContain('sluice_export_bytes_total 4')
  expect(body).not.toMatch(/^sluice_export_last_success_age_seconds /m)
  expect(body).toContain('sluice_upkeep_runs_total{task="compact",outcome="succeeded"} 6')
  expect(body).toContain('sluice_upkeep_bytes_rewritten_total{task="compact"} 42')
  expect(body).toContain('sluice_stream_messages_total{outcome="duplicate"} 1')
  expect(body).toContain('sluice_stream_waiting_bytes 42')
  expect(body).toContain('sluice_stream_batch_failures 6')
  expect(body).toContain('sluice_stream_segments_passed_over 7')
  expect(body).toContain('sluice_stream_segments_set_aside 8')
  expect(body).toMatch(/sluice_upkeep_last_success_age_seconds\{task="compact"\} [01]\n/)
  expect(body).toContain('sluice_runs{kind="load",state="succeeded"} 5')
  expect(body).toContain('sluice_engine_restarts_total 2')
  expect(body.endsWith('# EOF\n')).toBe(true)
})

test('an upload beyond the limit is refused, said in its length or not', async () => {
  const app = await createApp(doubles().deps)
  const url =
    '/data/foundation/import/batches/01ARZ3NDEKTSV4RRFFQ69G5FAV/datasets/0123456789abcdef01234567/files/a.json'
  const put = (payload: Buffer, headers = {}) =>
    app.inject({
      method: 'PUT',
      url,
      payload,
      headers: { ...gateway, 'content-type': 'application/octet-stream', ...headers },
    })
  expect((await put(Buffer.alloc(1_000))).statusCode).toBe(200)
  expect((await put(Buffer.alloc(1_001))).statusCode).toBe(413)
  const { port } = await listening()
  const unsaid = await fetch(`http://127.0.0.1:${port}${url}`, {
    method: 'PUT',
    headers: { ...gateway, 'content-type': 'application/octet-stream' },
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(1_001))
        controller.close()
      },
    }),
    duplex: 'half',
  })
  expect(unsaid.status).toBe(413)
})

const patiently = { timeout: 30_000 }

test('who begins a body and does not go on loses the connection, whether refused, waited for or let in', async () => {
  const bodyMsMax = 200
  const { port } = await listening({ bodyMsMax })
  const begin = async (path: string, headers: string) => {
    const socket = connect({ host: '127.0.0.1', port })
    const said = { text: '', isClosed: false }
    socket.on('data', (chunk) => (said.text += String(chunk))).on('close', () => (said.isClosed = true))
    await once(socket, 'connect')
    socket.write(`${path} HTTP/1.1\r\nhost: x\r\n${headers}content-length: 20\r\n\r\n1234567890`)
    return { socket, said }
  }
  const form = 'content-type: application/x-www-form-urlencoded\r\n'
  const strangers = [
    await begin('POST /data/foundation/flowservice/flows', ''),
    await begin('POST /nothing/here', ''),
    await begin('PUT /landing/dlz-destination/prod/x', ''),
    await begin('POST /ims/token/v2', form),
    await begin('POST /collection/inlet', ''),
  ]
  const upload =
    'PUT /data/foundation/import/batches/01ARZ3NDEKTSV4RRFFQ69G5FAV/datasets/0123456789abcdef01234567/files/a.json'
  const bytes = 'content-type: application/octet-stream\r\n'
  const known = Object.entries(gateway).map(([name, value]) => `${name}: ${value}\r\n`)
  const slow = await begin(upload, `${known.join('')}${bytes}`)
  const sql = await begin('POST /sluice/v1/sql', `${known.join('')}content-type: application/json\r\n`)
  for (const { said } of [...strangers, sql])
    await vi.waitFor(() => expect(said.isClosed).toBe(true), patiently)
  expect(strangers.map(({ said }) => said.text.slice(0, 12))).toEqual([
    'HTTP/1.1 403',
    'HTTP/1.1 404',
    'HTTP/1.1 403',
    '',
    '',
  ])
  // Who uploads a file may take long.
  await new Promise((resolve) => setTimeout(resolve, 2 * bodyMsMax))
  expect(slow.said).toEqual({ text: '', isClosed: false })
  slow.socket.write('1234567890')
  await vi.waitFor(() => expect(slow.said.text).toMatch(/^HTTP\/1\.1 200/), patiently)
  slow.socket.destroy()
})

test('an upload that is refused while it comes leaves its connection good, or loses it in time', async () => {
  const bodyMsMax = 1_000
  const { port } = await listening({ bodyMsMax })
  const upload =
    'PUT /data/foundation/import/batches/01ARZ3NDEKTSV4RRFFQ69G5FAV/datasets/0123456789abcdef01234567/files/a.json'
  const known = Object.entries(gateway).map(([name, value]) => `${name}: ${value}\r\n`)
  const begin = async () => {
    const socket = connect({ host: '127.0.0.1', port })
    const said = { text: '', isClosed: false }
    socket.on('data', (chunk) => (said.text += String(chunk))).on('close', () => (said.isClosed = true))
    await once(socket, 'connect')
    socket.write(
      `${upload} HTTP/1.1\r\nhost: x\r\n${known.join('')}content-type: application/octet-stream\r\n` +
        `transfer-encoding: chunked\r\n\r\n7d0\r\n${'x'.repeat(2_000)}\r\n`,
    )
    await vi.waitFor(() => expect(said.text).toMatch(/^HTTP\/1\.1 413/), patiently)
    return { socket, said }
  }
  const good = await begin()
  good.socket.write(`7d0\r\n${'x'.repeat(2_000)}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n`)
  await vi.waitFor(() => expect(good.said.text).toContain('HTTP/1.1 200'), patiently)
  const stuck = await begin()
  await vi.waitFor(() => expect(stuck.said.isClosed).toBe(true), patiently)
  await new Promise((resolve) => setTimeout(resolve, 2 * bodyMsMax))
  expect((await fetch(`http://127.0.0.1:${port}/health`)).status).toBe(200)
  good.socket.destroy()
})

const sqlUrl = '/sluice/v1/sql'

test('SQL answers in each format', async () => {
  const app = await createApp(doubles().deps)
  const ask = async (format: string, sql = 'select') =>
    (await app.inject({ method: 'POST', url: sqlUrl, headers: gateway, payload: { sql, format } })).body
  expect(await ask('ndjson')).toBe('[1]\n')
  expect(await ask('json')).toBe('[[1]]\n')
  expect(await ask('table', 'set;select')).toBe(
    '{"tag":"SET"}\n{"columns":[{"name":"n","type":"bigint"}]}\n[1]\n{"tag":"SELECT 1","rowCount":1}\n',
  )
})

test('what fails before the first bytes has a status, what fails later is not taken for a whole result', async () => {
  const { deps, state } = doubles()
  const app = await createApp(deps)
  const payload = { sql: 'bad', format: 'table' }
  const early = await app.inject({ method: 'POST', url: sqlUrl, headers: gateway, payload })
  expect([early.statusCode, early.json()]).toMatchObject([400, { code: 'query.syntax', detail: 'Not SQL.' }])

  const server = await startHttpServer({ ...deps, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server[Symbol.asyncDispose]())
  const ask = (format: string) =>
    fetch(`${server.url}${sqlUrl}`, {
      method: 'POST',
      headers: { ...gateway, 'content-type': 'application/json' },
      body: JSON.stringify({ sql: 'endless', format }),
    })
  state.failAfter = 3
  const text = await (await ask('table')).text()
  expect(text.trimEnd().split('\n').at(-1)).toBe(
    '{"error":{"code":"query.failed","message":"A cast failed."}}',
  )
  state.pullCount = 0
  await expect((await ask('csv')).text()).rejects.toThrow('terminated')
})

test('a client that stops reading stops production, and one that goes away ends the statement', async () => {
  const { port, state } = await listening()
  const body = JSON.stringify({ sql: 'endless', format: 'ndjson' })
  const socket = connect({ host: '127.0.0.1', port })
  await once(socket, 'connect')
  socket.write(
    `POST ${sqlUrl} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await once(socket, 'readable') // The answer has begun; nothing is read.
  const settled = await until(() => state.pullCount)
  // What kernel and stream buffers hold, a few megabytes, and not a chunk more however long one waits.
  expect(settled).toBeGreaterThan(0)
  expect(settled * chunkBytes).toBeLessThan(32 * 1024 * 1024)
  expect(state.ended).toBe('open')

  socket.resume()
  await until(() => (state.pullCount > settled ? 1 : 0), 1)
  expect(state.pullCount).toBeGreaterThan(settled)
  socket.destroy()
  await until(() => (state.ended === 'disposed' ? 1 : 0), 1)
  expect([state.ended, state.aborted]).toEqual(['disposed', true])
})

test('a port that is taken is named with the way out', async () => {
  const { deps, port } = await listening()
  await expect(startHttpServer({ ...deps, host: '127.0.0.1', port })).rejects.toMatchObject({
    code: 'port.in_use',
    message: expect.stringContaining(String(port)) as string,
    hint: expect.stringContaining('--http') as string,
  })
})

async function listening(given: { readonly bodyMsMax?: number } = {}) {
  const { deps, state } = doubles()
  const server = await startHttpServer({ ...deps, ...given, host: '127.0.0.1', port: 0 })
  onTestFinished(() => server[Symbol.asyncDispose]())
  return { deps, state, port: Number(new URL(server.url).port) }
}

/** Looks until the figure is the one wanted, or has not changed for a while. */
async function until(figure: () => number, wanted?: number): Promise<number> {
  let last = figure()
  for (let look = 0, same = 0; look < 500 && same < 30; look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    const now = figure()
    if (now === wanted) return now
    same = wanted === undefined && now === last ? same + 1 : 0
    last = now
  }
  return last
}
