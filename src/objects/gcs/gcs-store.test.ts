import { createHash, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { type GcsServer, hasGcsServer, startGcsServer } from '../../../test/support/gcs-server.ts'
import { collectAll, objectStoreContract } from '../../../test/support/object-store-contract.ts'
import type { ObjectStore } from '../object-store.ts'
import { type RemotePolicy, remotePolicy } from '../remote/policy.ts'
import { crc32c, crc32cText } from './crc32c.ts'
import { openGcsStore } from './gcs-store.ts'

const signal = new AbortController().signal
const mebibyte = 1024 * 1024

/** Faults pass fast; parts are small, so that there are rounds of putting together. */
const policy: RemotePolicy = {
  ...remotePolicy,
  triesMax: 4,
  firstWaitMs: 1,
  maxWaitMs: 5,
  partBytes: mebibyte / 8,
  listedAtOnce: 25,
}
/** Where silence is the fault. */
const hasty: RemotePolicy = { ...policy, triesMax: 8, answerMsMax: 900, completeMsMax: 900, idleMsMax: 900 }
const silences = new Set(['silent', 'slow', 'stalled'])

let server: GcsServer
let proxy: FaultProxy
beforeAll(async () => {
  if (!hasGcsServer) return
  server = await startGcsServer()
  proxy = await startFaultProxy(server.endpoint)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

async function place({ isProxied = true, fault = 'none', prefix = 'some/where' } = {}) {
  const bucket = await server.makeBucket()
  const endpoint = isProxied ? proxy.endpoint : server.endpoint
  const again = (): Promise<ObjectStore> =>
    openGcsStore(
      { kind: 'gcs', bucket, prefix, endpoint },
      {
        credentials: { serviceAccountKey: server.serviceAccountKey },
        policy: silences.has(fault) ? hasty : policy,
      },
    )
  const store = await again()
  return {
    bucket,
    store,
    again,
    [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()),
  }
}

const busy = { kind: 'status', status: 503, code: 'SlowDown' } as const

test('the checksum is Google’s', () => {
  // The check value of CRC-32C.
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.from('6789'), crc32c(Buffer.from('12345')))).toBe(0xe3069283)
  expect(crc32cText(0xe3069283)).toBe('4waSgw==')
})

describe.skipIf(!hasGcsServer)('on Google Cloud Storage', () => {
  objectStoreContract('gcs', () => place({ isProxied: false }))

  test.each([
    ['the store is busy', busy],
    ['too much is asked', { kind: 'status', status: 429, code: 'x' }],
    ['the connection breaks before', { kind: 'reset' }],
    ['the connection breaks after it was written', { kind: 'lost' }],
    ['no answer comes', { kind: 'silent' }],
    ['the answer comes too late', { kind: 'slow', delayMs: 1_200 }],
    ['an error is told after it was written', { kind: 'replaced', status: 500, body: '' }],
  ] as const)('a small object is created once when %s', async (_, fault) => {
    await using at = await place({ fault: fault.kind })
    proxy.fail({ method: 'POST' }, fault, 2)
    expect(await at.store.putIfAbsent('a/b', Buffer.from('ours'), { signal })).toBe('created')
    expect(await text(at.store, 'a/b')).toBe('ours')
    expect(await at.store.putIfAbsent('a/b', Buffer.from('ours'), { signal })).toBe('exists')
    proxy.mend()
  })

  const bytes = randomBytes(5 * mebibyte + 11)

  test.each([
    ['nothing happens', /never/, { kind: 'reset' }],
    ['a part meets a busy store', /uploadType=multipart/, busy],
    ['a part breaks off', /uploadType=multipart/, { kind: 'reset' }],
    ['a part is not answered', /uploadType=multipart/, { kind: 'lost' }],
    ['parts are put together and it is not answered', /\/compose/, { kind: 'lost' }],
    ['putting together meets a busy store', /\/compose/, busy],
    ['the copy is not answered', /\/rewriteTo/, { kind: 'lost' }],
    ['the copy breaks off', /\/rewriteTo/, { kind: 'reset' }],
  ] as const)(
    'a large object is staged, read back and completed, once and whole, when %s',
    async (_, url, fault) => {
      await using at = await place({ fault: fault.kind })
      const token = at.store.prepare('out/large', 'run-1')
      proxy.fail({ method: 'POST', url }, fault)
      const staged = await at.store.stage(token, pieces(bytes), { signal })
      expect(staged).toEqual({ bytes: bytes.length, sha256: sha256(bytes) })
      expect(sha256(Buffer.concat(await collectAll(at.store.readStaged(token, { signal }))))).toBe(
        staged.sha256,
      )
      await at.store.complete(token, staged, { signal })
      await using other = await at.again()
      await other.complete(JSON.parse(JSON.stringify(token)), staged, { signal })
      expect((await read(at.store, 'out/large')).equals(bytes)).toBe(true)
      expect(await allNames(at.bucket)).toEqual(['some/where/out/large'])
      proxy.mend()
    },
  )

  test('what a source that breaks leaves is removed with its token', async () => {
    await using at = await place()
    const token = at.store.prepare('a', 'run-1')
    const source = async function* () {
      yield bytes
      throw new Error('the source broke')
    }
    await expect(at.store.stage(token, source(), { signal })).rejects.toThrow('the source broke')
    expect((await allNames(at.bucket)).length).toBeGreaterThan(1)
    await at.store.abort(token)
    expect(await allNames(at.bucket)).toEqual([])
  })

  test.each([
    ['the store is busy', busy],
    ['the connection breaks', { kind: 'reset' }],
    ['no answer comes', { kind: 'silent' }],
    ['the answer breaks off', { kind: 'truncated', afterBytes: 100_001 }],
    ['the answer stands still', { kind: 'stalled', afterBytes: 300_000 }],
  ] as const)('a reading gives every byte once when %s', async (_, fault) => {
    await using at = await place({ fault: fault.kind })
    const token = at.store.prepare('large', 'run-1')
    await at.store.complete(token, await at.store.stage(token, pieces(bytes), { signal }), { signal })
    proxy.fail({ method: 'GET', url: /alt=media/ }, fault, 2)
    expect((await read(at.store, 'large')).equals(bytes)).toBe(true)
    proxy.fail({ method: 'GET', url: /alt=media/ }, fault, 2)
    const part = await collectAll(at.store.read('large', { signal, start: 5, end: 600_000 }))
    expect(Buffer.concat(part).equals(bytes.subarray(5, 600_000))).toBe(true)
    proxy.mend()
  })

  test('a reading is done again when a byte is changed on the way', async () => {
    await using at = await place()
    await at.store.putIfAbsent('small', Buffer.from('some text'), { signal })
    proxy.fail({ method: 'GET', url: /alt=media/ }, { kind: 'corrupt', atByte: 3 }, 2)
    expect(await text(at.store, 'small')).toBe('some text')
    proxy.fail({ method: 'GET', url: /alt=media/ }, { kind: 'corrupt', atByte: 3 }, policy.triesMax)
    await expect(text(at.store, 'small')).rejects.toMatchObject({ code: 'store.corrupt' })
  })

  test('a listing goes over pages', async () => {
    await using at = await place()
    const wanted = Array.from({ length: 60 }, (_, index) => `p/${String(index).padStart(5, '0')}`)
    await Promise.all(wanted.map((name) => at.store.putIfAbsent(name, Buffer.from('x'), { signal })))
    proxy.fail({ method: 'GET', url: /maxResults=25/ }, { kind: 'reset' }, 2)
    expect((await collectAll(at.store.list('', { signal }))).map(({ name }) => name)).toEqual(wanted)
  })

  describe('a refusal says what to do, and no secret', () => {
    const open = (bucket: string, serviceAccountKey = server.serviceAccountKey) =>
      openGcsStore(
        { kind: 'gcs', bucket, prefix: 'p', endpoint: proxy.endpoint },
        { credentials: { serviceAccountKey }, policy },
      ).catch((error: unknown) => error)

    test('a bucket that is not there', async () => {
      expect(await open('no-such-bucket')).toMatchObject({
        code: 'store.refused',
        message: 'The bucket of gs://no-such-bucket/p does not exist.',
      })
    })

    test('a key that cannot be read', async () => {
      const bucket = await server.makeBucket()
      for (const key of [
        'not json',
        '{}',
        server.serviceAccountKey.replace('BEGIN PRIVATE KEY-----\\nMII', 'BEGIN PRIVATE KEY-----\\nXXX'),
      ]) {
        const error = await open(bucket, key)
        expect(error).toMatchObject({
          code: 'store.refused',
          message: expect.stringContaining('cannot be read'),
        })
        expect(inspect(error, { depth: 9 })).not.toContain('PRIVATE')
      }
    })

    test('an account that gets no token, or whose token is refused', async () => {
      await using other = await startGcsServer()
      other.disableAccount()
      expect(await open(await server.makeBucket(), other.serviceAccountKey)).toMatchObject({
        code: 'store.refused',
        message: expect.stringContaining('invalid_grant'),
      })
      await using at = await place()
      for (const status of [401, 403]) {
        proxy.fail({ method: 'POST' }, { kind: 'status', status, code: 'x' })
        await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal })).rejects.toMatchObject({
          code: 'store.refused',
          meaning: { retry: false },
        })
      }
    })

    test('a token is got once and kept', async () => {
      await using fresh = await startGcsServer()
      const bucket = await fresh.makeBucket()
      const config = { kind: 'gcs', bucket, prefix: '', endpoint: fresh.endpoint } as const
      const credentials = { serviceAccountKey: fresh.serviceAccountKey }
      await using store = await openGcsStore(config, { credentials, policy })
      for (const name of ['a', 'b', 'c']) await store.putIfAbsent(name, Buffer.from('x'), { signal })
      expect(fresh.tokenCount()).toBe(1)
    })
  })

  /** Of everything in the bucket, by a plain request. */
  async function allNames(bucket: string): Promise<string[]> {
    const answer = await fetch(`${server.endpoint}/storage/v1/b/${bucket}/o`)
    const { items = [] } = (await answer.json()) as { items?: { name: string }[] }
    return items.map(({ name }) => name)
  }
})

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700_001) yield bytes.subarray(start, start + 700_001)
}

async function read(store: ObjectStore, name: string): Promise<Buffer> {
  return Buffer.concat(await collectAll(store.read(name, { signal })))
}

async function text(store: ObjectStore, name: string): Promise<string> {
  return (await read(store, name)).toString()
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
