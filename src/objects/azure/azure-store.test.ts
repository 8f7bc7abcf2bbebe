import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { setDefaultCACertificates } from 'node:tls'
import { inspect } from 'node:util'
import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { generate } from 'selfsigned'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AzureServer, hasAzureServer, startAzureServer } from '../../../test/support/azure-server.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { collectAll, objectStoreContract } from '../../../test/support/object-store-contract.ts'
import type { ObjectStore } from '../object-store.ts'
import { type RemotePolicy, remotePolicy } from '../remote/policy.ts'
import type { AzureCredentials } from './azure-config.ts'
import { openAzureStore } from './azure-store.ts'

const signal = new AbortController().signal
const mebibyte = 1024 * 1024

/** Faults pass fast; blocks are small. */
const policy: RemotePolicy = {
  ...remotePolicy,
  triesMax: 4,
  firstWaitMs: 1,
  maxWaitMs: 5,
  partBytes: 4 * mebibyte,
  listedAtOnce: 25,
}
/** Where silence is the fault. */
const hasty: RemotePolicy = { ...policy, triesMax: 8, answerMsMax: 700, completeMsMax: 700, idleMsMax: 700 }
const silences = new Set(['silent', 'slow', 'stalled'])

let server: AzureServer
let proxy: FaultProxy
beforeAll(async () => {
  if (!hasAzureServer) return
  server = await startAzureServer()
  proxy = await startFaultProxy(server.endpoint)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

interface Place extends AsyncDisposable {
  readonly container: string
  readonly store: ObjectStore
  again(): Promise<ObjectStore>
}

interface Wanted {
  readonly prefix?: string
  readonly isProxied?: boolean
  readonly fault?: string
  /** Larger objects are copied in blocks; absent: all that are here by one request. */
  readonly copiedWholeBytesMax?: number
  readonly credentials?: (container: string) => AzureCredentials
}

/** An empty container, or part of one, reached through the proxy or not. */
async function place(wanted: Wanted = {}): Promise<Place> {
  const { prefix = 'some/where', isProxied = true, fault = 'none', credentials = withKey } = wanted
  const container = await server.makeContainer()
  const { copiedWholeBytesMax = policy.copiedWholeBytesMax } = wanted
  const ofFault = silences.has(fault) ? hasty : policy
  const endpoint = isProxied ? `${proxy.endpoint}/${server.account}` : server.endpoint
  const again = (): Promise<ObjectStore> =>
    openAzureStore(
      { kind: 'azure', account: server.account, container, prefix, endpoint },
      { credentials: credentials(container), policy: { ...ofFault, copiedWholeBytesMax } },
    )
  const store = await again()
  return {
    container,
    store,
    again,
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  }
}

function withKey(): AzureCredentials {
  return { kind: 'key', accountKey: server.accountKey }
}

function withSignature(container: string, { permissions = 'racwdl', expiresInMs = 3_600_000 } = {}) {
  const key = new StorageSharedKeyCredential(server.account, server.accountKey)
  const expiresOn = new Date(Date.now() + expiresInMs)
  const startsOn = new Date(expiresOn.getTime() - 7_200_000)
  const parsed = ContainerSASPermissions.parse(permissions)
  const token = generateBlobSASQueryParameters(
    { containerName: container, permissions: parsed, startsOn, expiresOn },
    key,
  ).toString()
  return { kind: 'sas', token } as const
}

const busy = { kind: 'status', status: 503, code: 'ServerBusy' } as const

describe.skipIf(!hasAzureServer)('on Azure', () => {
  const traits = { isOrderedBeyondBmp: false, refusedNames: /\\/ }
  objectStoreContract('azure', () => place({ isProxied: false }), traits)
  objectStoreContract(
    'azure, the whole container by a shared access signature',
    () => place({ prefix: '', isProxied: false, credentials: withSignature }),
    traits,
  )

  describe('a small object', () => {
    test.each([
      ['the store is busy', busy],
      ['the store fails', { kind: 'status', status: 500, code: 'InternalError' }],
      ['the connection breaks before', { kind: 'reset' }],
      ['the connection breaks after it was written', { kind: 'lost' }],
      ['an error is told after it was written', { kind: 'replaced', status: 500, body: '' }],
      ['no answer comes', { kind: 'silent' }],
      ['the answer comes too late', { kind: 'slow', delayMs: 1_200 }],
    ] as const)('is created once when %s', async (_, fault) => {
      await using at = await place({ fault: fault.kind })
      proxy.fail({ method: 'PUT' }, fault, 2)
      const before = proxy.requests.length
      expect(await at.store.putIfAbsent('a/b', Buffer.from('ours'), { signal })).toBe('created')
      expect(proxy.requests.length - before).toBeGreaterThan(1)
      expect(await text(at.store, 'a/b')).toBe('ours')
      expect(await at.store.putIfAbsent('a/b', Buffer.from('ours'), { signal })).toBe('exists')
    })

    test.each([
      ['nothing', ''],
      ['the page of somebody in between', '<html>Log in</html>'],
    ])('is not taken for missing where a list is answered with %s', async (_, body) => {
      await using at = await place()
      await at.store.putIfAbsent('a', Buffer.from('ours'), { signal })
      const answer = { kind: 'replaced', status: 200, body } as const
      proxy.fail({ method: 'GET', url: /comp=list/ }, answer, 99)
      await expect(names(at.store)).rejects.toMatchObject({ code: 'store.unreachable' })
      proxy.mend()
      proxy.fail({ method: 'GET', url: /comp=list/ }, answer)
      expect(await names(at.store)).toEqual(['a'])
    })

    test('is told to exist when another wrote the same bytes while our answer was lost', async () => {
      await using at = await place()
      await using other = await at.again()
      expect(await other.putIfAbsent('a', Buffer.from('same'), { signal })).toBe('created')
      proxy.fail({ method: 'PUT' }, { kind: 'lost' })
      expect(await at.store.putIfAbsent('a', Buffer.from('same'), { signal })).toBe('exists')
    })

    test('is refused in the end when the store stays away, and nothing was written', async () => {
      await using at = await place()
      proxy.fail({ method: 'PUT' }, busy, policy.triesMax)
      const before = proxy.requests.length
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.unreachable',
        meaning: { retry: true },
      })
      const puts = proxy.requests.slice(before).filter((request) => request.startsWith('PUT'))
      expect(puts).toHaveLength(policy.triesMax)
      expect(await at.store.head('a', { signal })).toBeUndefined()
    })

    test('is given up at once when told, with the reason given', async () => {
      await using at = await place()
      proxy.fail({ method: 'PUT' }, { kind: 'silent' })
      const controller = new AbortController()
      const reason = new Error('enough')
      setTimeout(() => controller.abort(reason), 20)
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal: controller.signal })).rejects.toBe(
        reason,
      )
    })
  })

  describe('a large object', () => {
    const bytes = randomBytes(10 * mebibyte)

    test.each([
      ['nothing happens', /never/, { kind: 'reset' }],
      ['a block meets a busy store', /comp=block&/, busy],
      ['a block breaks off', /comp=block&/, { kind: 'reset' }],
      ['a block is not answered', /comp=block&/, { kind: 'lost' }],
      ['a block is damaged on the way', /comp=block&/, { kind: 'corrupt request', atByte: 999 }],
      ['the list of blocks breaks off', /comp=blocklist/, { kind: 'reset' }],
      ['the list of blocks is not answered', /comp=blocklist/, { kind: 'lost' }],
      ['the answer to the list comes late', /comp=blocklist/, { kind: 'slow', delayMs: 1_200 }],
    ] as const)('is staged, read back and completed, once and whole, when %s', async (_, url, fault) => {
      await using at = await place({ fault: fault.kind, copiedWholeBytesMax: 0 })
      const token = at.store.prepare('out/large', 'run-1')
      proxy.fail({ method: 'PUT', url }, fault)
      const staged = await at.store.stage(token, pieces(bytes), { signal })
      expect(staged).toEqual({ bytes: bytes.length, sha256: sha256(bytes) })
      expect(sha256(Buffer.concat(await collectAll(at.store.readStaged(token, { signal }))))).toBe(
        staged.sha256,
      )
      proxy.fail({ method: 'PUT', url }, fault)
      await at.store.complete(token, staged, { signal })
      proxy.mend()
      await using other = await at.again()
      await other.complete(JSON.parse(JSON.stringify(token)), staged, { signal })
      expect((await read(at.store, 'out/large')).equals(bytes)).toBe(true)
      expect(await names(at.store)).toEqual(['out/large'])
    })

    test.each([
      ['nothing happens', undefined],
      ['it meets a busy store', busy],
      ['it breaks off', { kind: 'reset' }],
      ['it is not answered', { kind: 'lost' }],
      ['its answer comes late', { kind: 'slow', delayMs: 1_200 }],
      ['the store refuses it', { kind: 'status', status: 400, code: 'UnsupportedHeader' }],
    ] as const)('is copied by one request, once and whole, when %s', async (_, fault) => {
      await using at = await place({ fault: fault?.kind ?? 'none' })
      const token = at.store.prepare('out/large', 'run-1')
      const staged = await at.store.stage(token, pieces(bytes), { signal })
      const before = proxy.requests.length
      if (fault) proxy.fail({ method: 'PUT', url: /out\/large$/ }, fault)
      await at.store.complete(token, staged, { signal })
      proxy.mend()
      const blocks = proxy.requests.slice(before).filter((request) => request.includes('comp=block'))
      expect(blocks.length > 0).toBe(fault?.kind === 'status' && fault.status === 400)
      await using other = await at.again()
      await other.complete(JSON.parse(JSON.stringify(token)), staged, { signal })
      expect((await read(at.store, 'out/large')).equals(bytes)).toBe(true)
      expect(await names(at.store)).toEqual(['out/large'])
    })

    test.each([
      ['by one request', undefined],
      ['in blocks', 0],
    ])(
      'that is copied %s never takes a name that somebody takes meanwhile',
      async (_, copiedWholeBytesMax) => {
        await using at = await place(copiedWholeBytesMax === undefined ? {} : { copiedWholeBytesMax })
        const token = at.store.prepare('out/large', 'run-1')
        const staged = await at.store.stage(token, pieces(bytes), { signal })
        proxy.after({ method: 'HEAD', url: /\.sluice-staging/ }, async () => {
          await server.client(at.container).getBlockBlobClient('some/where/out/large').upload('theirs', 6)
        })
        await expect(at.store.complete(token, staged, { signal })).rejects.toMatchObject({
          code: 'object.exists',
        })
        expect(await text(at.store, 'out/large')).toBe('theirs')
      },
    )

    test('goes through us where the store may not read its own blob', async () => {
      await using at = await place({ copiedWholeBytesMax: 0 })
      const token = at.store.prepare('out/large', 'run-1')
      const staged = await at.store.stage(token, pieces(bytes), { signal })
      proxy.fail(
        { method: 'PUT', url: /comp=block&/ },
        { kind: 'status', status: 403, code: 'CannotVerifyCopySource' },
      )
      await at.store.complete(token, staged, { signal })
      expect((await read(at.store, 'out/large')).equals(bytes)).toBe(true)
    })

    test.each([
      ['its source breaks', 0],
      ['the store stays away', policy.triesMax],
    ])('leaves nothing behind when %s', async (_, times) => {
      await using at = await place()
      const token = at.store.prepare('a', 'run-1')
      if (times > 0) proxy.fail({ method: 'PUT', url: /comp=block&/ }, busy, 2 * times)
      const source = async function* () {
        yield bytes
        if (times === 0) throw new Error('the source broke')
      }
      await expect(at.store.stage(token, source(), { signal })).rejects.toThrow(
        times === 0 ? 'the source broke' : 'does not answer as it should',
      )
      proxy.mend()
      await at.store.abort(token)
      expect(await collectAll(server.client(at.container).listBlobsFlat())).toEqual([])
    })

    test('that was staged and then cut, or replaced by as many bytes, is not completed', async () => {
      await using at = await place()
      for (const size of [5, bytes.length]) {
        const token = at.store.prepare(`part-${size}`, 'run-1')
        const staged = await at.store.stage(token, pieces(bytes.subarray(0, size)), { signal })
        const blob = server.client(at.container).getBlockBlobClient(`some/where/.sluice-staging/${token.id}`)
        for (const other of [Buffer.from('cut'), randomBytes(size)]) {
          await blob.upload(other, other.length)
          await expect(at.store.complete(token, staged, { signal })).rejects.toMatchObject({
            code: 'object.missing',
          })
        }
      }
    })
  })

  describe('a reading', () => {
    const bytes = randomBytes(9 * mebibyte)

    test.each([
      ['the store is busy', busy],
      ['the connection breaks', { kind: 'reset' }],
      ['no answer comes', { kind: 'silent' }],
      ['the answer breaks off', { kind: 'truncated', afterBytes: 100_001 }],
      ['the answer stands still', { kind: 'stalled', afterBytes: 300_000 }],
    ] as const)('gives every byte once when %s', async (_, fault) => {
      await using at = await place({ fault: fault.kind })
      await at.store.putIfAbsent('small', bytes.subarray(0, 400_000), { signal })
      await server.client(at.container).getBlockBlobClient('some/where/large').uploadData(bytes)
      for (const [name, length] of [
        ['large', bytes.length],
        ['small', 400_000],
      ] as const) {
        proxy.fail({ method: 'GET', url: new RegExp(name) }, fault, 2)
        expect((await read(at.store, name)).equals(bytes.subarray(0, length))).toBe(true)
      }
      proxy.fail({ method: 'GET', url: /large/ }, fault, 2)
      const part = await collectAll(at.store.read('large', { signal, start: 5, end: 600_000 }))
      expect(Buffer.concat(part).equals(bytes.subarray(5, 600_000))).toBe(true)
    })

    test('is done again when a byte is changed on the way, and fails when it always is', async () => {
      await using at = await place()
      await at.store.putIfAbsent('small', Buffer.from('some text'), { signal })
      proxy.fail({ method: 'GET' }, { kind: 'corrupt', atByte: 3 }, 2)
      expect(await text(at.store, 'small')).toBe('some text')
      proxy.fail({ method: 'GET' }, { kind: 'corrupt', atByte: 3 }, policy.triesMax)
      await expect(text(at.store, 'small')).rejects.toMatchObject({ code: 'store.corrupt' })
    })

    test('never mixes two versions of an object', async () => {
      await using at = await place()
      const blob = server.client(at.container).getBlockBlobClient('some/where/large')
      await blob.uploadData(bytes)
      proxy.fail({ method: 'GET' }, { kind: 'truncated', afterBytes: 1000 })
      const reading = at.store.read('large', { signal })[Symbol.asyncIterator]()
      await reading.next()
      await blob.uploadData(randomBytes(bytes.length))
      const rest = async (): Promise<void> => {
        while (!(await reading.next()).done);
      }
      await expect(rest()).rejects.toMatchObject({ code: 'object.missing' })
    })
  })

  test('a listing goes over pages, without folders and what others keep in the container', async () => {
    await using at = await place()
    const wanted = Array.from({ length: 60 }, (_, index) => `p/${String(index).padStart(5, '0')}`)
    await Promise.all(wanted.map((name) => at.store.putIfAbsent(name, Buffer.from('x'), { signal })))
    // As Data Lake Storage shows its folders.
    const folder = server.client(at.container).getBlockBlobClient('some/where/p/00001-folder')
    await folder.upload('', 0, { metadata: { hdi_isfolder: 'true' } })
    await server.client(at.container).getBlockBlobClient('some/where2/x').upload('x', 1)
    proxy.fail({ method: 'GET', url: /comp=list/ }, { kind: 'reset' }, 2)
    expect(await names(at.store)).toEqual(wanted)
    expect(await at.store.head('p/00001-folder', { signal })).toBeUndefined()
    await expect(text(at.store, 'p/00001-folder')).rejects.toMatchObject({ code: 'object.missing' })
    expect(await names(at.store, 'p/0005')).toEqual(wanted.slice(50))
  })

  describe('a refusal names the container and what to do, and no secret', () => {
    const open = (container: string, credentials: AzureCredentials, endpoint = server.endpoint) =>
      openAzureStore(
        { kind: 'azure', account: server.account, container, prefix: 'p', endpoint },
        { credentials, policy },
      ).catch((error: unknown) => error)

    test('a container that is not there', async () => {
      expect(await open('no-such-container', withKey())).toMatchObject({
        code: 'store.refused',
        message: `The container of az://${server.account}/no-such-container/p does not exist.`,
      })
    })

    test('a wrong key', async () => {
      const accountKey = randomBytes(64).toString('base64')
      const error = await open(await server.makeContainer(), { kind: 'key', accountKey })
      expect(error).toMatchObject({ code: 'store.refused', message: expect.stringContaining('HTTP 403') })
      expect(inspect(error, { depth: 9 })).not.toContain(accountKey)
    })

    test('a signature that has expired, or expires on the way', async () => {
      const container = await server.makeContainer()
      const expired = withSignature(container, { expiresInMs: -60_000 })
      const error = await open(container, expired)
      expect(error).toMatchObject({ code: 'store.refused', hint: expect.stringContaining('expired') })
      expect(inspect(error, { depth: 9 })).not.toContain('sig=')
      // Time enough to open the store, of which a signature leaves whole seconds.
      const soon = await place({ credentials: (name) => withSignature(name, { expiresInMs: 6_000 }) })
      const put = async () =>
        await soon.store.putIfAbsent(randomUUID(), Buffer.from('x'), { signal }).catch((error) => error.code)
      await expect.poll(put, { interval: 500 }).toBe('store.refused')
    })

    test('a denied write, tried once', async () => {
      await using at = await place({ credentials: (name) => withSignature(name, { permissions: 'rl' }) })
      const before = proxy.requests.length
      await expect(at.store.putIfAbsent('a/b', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.refused',
        message: expect.stringMatching(/az:\/\/.*"a\/b".*HTTP 403/),
      })
      expect(proxy.requests.slice(before).filter((request) => request.startsWith('PUT'))).toHaveLength(1)
    })

    test('nobody at the endpoint', async () => {
      expect(await open('container', withKey(), 'http://127.0.0.1:9/account')).toMatchObject({
        code: 'store.unreachable',
        message: expect.stringContaining('ECONNREFUSED'),
      })
    })
  })

  describe('by a service principal', () => {
    const principal = { kind: 'service principal', tenant: 'a-tenant', clientId: 'an-id' } as const

    test('a token is got, kept and used; a refused one is said so', async () => {
      const names = [{ name: 'commonName', value: '127.0.0.1' }]
      const altNames = [{ type: 7, ip: '127.0.0.1' }] as const
      const extensions = [{ name: 'subjectAltName', altNames: [...altNames] }]
      const certificate = await generate(names, { extensions } as Parameters<typeof generate>[1])
      setDefaultCACertificates([certificate.cert])
      await using secure = await startAzureServer({ cert: certificate.cert, key: certificate.private })
      await using tokens = await startTokens(secure.account)
      const container = await secure.makeContainer()
      const open = (clientSecret: string) =>
        openAzureStore(
          { kind: 'azure', account: secure.account, container, prefix: '', endpoint: secure.endpoint },
          { credentials: { ...principal, clientSecret, authority: tokens.authority }, policy },
        )
      await using store = await open('right')
      const bytes = randomBytes(9 * mebibyte)
      const token = store.prepare('large', 'run-1')
      const staged = await store.stage(token, pieces(bytes), { signal })
      await store.complete(token, staged, { signal })
      expect((await read(store, 'large')).equals(bytes)).toBe(true)
      expect(tokens.count()).toBe(1)
      const error = await open('wrong-secret').catch((refusal: unknown) => refusal)
      expect(error).toMatchObject({
        code: 'store.refused',
        message: expect.stringContaining('invalid_client'),
      })
      expect(inspect(error, { depth: 9 })).not.toContain('wrong-secret')
    })
  })
})

