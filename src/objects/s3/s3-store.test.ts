import { createHash, randomBytes } from 'node:crypto'
import { rm, truncate, writeFile } from 'node:fs/promises'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { collectAll, objectStoreContract } from '../../../test/support/object-store-contract.ts'
import { hasS3Server, type S3Server, startS3Server } from '../../../test/support/s3-server.ts'
import { openStore } from '../open-store.ts'
import type { RemoteStore } from '../remote-store.ts'
import { type S3Policy, s3Policy, unfinishedAgeMsMin } from './s3-config.ts'
import { openS3Store } from './s3-store.ts'

const signal = new AbortController().signal
const mebibyte = 1024 * 1024

/** Faults pass fast; parts are as small as S3 takes them. */
const policy: S3Policy = {
  ...s3Policy,
  triesMax: 4,
  firstWaitMs: 1,
  maxWaitMs: 5,
  partBytes: 5 * mebibyte,
  listedAtOnce: 25,
}
/** Where silence is the fault. */
const hasty: S3Policy = { ...policy, triesMax: 8, answerMsMax: 700, completeMsMax: 700, idleMsMax: 700 }
const silences = new Set(['silent', 'slow', 'stalled'])

let server: S3Server
let proxy: FaultProxy
beforeAll(async () => {
  if (!hasS3Server) return
  server = await startS3Server()
  proxy = await startFaultProxy(server.endpoint)
})
afterAll(async () => {
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

interface Place extends AsyncDisposable {
  readonly bucket: string
  readonly store: RemoteStore
  again(): Promise<RemoteStore>
}

/** An empty bucket, or part of one, reached through the proxy or not. */
async function place({
  prefix = 'some/where',
  isProxied = true,
  fault = 'none',
  dialect = undefined as 'google' | undefined,
} = {}): Promise<Place> {
  const bucket = await server.makeBucket()
  const again = (): Promise<RemoteStore> =>
    openS3Store(
      {
        kind: 's3',
        bucket,
        prefix,
        region: server.region,
        ...(dialect === undefined ? {} : { dialect }),
        endpoint: isProxied ? proxy.endpoint : server.endpoint,
      },
      { credentials: server.credentials, policy: silences.has(fault) ? hasty : policy },
    )
  const store = await again()
  return { bucket, store, again, [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()) }
}

describe.skipIf(!hasS3Server)('on S3', () => {
  objectStoreContract('s3', () => place({ isProxied: false }))
  objectStoreContract('s3, the whole bucket', () => place({ prefix: '', isProxied: false }))

  objectStoreContract('s3 as Google speaks it', () => place({ isProxied: false, dialect: 'google' }), {
    isCreationExclusive: false,
  })

  describe('as Google speaks it', () => {
    const bytes = randomBytes(12 * mebibyte)

    test.each([
      ['nothing happens', 'GET', /never/],
      ['a part is not answered', 'PUT', /partNumber=2/],
      ['the completion is not answered', 'POST', /uploadId=/],
      ['the copy is not answered', 'PUT', /out\/large$|out\/large\?x-id=CopyObject/],
    ])(
      'a large object is staged and completed without conditions and CRC-32 when %s',
      async (_, method, url) => {
        await using at = await place({ dialect: 'google' })
        proxy.headers.clear()
        proxy.fail({ method, url }, { kind: 'lost' })
        const token = at.store.prepare('out/large', 'run-1')
        const staged = await at.store.stage(token, pieces(bytes), { signal })
        await at.store.complete(token, staged, { signal })
        proxy.mend()
        await at.store.complete(token, staged, { signal })
        expect((await read(at.store, 'out/large')).equals(bytes)).toBe(true)
        expect(await names(at.store)).toEqual(['out/large'])
        expect(at.store.location).toMatch(/^gs:/)
        const said = Array.from(proxy.headers).filter((name) =>
          /if-none-match|crc32|mp-object-size/.test(name),
        )
        expect(said).toEqual([])
      },
    )

    test('a small object whose answer was lost is known by its mark, and nothing is written over', async () => {
      await using at = await place({ dialect: 'google' })
      proxy.fail({ method: 'PUT' }, { kind: 'lost' })
      expect(await at.store.putIfAbsent('a', Buffer.from('ours'), { signal })).toBe('created')
      expect(await at.store.putIfAbsent('a', Buffer.from('others'), { signal })).toBe('exists')
      expect(await text(at.store, 'a')).toBe('ours')
    })
  })

  describe('a small object', () => {
    test.each([
      ['the store is busy', { kind: 'status', status: 503, code: 'SlowDown' }],
      ['the store fails', { kind: 'status', status: 500, code: 'InternalError' }],
      [
        'another writer is being decided upon',
        { kind: 'status', status: 409, code: 'ConditionalRequestConflict' },
      ],
      ['the connection breaks before', { kind: 'reset' }],
      ['the connection breaks after it was written', { kind: 'lost' }],
      ['an error is told after it was written', { kind: 'replaced', status: 500, body: '' }],
      ['no answer comes', { kind: 'silent' }],
      ['the answer comes too late', { kind: 'slow', delayMs: 1_200 }],
      ['its bytes are damaged on the way', { kind: 'corrupt request', atByte: 2 }],
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
      [
        'a list that goes on and does not say where',
        '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>',
      ],
    ])('is not taken for missing where a list is answered with %s', async (_, body) => {
      await using at = await place()
      await at.store.putIfAbsent('a', Buffer.from('ours'), { signal })
      const answer = { kind: 'replaced', status: 200, body } as const
      proxy.fail({ method: 'GET', url: /list-type=2/ }, answer, 99)
      await expect(names(at.store)).rejects.toMatchObject({ code: 'store.unreachable' })
      proxy.mend()
      proxy.fail({ method: 'GET', url: /list-type=2/ }, answer)
      expect(await names(at.store)).toEqual(['a'])
    })

    test('is told to exist when another wrote the same bytes while our answer was lost', async () => {
      await using at = await place()
      await using other = await at.again()
      expect(await other.putIfAbsent('a', Buffer.from('same'), { signal })).toBe('created')
      proxy.fail({ method: 'PUT' }, { kind: 'lost' })
      expect(await at.store.putIfAbsent('a', Buffer.from('same'), { signal })).toBe('exists')
    })

    test('is known to be created although no answer ever came', async () => {
      await using at = await place()
      proxy.fail({ method: 'PUT' }, { kind: 'lost' }, policy.triesMax)
      expect(await at.store.putIfAbsent('a', Buffer.from('x'), { signal })).toBe('created')
    })

    test('is refused in the end when the store stays away, and nothing was written', async () => {
      await using at = await place()
      proxy.fail({ method: 'PUT' }, { kind: 'status', status: 503, code: 'SlowDown' }, policy.triesMax)
      const before = proxy.requests.length
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.unreachable',
        meaning: { retry: true },
        detail: { store: at.store.location, object: 'a', code: 'SlowDown' },
      })
      const puts = proxy.requests.slice(before).filter((request) => request.startsWith('PUT'))
      expect(puts).toHaveLength(policy.triesMax)
      expect(await at.store.head('a', { signal })).toBeUndefined()
    })

    test('damaged on the way again and again is never stored', async () => {
      await using at = await place()
      proxy.fail({ method: 'PUT' }, { kind: 'corrupt request', atByte: 0 }, policy.triesMax)
      await expect(at.store.putIfAbsent('a', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.corrupt',
      })
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
    const bytes = randomBytes(12 * mebibyte)

    test.each([
      ['nothing happens', 'GET', /never/, { kind: 'reset' }],
      ['its beginning is not answered', 'POST', /\?uploads/, { kind: 'lost' }],
      ['a part meets a busy store', 'PUT', /partNumber=2/, { kind: 'status', status: 503, code: 'SlowDown' }],
      ['a part breaks off', 'PUT', /partNumber=1/, { kind: 'reset' }],
      ['a part is not answered', 'PUT', /partNumber=3/, { kind: 'lost' }],
      ['a part is damaged on the way', 'PUT', /partNumber=1/, { kind: 'corrupt request', atByte: 999 }],
      ['its completion breaks off', 'POST', /uploadId=/, { kind: 'reset' }],
      ['its completion is not answered', 'POST', /uploadId=/, { kind: 'lost' }],
      ['its completion comes late', 'POST', /uploadId=/, { kind: 'slow', delayMs: 1_200 }],
      [
        'its completion says 200 and an error in its body',
        'POST',
        /uploadId=/,
        {
          kind: 'replaced',
          status: 200,
          body: '<Error><Code>InternalError</Code><Message>No</Message></Error>',
        },
      ],
      [
        'its upload is gone because the answer to its completion was lost',
        'POST',
        /uploadId=/,
        {
          kind: 'replaced',
          status: 404,
          body: '<Error><Code>NoSuchUpload</Code><Message>No</Message></Error>',
        },
      ],
    ] as const)('is created once and whole when %s', async (_, method, url, fault) => {
      await using at = await place({ fault: fault.kind })
      proxy.fail({ method, url }, fault)
      const staged = await at.store.create('data/large', pieces(bytes), { signal })
      expect(staged).toEqual({ bytes: bytes.length, sha256: sha256(bytes) })
      expect((await read(at.store, 'data/large')).equals(bytes)).toBe(true)
      expect((await at.store.head('data/large', { signal }))?.bytes).toBe(bytes.length)
    })

    test('is not created over another, and leaves no upload behind', async () => {
      await using at = await place()
      await at.store.putIfAbsent('a', Buffer.from('theirs'), { signal })
      await expect(at.store.create('a', pieces(bytes), { signal })).rejects.toMatchObject({
        code: 'object.exists',
      })
      expect(await text(at.store, 'a')).toBe('theirs')
      expect(await leftOver(at.store)).toBe(0)
    })

    test.each([
      ['its source breaks', 0],
      ['the store stays away', policy.triesMax],
    ])('leaves nothing behind when %s', async (_, times) => {
      await using at = await place()
      if (times > 0)
        proxy.fail(
          { method: 'PUT', url: /partNumber=2/ },
          { kind: 'status', status: 503, code: 'SlowDown' },
          times,
        )
      const source = async function* () {
        yield bytes
        if (times === 0) throw new Error('the source broke')
      }
      await expect(at.store.create('a', source(), { signal })).rejects.toThrow(
        times === 0 ? 'the source broke' : 'does not answer as it should',
      )
      expect(await at.store.head('a', { signal })).toBeUndefined()
      expect(await leftOver(at.store)).toBe(0)
    })

    test('stops when told, with the reason given, and leaves nothing behind', async () => {
      await using at = await place()
      const controller = new AbortController()
      const reason = new Error('enough')
      proxy.after({ method: 'PUT', url: /partNumber=2/ }, async () => controller.abort(reason))
      await expect(at.store.create('a', pieces(bytes), { signal: controller.signal })).rejects.toBe(reason)
      expect(await leftOver(at.store)).toBe(0)
    })

    test('is staged, read back and completed by a copy the store makes, also when answers are lost', async () => {
      await using at = await place()
      await using other = await at.again()
      const token = at.store.prepare('out/large', 'run-1')
      const staged = await at.store.stage(token, pieces(bytes), { signal })
      expect(sha256(Buffer.concat(await collectAll(at.store.readStaged(token, { signal }))))).toBe(
        staged.sha256,
      )
      proxy.fail({ method: 'PUT', url: /partNumber=1/ }, { kind: 'lost' })
      proxy.fail({ method: 'POST', url: /uploadId=/ }, { kind: 'lost' })
      await other.complete(JSON.parse(JSON.stringify(token)), staged, { signal })
      await at.store.complete(token, staged, { signal })
      expect((await read(at.store, 'out/large')).equals(bytes)).toBe(true)
      await expect(at.store.complete(token, { ...staged, bytes: 1 }, { signal })).rejects.toMatchObject({
        code: 'object.exists',
      })
      expect((await names(at.store)).length).toBe(1)
    })

    test('that was staged and then cut is not completed', async () => {
      await using at = await place()
      for (const size of [5, bytes.length]) {
        const token = at.store.prepare(`part-${size}`, 'run-1')
        const staged = await at.store.stage(token, pieces(bytes.subarray(0, size)), { signal })
        await truncate(server.pathOf(at.bucket, `some/where/.sluice-staging/${token.id}`), size - 1)
        await expect(at.store.complete(token, staged, { signal })).rejects.toMatchObject({
          code: 'object.missing',
        })
      }
    })

    test('that was staged and then replaced by as many bytes is not completed', async () => {
      await using at = await place()
      for (const size of [5, bytes.length]) {
        const token = at.store.prepare(`part-${size}`, 'run-1')
        const staged = await at.store.stage(token, pieces(bytes.subarray(0, size)), { signal })
        const path = server.pathOf(at.bucket, `some/where/.sluice-staging/${token.id}`)
        await rm(path)
        await writeFile(path, randomBytes(size))
        await expect(at.store.complete(token, staged, { signal })).rejects.toMatchObject({
          code: 'object.missing',
        })
      }
    })
  })

  describe('a reading', () => {
    const bytes = randomBytes(9 * mebibyte)

    test.each([
      ['the store is busy', { kind: 'status', status: 503, code: 'SlowDown' }],
      ['the connection breaks', { kind: 'reset' }],
      ['no answer comes', { kind: 'silent' }],
      ['the answer breaks off', { kind: 'truncated', afterBytes: 100_001 }],
      ['the answer stands still', { kind: 'stalled', afterBytes: 300_000 }],
    ] as const)('gives every byte once when %s', async (_, fault) => {
      await using at = await place({ fault: fault.kind })
      await at.store.create('large', pieces(bytes), { signal })
      await at.store.putIfAbsent('small', bytes.subarray(0, 400_000), { signal })
      proxy.fail({ method: 'GET', url: /large/ }, fault, 2)
      expect((await read(at.store, 'large')).equals(bytes)).toBe(true)
      proxy.fail({ method: 'GET', url: /small/ }, fault, 2)
      expect((await read(at.store, 'small')).equals(bytes.subarray(0, 400_000))).toBe(true)
      proxy.fail({ method: 'GET', url: /large/ }, fault, 2)
      const part = await collectAll(at.store.read('large', { signal, start: 5, end: 600_000 }))
      expect(Buffer.concat(part).equals(bytes.subarray(5, 600_000))).toBe(true)
    })

    test.each([
      ['a byte is changed on the way', { kind: 'corrupt', atByte: 3 }],
      ['the checksum is another', { kind: 'header', name: 'x-amz-checksum-crc32', value: 'AAAAAA==' }],
    ] as const)('of a small object is done again when %s', async (_, fault) => {
      await using at = await place()
      await at.store.putIfAbsent('small', Buffer.from('some text'), { signal })
      proxy.fail({ method: 'GET' }, fault, 2)
      expect(await text(at.store, 'small')).toBe('some text')
      proxy.fail({ method: 'GET' }, fault, policy.triesMax)
      await expect(text(at.store, 'small')).rejects.toMatchObject({ code: 'store.corrupt' })
    })

    test('of a large object fails at its end when a byte was changed', async () => {
      await using at = await place()
      await at.store.create('large', pieces(bytes), { signal })
      proxy.fail({ method: 'GET' }, { kind: 'corrupt', atByte: 8 * mebibyte })
      await expect(read(at.store, 'large')).rejects.toMatchObject({
        code: 'store.corrupt',
        meaning: { retry: true },
        message: expect.stringContaining('"large"'),
      })
      expect((await read(at.store, 'large')).equals(bytes)).toBe(true)
    })

    test('finds what was changed at the store itself', async () => {
      await using at = await place()
      await at.store.putIfAbsent('a', Buffer.from('some text'), { signal })
      await writeFile(server.pathOf(at.bucket, 'some/where/a'), 'SOME text')
      await expect(text(at.store, 'a')).rejects.toMatchObject({ code: 'store.corrupt' })
    })

    test('never mixes two versions of an object', async () => {
      await using at = await place()
      await at.store.create('large', pieces(bytes), { signal })
      proxy.fail({ method: 'GET' }, { kind: 'truncated', afterBytes: 1000 })
      const reading = at.store.read('large', { signal })[Symbol.asyncIterator]()
      await reading.next()
      await at.store.delete('large')
      await at.store.create('large', pieces(randomBytes(bytes.length)), { signal })
      const rest = async (): Promise<void> => {
        while (!(await reading.next()).done);
      }
      await expect(rest()).rejects.toMatchObject({ code: 'object.missing' })
    })

    test('stops when told, with the reason given', async () => {
      await using at = await place()
      await at.store.create('large', pieces(bytes), { signal })
      proxy.fail({ method: 'GET' }, { kind: 'stalled', afterBytes: 1000 })
      const controller = new AbortController()
      const reason = new Error('enough')
      setTimeout(() => controller.abort(reason), 30)
      await expect(collectAll(at.store.read('large', { signal: controller.signal }))).rejects.toBe(reason)
    })
  })

  describe('a listing', () => {
    test('goes over pages, in order, without what others keep in the bucket', async () => {
      await using at = await place()
      const wanted = Array.from({ length: 60 }, (_, index) => `p/${String(index).padStart(5, '0')}`)
      for (let start = 0; start < wanted.length; start += 20) {
        await Promise.all(
          wanted
            .slice(start, start + 20)
            .map((name) => at.store.putIfAbsent(name, Buffer.from('x'), { signal })),
        )
      }
      proxy.fail({ method: 'GET', url: /list-type=2/ }, { kind: 'reset' }, 2)
      proxy.fail({ method: 'GET', url: /continuation-token/ }, { kind: 'truncated', afterBytes: 500 }, 2)
      expect(await names(at.store)).toEqual(wanted)
      expect(await names(at.store, 'p/0005')).toEqual(wanted.slice(50))
    })

    test('of another prefix shows nothing of ours', async () => {
      await using at = await place()
      await at.store.putIfAbsent('a', Buffer.from('x'), { signal })
      await using neighbour = await openS3Store(
        {
          kind: 's3',
          bucket: at.bucket,
          prefix: 'some/whe',
          region: server.region,
          endpoint: server.endpoint,
        },
        { credentials: server.credentials, policy },
      )
      expect(await names(neighbour)).toEqual([])
      expect(neighbour.location).toBe(`s3://${at.bucket}/some/whe`)
    })
  })

  describe('what a killed writer left', () => {
    test('is removed once it is old, and never before', async () => {
      await using at = await place()
      await using elsewhere = await openS3Store(
        {
          kind: 's3',
          bucket: at.bucket,
          prefix: 'some/other',
          region: server.region,
          endpoint: server.endpoint,
        },
        { credentials: server.credentials, policy },
      )
      // The writer's process ends without a word: nothing it does after its first part arrives.
      for (const store of [at.store, elsewhere]) void beginAndVanish(store)
      // Its parts have arrived: what is on its way while an upload is removed may stay.
      for (const prefix of ['some/where', 'some/other'])
        await expect.poll(() => arrivedParts(at.bucket, prefix), { timeout: 30_000 }).toBe(2)
      expect(await leftOver(at.store, unfinishedAgeMsMin - 60_000)).toBe(0)
      expect(await leftOver(at.store)).toBe(1)
      expect(await leftOver(at.store)).toBe(0)
      expect(await leftOver(elsewhere)).toBe(1)
    })

    test('is removed with its token', async () => {
      await using at = await place()
      const token = at.store.prepare('part', 'run-1')
      void beginAndVanish(at.store, token)
      await expect.poll(() => arrivedParts(at.bucket), { timeout: 30_000 }).toBe(2)
      await at.store.abort(token)
      expect(await arrivedParts(at.bucket)).toBe(0)
    })
  })

  describe('a refusal names the bucket and what to do, and no secret', () => {
    const open = (change: { bucket?: string; secretAccessKey?: string; endpoint?: string }) =>
      openStore(
        {
          kind: 's3',
          bucket: change.bucket ?? 'no-such-bucket',
          prefix: 'p',
          region: server.region,
          endpoint: change.endpoint ?? server.endpoint,
        },
        { s3: { ...server.credentials, ...change } },
      )

    test('a bucket that is not there', async () => {
      const error = await open({}).catch((error: unknown) => error)
      expect(error).toMatchObject({
        code: 'store.refused',
        message: 'The bucket of s3://no-such-bucket/p does not exist.',
      })
    })

    test('a wrong secret', async () => {
      const bucket = await server.makeBucket()
      const error = await open({ bucket, secretAccessKey: 'a-wrong-secret' }).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'store.refused', message: expect.stringContaining(bucket) })
      expect(inspect(error, { depth: 9 })).not.toMatch(/a-wrong-secret|AK[0-9A-F]{16}/)
    })

    test('nobody at the endpoint', async () => {
      await expect(
        openS3Store(
          { kind: 's3', bucket: 'some-bucket', prefix: '', region: 'x', endpoint: 'http://127.0.0.1:9' },
          { credentials: server.credentials, policy },
        ),
      ).rejects.toMatchObject({ code: 'store.unreachable', message: expect.stringContaining('ECONNREFUSED') })
    })

    test('a denied write, tried once', async () => {
      await using at = await place()
      proxy.fail({ method: 'PUT' }, { kind: 'status', status: 403, code: 'AccessDenied' })
      await expect(at.store.putIfAbsent('a/b', Buffer.from('x'), { signal })).rejects.toMatchObject({
        code: 'store.refused',
        message: expect.stringMatching(/s3:\/\/.*"a\/b".*AccessDenied, HTTP 403/),
      })
    })
  })

  /** Uploads that a sweep finds when it runs in a while; they are removed. */
  async function leftOver(store: RemoteStore, inMs = unfinishedAgeMsMin + 60_000): Promise<number> {
    return await store.sweepUnfinished({ now: new Date(Date.now() + inMs), signal })
  }

  /** Of the uploads that are open. */
  async function arrivedParts(bucket: string, prefix = ''): Promise<number> {
    const sdk = await import('@aws-sdk/client-s3')
    const client = new sdk.S3Client({ ...server, forcePathStyle: true })
    const { Uploads: uploads = [] } = await client.send(
      new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
    )
    const parts = uploads.map(async ({ Key: key, UploadId: id }) => {
      const answer = await client.send(new sdk.ListPartsCommand({ Bucket: bucket, Key: key, UploadId: id }))
      return answer.Parts?.length ?? 0
    })
    const counts = await Promise.all(parts)
    client.destroy()
    return counts.reduce((sum, count) => sum + count, 0)
  }

  async function beginAndVanish(
    store: RemoteStore,
    token?: ReturnType<RemoteStore['prepare']>,
  ): Promise<void> {
    const source = async function* () {
      yield Buffer.alloc(11 * mebibyte)
      await new Promise(() => {})
    }
    await (token ? store.stage(token, source(), { signal }) : store.create('large', source(), { signal }))
  }
})

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 700_001) yield bytes.subarray(start, start + 700_001)
}

async function read(store: RemoteStore, name: string): Promise<Buffer> {
  return Buffer.concat(await collectAll(store.read(name, { signal })))
}

async function text(store: RemoteStore, name: string): Promise<string> {
  return (await read(store, name)).toString()
}

async function names(store: RemoteStore, prefix = ''): Promise<string[]> {
  return (await collectAll(store.list(prefix, { signal }))).map((summary) => summary.name)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
