import { truncate } from 'node:fs/promises'
import { ServerResponse } from 'node:http'
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Caller } from '../src/access/access.ts'
import { silentLogger } from '../src/base/log.ts'
import { got, landingBucket, listed, refusal } from './support/landing-app.ts'
import { type LandingBed, openLandingBed } from './support/landing-bucket.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

/** More than what lies between a reader and the file takes in. */
const largeBytes = 64 * 1024 * 1024
const readsMax = 32
/** In place of two minutes. */
const boundMs = 3_000

describe.skipIf(!hasS3Server)('readers of landing zones in a bucket', () => {
  let server: S3Server
  let zones: LandingBed
  let other: Caller
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    server = stack.use(await startS3Server())
    zones = stack.use(await openLandingBed(server))
    other = await zones.callerIn('other')
    for (const { sandbox } of [zones.bed.caller, other]) {
      await zones.put(`some/zones/${sandbox.id}/small`)
      await truncate(await zones.put(`some/zones/${sandbox.id}/large`), largeBytes)
    }
  })
  afterAll(() => stack.disposeAsync())

  /** Asks for the file and takes nothing of it. */
  const stall = async (client: S3Client, Key: string) => {
    const gone = new AbortController()
    const command = new GetObjectCommand({ Bucket: landingBucket, Key })
    await client.send(command, { abortSignal: gone.signal })
    return gone
  }
  const stallAll = async (caller: Caller) => {
    const key = await zones.app.landing.key(caller, { renews: false })
    // Each by itself: what a client does not take holds up what else it asks for.
    const readers = await Promise.all(
      Array.from({ length: readsMax }, () => stall(zones.app.clientOf(key), `${caller.sandbox.name}/large`)),
    )
    const end = () => readers.forEach((reader) => reader.abort())
    onTestFinished(end)
    return end
  }

  test('who reads slowly keeps neither others nor lists, looks and deliveries', async () => {
    const { bed } = zones
    const end = await stallAll(bed.caller)
    const client = await zones.client()
    expect(await listed(client)).toContain('prod/small')
    const Key = 'prod/small'
    expect(await client.send(new HeadObjectCommand({ Bucket: landingBucket, Key }))).toBeDefined()
    const theirs = await zones.client(other)
    expect(String(await got(theirs, 'other/small'))).toContain('small')
    const node = await bed.node()
    const { flowId, dataset } = await zones.flow(node)
    await bed.append(dataset, 0, 10)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    const { signal } = new AbortController()
    const place = await zones.placeIn(`s3://${zones.bucket}/some/zones`)
    expect(await place.sweep(new Date(0), { signal, logger: silentLogger })).toBe(0)

    const error = await got(client, Key).catch((refused: unknown) => refused)
    expect(error).toMatchObject({
      name: 'SlowDown',
      message: expect.stringContaining(`${readsMax} files`) as string,
      $metadata: { httpStatusCode: 503 },
      $response: { headers: { 'retry-after': '5' } },
    })
    const records = async () =>
      await bed.metadata.db.selectFrom('audit').select('id').where('action', '=', 'download').execute()
    const recorded = (await records()).length
    expect(await refusal(got(client, Key))).toBe('SlowDown')
    expect(await records()).toHaveLength(recorded)

    end()
    await vi.waitFor(async () => expect(String(await got(client, Key))).toContain('small'), 10_000)
  })

  test('one who takes nothing more is let go, and there is room for another', async () => {
    // oxlint-disable-next-line typescript/unbound-method -- It is called on its response.
    const { setTimeout: bound } = ServerResponse.prototype
    const spans: number[] = []
    const hasty = vi.spyOn(ServerResponse.prototype, 'setTimeout').mockImplementation(function (
      this: ServerResponse,
      ms: number,
      end?: () => void,
    ) {
      spans.push(ms)
      return bound.call(this, boundMs, end)
    })
    onTestFinished(() => hasty.mockRestore())
    await stallAll(zones.bed.caller)
    const client = await zones.client()
    expect(await refusal(got(client, 'prod/small'))).toBe('SlowDown')
    await vi.waitFor(async () => expect(String(await got(client, 'prod/small'))).toContain('small'), 20_000)
    expect(new Set(spans)).toEqual(new Set([120_000]))
    // Who goes on taking is not.
    const Key = 'prod/large'
    const { Body } = await client.send(new GetObjectCommand({ Bucket: landingBucket, Key }))
    const startedAt = performance.now()
    let bytes = 0
    for await (const chunk of Body as AsyncIterable<Uint8Array>) {
      bytes += chunk.length
      if (bytes % (1024 * 1024) < chunk.length) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(bytes).toBe(largeBytes)
    expect(performance.now() - startedAt).toBeGreaterThan(2 * boundMs)
  })

  test('reads that are over, empty, refused or broken off leave room for others', async () => {
    const client = await zones.client()
    for (let read = 0; read < readsMax + 3; read += 1) {
      expect(String(await got(client, 'prod/small', { Range: 'bytes=0-3' }))).toBe('some')
      expect(await refusal(got(client, 'prod/small', { IfMatch: '"other"' }))).toBe('PreconditionFailed')
      expect(await refusal(got(client, 'prod/none'))).toBe('NoSuchKey')
      ;(await stall(client, 'prod/large')).abort()
    }
    await vi.waitFor(async () => expect(String(await got(client, 'prod/small'))).toContain('small'), 10_000)
  })
})
