import { expect, test } from 'vitest'
import { partsMax } from '#objects/remote/part-size.ts'
import { remotePolicy } from '#objects/remote/policy.ts'
import { openS3Store } from '#objects/s3/s3-store.ts'
import { hasMinio, startMinio } from './support/minio-server.ts'
import { mebibytes, sha256Of } from './support/remote-stores.ts'

const { signal } = new AbortController()
const mebibyte = 1024 * 1024
/** The smallest that S3 takes, to the last: 49 GB. */
const partMebibytes = 5
const policy = { ...remotePolicy, partBytes: partMebibytes * mebibyte, laterParts: [] }
const objectMebibytes = partMebibytes * partsMax
const riseBytesMax = 300 * mebibyte

test.skipIf(!hasMinio)(
  'ten thousand parts, the most that S3 takes, make one object that is read back whole; one more is refused',
  async () => {
    await using server = await startMinio()
    const { region, endpoint, credentials } = server
    const config = { kind: 's3', bucket: await server.makeBucket(), prefix: '', region, endpoint } as const
    await using store = await openS3Store(config, { credentials, policy })
    const before = process.memoryUsage().rss
    let peak = before
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 100)

    const created = await store.create('most.txt', mebibytes(0, objectMebibytes), { signal })
    const sha256 = await sha256Of(mebibytes(0, objectMebibytes))
    expect(created).toEqual({ bytes: objectMebibytes * mebibyte, sha256 })
    expect((await store.head('most.txt', { signal }))?.bytes).toBe(created.bytes)
    expect(await sha256Of(store.read('most.txt', { signal }))).toBe(sha256)
    clearInterval(watch)
    expect(peak - before).toBeLessThan(riseBytesMax)

    const tiny = { ...policy, partBytes: 128 }
    await using other = await openS3Store(config, { credentials, policy: tiny })
    const tinyParts = async function* () {
      yield Buffer.alloc(tiny.partBytes * partsMax + 1)
    }
    const tooMany = other.create('more.txt', tinyParts(), { signal })
    await expect(tooMany).rejects.toMatchObject({ code: 'request.too_large' })
    expect(await other.head('more.txt', { signal })).toBeUndefined()
  },
  7_200_000,
)
