import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { AppError } from '#base/errors.ts'
import { type FaultProxy, startFaultProxy } from '../../../test/support/fault-proxy.ts'
import { collectAll } from '../../../test/support/object-store-contract.ts'
import { hasS3Server, type S3Server, startS3Server } from '../../../test/support/s3-server.ts'
import { s3Policy } from './s3-config.ts'
import { openS3Store } from './s3-store.ts'

const { signal } = new AbortController()
const policy = { ...s3Policy, triesMax: 2, firstWaitMs: 1, maxWaitMs: 2 }

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

async function bucketOf(names: readonly string[]) {
  const bucket = await server.makeBucket()
  const { endpoint } = proxy
  const config = { kind: 's3', bucket, prefix: 'zones', region: server.region, endpoint } as const
  const store = await openS3Store(config, { credentials: server.credentials, policy })
  onTestFinished(() => store[Symbol.asyncDispose]())
  onTestFinished(() => proxy.mend())
  for (const name of names) await store.putIfAbsent(name, Buffer.from(name), { signal })
  const failures: AppError[] = []
  const removeIn = (folder: string) =>
    store.removeOlder(folder, {
      before: new Date(Date.now() + 3_600_000),
      signal,
      onFailure: (error) => void failures.push(error),
    })
  const left = async () => (await collectAll(store.list('', { signal }))).map(({ name }) => name)
  return { store, removeIn, left, failures }
}

test.skipIf(!hasS3Server)('what cannot be removed is told of and keeps nothing else', async () => {
  const { removeIn, left, failures } = await bucketOf(['a/1', 'a/2', 'a/3', 'a/b/4', 'ab/5'])
  proxy.fail({ method: 'DELETE', url: /a\/1/ }, { kind: 'status', status: 403, code: 'AccessDenied' }, 9)
  proxy.fail({ method: 'DELETE', url: /a\/3/ }, { kind: 'status', status: 500, code: 'InternalError' }, 9)
  expect(await removeIn('a')).toBe(2)
  expect(await left()).toEqual(['a/1', 'a/3', 'ab/5'])
  expect(failures.map(({ code }) => code)).toEqual(['store.refused', 'store.unreachable'])
})

test.skipIf(!hasS3Server)(
  'a store that answers nothing is not asked about each of many objects',
  async () => {
    const { removeIn, left } = await bucketOf(['a/1', 'a/2', 'a/3', 'a/4', 'a/5'])
    proxy.fail({ method: 'DELETE' }, { kind: 'reset' }, 99)
    proxy.requests.length = 0
    await expect(removeIn('a')).rejects.toMatchObject({ code: 'store.unreachable' })
    expect(proxy.requests.filter((request) => request.startsWith('DELETE'))).toHaveLength(6)
    expect(await left()).toHaveLength(5)
  },
)

test.skipIf(!hasS3Server)('what the store tells no time of stays', async () => {
  const { removeIn, left, failures } = await bucketOf(['a/1', 'a/2'])
  const body = `<ListBucketResult><IsTruncated>false</IsTruncated>
    <Contents><Key>zones/a/1</Key><Size>3</Size></Contents>
    <Contents><Key>zones/a/2</Key><Size>3</Size><LastModified>2026-03-01T01:00:00Z</LastModified></Contents>
  </ListBucketResult>`
  proxy.fail({ method: 'GET', url: /list-type=2/ }, { kind: 'replaced', status: 200, body })
  expect(await removeIn('a')).toBe(1)
  expect([await left(), failures]).toEqual([['a/1'], []])
})

test.skipIf(!hasS3Server)(
  'a server that lists other keys than it was asked for has none removed',
  async () => {
    const { removeIn, left } = await bucketOf(['b/1'])
    const body = `<ListBucketResult><IsTruncated>false</IsTruncated>
    <Contents><Key>zones/b/1</Key><Size>3</Size><LastModified>2026-03-01T01:00:00Z</LastModified></Contents>
  </ListBucketResult>`
    proxy.fail({ method: 'GET', url: /list-type=2/ }, { kind: 'replaced', status: 200, body })
    expect(await removeIn('a')).toBe(0)
    expect(await left()).toEqual(['b/1'])
  },
)
