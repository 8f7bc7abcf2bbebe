import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { Engine } from '../src/engine/engine.ts'
import { embeddedEngine } from './support/embedded-engine.ts'
import { type Fault, type FaultProxy, type Match, startFaultProxy } from './support/fault-proxy.ts'
import { testLake, type TestLake } from './support/lake.ts'
import { numbersOf, numberTable, overwriting, put, range } from './support/lake-numbers.ts'
import { ManualClock } from './support/manual-clock.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'
import type { LakeTable } from '../src/lake/lake.ts'
import { writerSilentMsMax } from '../src/lake/writes.ts'
import { unfinishedAgeMsMin } from '../src/objects/s3/s3-config.ts'

const signal = new AbortController().signal
const always = 1_000

let server: S3Server
let engine: Engine
beforeAll(async () => {
  if (!hasS3Server) return
  server = await startS3Server()
  engine = await embeddedEngine()
})
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]()
  await server?.[Symbol.asyncDispose]()
})

const faults: readonly Fault[] = [
  { kind: 'slow', delayMs: 200 },
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

interface ReachableLake extends AsyncDisposable {
  readonly place: TestLake
  readonly proxy: FaultProxy
}

/** Behind a proxy of its own: what goes wrong for one test goes wrong for no other, and their waits pass together. */
async function reachableLake(options: { readonly clock?: Clock } = {}): Promise<ReachableLake> {
  await using starting = new AsyncDisposableStack()
  const proxy = starting.use(await startFaultProxy(server.endpoint))
  const place = starting.use(await testLake({ ...options, on: { server, engine, endpoint: proxy.endpoint } }))
  const started = starting.move()
  return { place, proxy, [Symbol.asyncDispose]: () => started.disposeAsync() }
}

/** Ten numbers of two commits. */
async function tenNumbers(place: TestLake): Promise<LakeTable> {
  const table = await numberTable(place)
  await put(place, table, range(0, 5))
  await put(place, table, range(5, 10))
  return table
}

/** Whether the fault was met. */
function armed(proxy: FaultProxy, match: Match, fault: Fault): () => boolean {
  const before = proxy.requests.length
  proxy.fail(match, fault)
  return () =>
    proxy.requests
      .slice(before)
      .some((request) => request.startsWith(match.method) && (match.url?.test(request) ?? true))
}

describe.skipIf(!hasS3Server)('a lake on S3', { concurrent: true }, () => {
  test.each(objects)(
    'that stumbles once when it is asked for %s gives all rows',
    { timeout: 60_000 },
    async (_what, url) => {
      await using lake = await reachableLake()
      const { place, proxy } = lake
      const table = await tenNumbers(place)
      for (const [index, fault] of faults.entries()) {
        await put(place, table, [10 + index]) // Rows that were read before are on this machine.
        const isMet = armed(proxy, { method: 'GET', url }, fault)
        expect(await numbersOf(place, table), fault.kind).toEqual(range(0, 11 + index))
        expect(isMet(), fault.kind).toBe(true)
      }
    },
  )

  test.each(objects)(
    'that gives %s damaged again and again fails by its name and gives no rows',
    { timeout: 120_000 },
    async (_what, url) => {
      await using lake = await reachableLake()
      const { place, proxy } = lake
      const table = await tenNumbers(place)
      const before = proxy.requests.length
      proxy.fail({ method: 'GET', url }, { kind: 'corrupt', atByte: 60 }, always)
      const failure: unknown = await numbersOf(place, table).catch((error: unknown) => error)
      const asked = proxy.requests.slice(before).filter((request) => url.test(request))
      expect(failure).toBeInstanceOf(AppError)
      expect(failure).toMatchObject({ code: 'store.corrupt' })
      const named = nameIn((failure as AppError).message)
      expect(asked.some((request) => decodeURIComponent(request).includes(named))).toBe(true)
      proxy.mend()
      expect(await numbersOf(place, table)).toEqual(range(0, 10))
    },
  )

  test.each(objects)(
    'that stumbles once when it is given %s stores the batch once',
    { timeout: 60_000 },
    async (_what, url) => {
      await using lake = await reachableLake()
      const { place, proxy } = lake
      const table = await tenNumbers(place)
      const onWrites = [...faults.slice(0, 4), { kind: 'corrupt request', atByte: 60 } as const]
      for (const [index, fault] of onWrites.entries()) {
        const isMet = armed(proxy, { method: 'PUT', url }, fault)
        await put(place, table, [10 + index])
        expect(isMet(), fault.kind).toBe(true)
        expect(await numbersOf(place, table), fault.kind).toEqual(range(0, 11 + index))
      }
    },
  )

  test.each(objects)(
    'that refuses %s stores nothing, is left with nothing and goes on',
    { timeout: 60_000 },
    async (_what, url) => {
      await using lake = await reachableLake()
      const { place, proxy } = lake
      const table = await tenNumbers(place)
      proxy.fail({ method: 'PUT', url }, { kind: 'status', status: 403, code: 'AccessDenied' }, always)
      const failure: unknown = await put(place, table, [10, 11]).catch((error: unknown) => error)
      expect(failure).toMatchObject({ code: 'store.refused', message: expect.stringMatching(url) })
      proxy.mend()
      expect(await place.metadata.db.selectFrom('lake_writes').selectAll().execute()).toEqual([])
      expect(await numbersOf(place, table)).toEqual(range(0, 10))
      await put(place, table, [10, 11])
      expect(await numbersOf(place, table)).toEqual(range(0, 12))
      expect(await strays(place, table)).toBe(0)
    },
  )

  test('that stumbles all the time is rewritten and deleted from', { timeout: 120_000 }, async () => {
    await using lake = await reachableLake()
    const { place, proxy } = lake
    const table = await tenNumbers(place)
    const { id: tableId } = table
    for (const act of [
      async () => await place.lake.compact({ tableId, rule: { filesMin: 2 }, signal }),
      async () => await place.lake.overwrite(overwriting(table, [100, 101], { sql: 'n < 3' })),
      async () => await place.lake.deleteRows({ tableId, condition: { sql: 'n % 2 = 1' }, signal }),
      async () => await place.lake.expire({ tableId, retentionMs: -1_000, signal }),
    ]) {
      for (const fault of faults) proxy.fail({ method: 'GET' }, fault)
      for (const fault of faults.slice(0, 4)) proxy.fail({ method: 'PUT' }, fault)
      proxy.fail({ method: 'DELETE' }, { kind: 'lost' })
      await act()
      proxy.mend()
    }
    expect(await numbersOf(place, table)).toEqual([4, 6, 8, 100])
    expect(await strays(place, table)).toBe(0)
  })

  test('that is gone for a while keeps a discarded write for the sweep', { timeout: 60_000 }, async () => {
    const clock = new ManualClock(new Date().toISOString())
    await using lake = await reachableLake({ clock })
    const { place, proxy } = lake
    const table = await tenNumbers(place)
    proxy.fail({ method: 'PUT', url: /snap-/ }, { kind: 'status', status: 403, code: 'AccessDenied' }, always)
    proxy.fail({ method: 'DELETE' }, { kind: 'status', status: 403, code: 'AccessDenied' }, always)
    await expect(put(place, table, [10])).rejects.toMatchObject({ code: 'store.refused' })
    proxy.mend()
    const writes = () => place.metadata.db.selectFrom('lake_writes').selectAll().execute()
    expect(await writes()).toHaveLength(1)
    expect(await numbersOf(place, table)).toEqual(range(0, 10))
    clock.advance(writerSilentMsMax + 1)
    expect((await place.another().sweep({ signal })).filesRemoved).toBeGreaterThan(0)
    expect(await writes()).toEqual([])
    expect(await strays(place, table)).toBe(0)
    expect(await numbersOf(place, table)).toEqual(range(0, 10))
  })
})

describe.skipIf(!hasS3Server)('uploads that died', () => {
  test('are removed by the sweep once no writer can be at them, and nobody else’s are', async () => {
    await using place = await testLake({ on: { server, engine } })
    const table = await tenNumbers(place)
    const [, bucket = '', prefix = ''] = /^s3:\/\/([^/]+)\/(.*)$/.exec(place.files.location) ?? []
    const sdk = await import('@aws-sdk/client-s3')
    const { endpoint, region, credentials } = server
    const client = new sdk.S3Client({ endpoint, region, credentials, forcePathStyle: true })
    const begin = async (key: string) => {
      const { UploadId } = await client.send(
        new sdk.CreateMultipartUploadCommand({ Bucket: bucket, Key: key }),
      )
      const part = { Bucket: bucket, Key: key, UploadId, PartNumber: 1, Body: Buffer.alloc(1_000) }
      await client.send(new sdk.UploadPartCommand(part))
    }
    const open = async () => {
      const { Uploads = [] } = await client.send(new sdk.ListMultipartUploadsCommand({ Bucket: bucket }))
      return Uploads.map(({ Key }) => String(Key)).toSorted()
    }
    const left = [
      `${prefix}/${table.datasetId}/data/gone/0.parquet`,
      `${prefix.split('/')[0]}/of-others`,
    ].toSorted()
    for (const key of left) await begin(key)
    expect(await place.lake.sweep({ signal })).toEqual({ filesRemoved: 0 })
    expect(await open()).toEqual(left)
    const later = new ManualClock(new Date(Date.now() + unfinishedAgeMsMin + 60_000).toISOString())
    expect(await place.another({ clock: later }).sweep({ signal })).toEqual({ filesRemoved: 1 })
    expect(await open()).toEqual([`${prefix.split('/')[0]}/of-others`])
    expect(await numbersOf(place, table)).toEqual(range(0, 10))
    client.destroy()
  })
})

/** Files that neither the table nor a write knows; they are removed. */
async function strays(place: TestLake, { id: tableId }: LakeTable): Promise<number> {
  return (await place.lake.removeOrphans({ tableId, ageMs: -60_000, signal })).filesRemoved
}

/** `… at "name" …` */
function nameIn(message: string): string {
  return /at "([^"]+)"/.exec(message)?.[1] ?? `no name in: ${message}`
}
