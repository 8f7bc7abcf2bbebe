import { afterAll, describe, expect, test } from 'vitest'
import { mebibytes, remoteStoreKinds, sha256Of } from '../../test/support/remote-stores.ts'
import { remotePolicy } from './remote/policy.ts'

const { signal } = new AbortController()
const mebibyte = 1024 * 1024
const policy = { ...remotePolicy, partBytes: 40 * mebibyte, copiedPartBytes: 40 * mebibyte }

const servers = new AsyncDisposableStack()
afterAll(() => servers.disposeAsync())

describe.each(remoteStoreKinds)('on $name', ({ isHere, open }) => {
  test.skipIf(!isHere)('100 MB go in three parts, are read back whole, and appear at once', async () => {
    await using store = await open(servers, policy)
    const token = store.prepare('out/large', 'run-1')
    const staged = await store.stage(token, mebibytes(0, 100), { signal })
    expect(staged).toEqual({ bytes: 100 * mebibyte, sha256: await sha256Of(mebibytes(0, 100)) })
    expect(await sha256Of(store.readStaged(token, { signal }))).toBe(staged.sha256)
    expect(await store.head('out/large', { signal })).toBeUndefined()
    await store.complete(token, staged, { signal })
    expect((await store.head('out/large', { signal }))?.bytes).toBe(100 * mebibyte)
    expect(await sha256Of(store.read('out/large', { signal }))).toBe(staged.sha256)
    expect(await sha256Of(store.read('out/large', { signal, start: 90 * mebibyte }))).toBe(
      await sha256Of(mebibytes(90, 100)),
    )
  })
})
