import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { AppError } from '#base/errors.ts'
import { type Fault, type FaultProxy, startFaultProxy } from './support/fault-proxy.ts'
import { putLakesOn, testLake, type TestLake } from './support/lake.ts'
import { numbersOf, numberTable, overwriting, put, range } from './support/lake-numbers.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'
import type { LakeTable } from '../src/lake/lake.ts'

const signal = new AbortController().signal
const always = 1_000

let server: S3Server
let proxy: FaultProxy
beforeAll(async () => {
  if (!hasS3Server) return
  server = await startS3Server()
  proxy = await startFaultProxy(server.endpoint)
  putLakesOn({ server, endpoint: proxy.endpoint })
})
beforeEach(() => proxy?.mend())
afterAll(async () => {
  putLakesOn(undefined)
  await proxy?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

const faults: readonly Fault[] = [
  { kind: 'slow', delayMs: 300 },
  { kind: 'status', status: 503, code: 'SlowDown' },
  { kind: 'reset' },
  { kind: 'lost' },
  { kind: 'truncated', afterBytes: 50 },
  { kind: 'corrupt', atByte: 60 },
]

const objects = [
  ['metadata', /metadata\/\d+-[^/]*\.json/],
  ['a list of manifests', /snap-[^/]*\.avro/],
  ['a manifest', /-m0\.avro/],
  ['rows', /\.parquet/],
] as const

/** Ten numbers of two commits, in three files. */
async function tenNumbers(place: TestLake): Promise<LakeTable> {
  const table = await numberTable(place)
  await put(place, table, range(0, 5))
  await put(place, table, range(5, 10))
  return table
}

describe.skipIf(!hasS3Server)('a lake on S3', () => {
  describe.each(objects)('when reading %s', (_what, url) => {
    test.each(faults)('meets $kind once, gives all rows', async (fault) => {
      await using place = await testLake()
      const table = await tenNumbers(place)
      proxy.fail({ method: 'GET', url }, fault)
      expect(await numbersOf(place, table)).toEqual(range(0, 10))
      expect(proxy.requests.some((request) => request.startsWith('GET') && url.test(request))).toBe(true)
    })
  })

  test.each(objects)(
    'that gives %s damaged again and again fails by its name and gives no rows',
    { timeout: 120_000 },
    async (_what, url) => {
      await using place = await testLake()
      const table = await tenNumbers(place)
      const before = proxy.requests.length
      proxy.fail({ method: 'GET', url }, { kind: 'corrupt', atByte: 60 }, always)
      const failure: unknown = await numbersOf(place, table).catch((error: unknown) => error)
      const asked = proxy.requests.slice(before).filter((request) => url.test(request))
      expect(failure).toBeInstanceOf(AppError)
      expect(failure).toMatchObject({ code: 'store.corrupt' })
      const name = decodeURIComponent(new URL(asked[0]!.split(' ')[1]!, 'http://x').pathname)
      expect(name).toContain(nameIn((failure as AppError).message))
      proxy.mend()
      expect(await numbersOf(place, table)).toEqual(range(0, 10))
    },
  )

  describe.each([
    ['metadata', /metadata\/00003-[^/]*\.json/],
    ['a list of manifests', /snap-[^/]*\.avro/],
    ['a manifest', /-m0\.avro/],
    ['rows', /\.parquet/],
  ] as const)('when writing %s', (_what, url) => {
    test.each([...faults.slice(0, 4), { kind: 'corrupt request', atByte: 60 } as const])(
      'meets $kind once, stores the batch once',
      async (fault) => {
        await using place = await testLake()
        const table = await tenNumbers(place)
        proxy.fail({ method: 'PUT', url }, fault)
        await put(place, table, [10, 11])
        proxy.mend()
        expect(await numbersOf(place, table)).toEqual(range(0, 12))
      },
    )

    test('is refused, stores nothing, leaves nothing and can go on', async () => {
      await using place = await testLake()
      const table = await tenNumbers(place)
      proxy.fail({ method: 'PUT', url }, { kind: 'status', status: 403, code: 'AccessDenied' }, always)
      const failure: unknown = await put(place, table, [10, 11]).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'store.refused', message: expect.stringMatching(url) })
      proxy.mend()
      expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
      expect(await numbersOf(place, table)).toEqual(range(0, 10))
      await put(place, table, [10, 11])
      expect(await numbersOf(place, table)).toEqual(range(0, 12))
      // What is there is what the table knows.
      expect(await place.lake.removeOrphans({ tableId: table.id, ageMs: -1_000, signal })).toEqual({
        filesRemoved: 0,
      })
    })
  })

  test('rewrites and deletes over a store that stumbles all the time', { timeout: 120_000 }, async () => {
    await using place = await testLake()
    const table = await tenNumbers(place)
    for (const fault of faults) {
      proxy.fail({ method: 'GET' }, fault, 2)
      proxy.fail({ method: 'PUT' }, fault.kind === 'slow' ? fault : { kind: 'reset' }, 2)
      proxy.fail({ method: 'DELETE' }, { kind: 'lost' }, 1)
    }
    await place.lake.compact({ tableId: table.id, rule: { filesMin: 2 }, signal })
    await place.lake.overwrite(overwriting(table, [100, 101], { sql: 'n < 3' }))
    await place.lake.deleteRows({ tableId: table.id, condition: { sql: 'n % 2 = 1' }, signal })
    await place.lake.expire({ tableId: table.id, retentionMs: -1_000, signal })
    proxy.mend()
    expect(await numbersOf(place, table)).toEqual([4, 6, 8, 100])
    expect(await place.lake.removeOrphans({ tableId: table.id, ageMs: -1_000, signal })).toEqual({
      filesRemoved: 0,
    })
  })

  test('that is gone for a while keeps a discarded write for the sweep', { timeout: 60_000 }, async () => {
    await using place = await testLake()
    const table = await tenNumbers(place)
    proxy.fail({ method: 'PUT', url: /snap-/ }, { kind: 'status', status: 403, code: 'AccessDenied' }, always)
    proxy.fail({ method: 'DELETE' }, { kind: 'status', status: 403, code: 'AccessDenied' }, always)
    await expect(put(place, table, [10])).rejects.toMatchObject({ code: 'store.refused' })
    proxy.mend()
    expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toHaveLength(1)
    expect(await numbersOf(place, table)).toEqual(range(0, 10))
  })
})

/** `… at "name" …` */
function nameIn(message: string): string {
  return /at "([^"]+)"/.exec(message)?.[1] ?? `no name in: ${message}`
}