/** Gives tokens such as the storage server takes: it looks at their claims, not at who signed them. */
async function startTokens(account: string) {
  let count = 0
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const http = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString())
      const isRight =
        request.url === '/a-tenant/oauth2/v2.0/token' &&
        form.get('client_id') === 'an-id' &&
        form.get('client_secret') === 'right' &&
        form.get('scope') === 'https://storage.azure.com/.default'
      if (!isRight) return void response.writeHead(401).end('{"error":"invalid_client"}')
      count += 1
      const seconds = Math.floor(Date.now() / 1000)
      const claims = {
        iss: 'https://sts.windows.net/a-tenant/',
        aud: `https://${account}.blob.core.windows.net`,
        nbf: seconds - 60,
        iat: seconds - 60,
        exp: seconds + 3_600,
        tid: 'a-tenant',
      }
      const token = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.AAAA`
      response.end(JSON.stringify({ access_token: token, expires_in: 3_600, token_type: 'Bearer' }))
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const address = http.address()
  return {
    authority: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    count: () => count,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections()
      http.close()
      await once(http, 'close')
    },
  }
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700_001) yield bytes.subarray(start, start + 700_001)
}

async function read(store: ObjectStore, name: string): Promise<Buffer> {
  return Buffer.concat(await collectAll(store.read(name, { signal })))
}

async function text(store: ObjectStore, name: string): Promise<string> {
  return (await read(store, name)).toString()
}

async function names(store: ObjectStore, prefix = ''): Promise<string[]> {
  return (await collectAll(store.list(prefix, { signal }))).map((summary) => summary.name)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
