import { afterAll, describe, expect, test } from 'vitest'
import { remotePolicy } from '#objects/remote/policy.ts'
import { mebibytes, remoteStoreKinds, sha256Of } from './support/remote-stores.ts'

const { signal } = new AbortController()
const mebibyte = 1024 * 1024
const objectMebibytes = 5 * 1024
/** The smallest that S3 takes: a thousand of them and more, so that the last are of the next size. */
const policy = { ...remotePolicy, partBytes: 5 * mebibyte }
/** Of parts under way, twice, and what the collector has not come to. */
const riseBytesMax = 500 * mebibyte

const servers = new AsyncDisposableStack()
afterAll(() => servers.disposeAsync())

/** Google's test server takes several times as much memory as it is given bytes. */
const kinds = remoteStoreKinds.filter(({ name }) => name !== 'gcs')

describe.each(kinds)('on $name', ({ isHere, open }) => {
  test.skipIf(!isHere)(
    '5 GB go in a thousand parts and more, and are read back whole',
    async () => {
      await using store = await open(servers, policy, { isForLarge: true })
      const before = process.memoryUsage().rss
      let peak = before
      const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 100)
      const token = store.prepare('out/large', 'run-1')
      const staged = await store.stage(token, mebibytes(0, objectMebibytes), { signal })
      await store.complete(token, staged, { signal })
      clearInterval(watch)
      expect(staged).toEqual({
        bytes: objectMebibytes * mebibyte,
        sha256: await sha256Of(mebibytes(0, objectMebibytes)),
      })
      expect((await store.head('out/large', { signal }))?.bytes).toBe(objectMebibytes * mebibyte)
      expect(await sha256Of(store.read('out/large', { signal }))).toBe(staged.sha256)
      expect(peak - before).toBeLessThan(riseBytesMax)
      await store.delete('out/large')
    },
    1_800_000,
  )
})
