import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Caller } from '../src/access/access.ts'
import type { Logger } from '../src/base/log.ts'
import { silentLogger } from '../src/base/log.ts'
import type { LandingBucket } from '../src/exports/landing/landing-in-bucket.ts'
import { type FaultProxy, startFaultProxy } from './support/fault-proxy.ts'
import { listed } from './support/landing-app.ts'
import { filesBelow, type LandingBed, openLandingBed } from './support/landing-bucket.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

const dayMs = 86_400_000
const { signal } = new AbortController()

describe.skipIf(!hasS3Server)('what has lain in landing zones in a bucket', () => {
  let server: S3Server
  let proxy: FaultProxy
  let zones: LandingBed
  let place: LandingBucket
  let others: Caller[]
  let said: object[]
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    server = stack.use(await startS3Server())
    proxy = stack.use(await startFaultProxy(server.endpoint))
    zones = stack.use(await openLandingBed(server, proxy.endpoint))
    place = await zones.placeIn(`s3://${zones.bucket}/some/zones`)
    others = [await zones.callerIn('bee'), await zones.callerIn('cat'), await zones.callerIn('dog')]
  })
  afterAll(() => stack.disposeAsync())

  const sweptIn = async (ms: number) => {
    said = []
    const log: Logger['log'] = (level, event, fields) => void said.push({ level, event, ...fields })
    const logger = { ...silentLogger, log }
    return await place.sweep(new Date(Date.now() + ms), { signal, logger })
  }
  const inZone = (caller: Caller, name: string) => `some/zones/${caller.sandbox.id}/${name}`
  const isThere = (key: string) => existsSync(server.pathOf(zones.bucket, key))

  test('for seven days is gone, under way or not; what is younger stays, and what is no zone of ours', async () => {
    const { id } = zones.bed.caller.sandbox
    const aside = [`some/zones/${id}x/a`, `some/zones/${randomUUID()}/a`, 'some/zones/a', 'some/a', `${id}/a`]
    for (const key of aside) await zones.put(key)
    for (const caller of [zones.bed.caller, ...others]) await zones.put(inZone(caller, 'feed/one'))
    await using store = await place.openTarget(place.target(id, 'feed'), { signal })
    const token = store.prepare('two', 'run')
    await store.stage(token, Readable.from([Buffer.from('under way')]), { signal })
    expect(filesBelow(zones.folder)).toHaveLength(2)
    expect(await sweptIn(7 * dayMs - 3_600_000)).toBe(0)
    expect(await listed(await zones.client())).toEqual(['prod/feed/one'])
    expect(await sweptIn(7 * dayMs + 3_600_000)).toBe(2 + others.length)
    expect(await listed(await zones.client())).toEqual([])
    expect(filesBelow(zones.folder)).toEqual([])
    for (const key of aside) expect([key, isThere(key)]).toEqual([key, true])
    expect(said).toEqual([])
  })

  test('and cannot be removed, or listed, keeps nothing else, and is told of', async () => {
    onTestFinished(() => proxy.mend())
    const [b, c] = [others[0]!, others[1]!]
    for (const caller of [zones.bed.caller, ...others])
      for (const name of ['1', '2']) await zones.put(inZone(caller, name))
    const denied = { kind: 'status', status: 403, code: 'AccessDenied' } as const
    proxy.fail({ method: 'DELETE', url: new RegExp(inZone(b, '1')) }, denied)
    const list = new RegExp(`list-type=2.*${c.sandbox.id}`)
    proxy.fail({ method: 'GET', url: list }, denied)
    expect(await sweptIn(8 * dayMs)).toBe(5)
    const left = [inZone(b, '1'), inZone(c, '1'), inZone(c, '2')]
    for (const caller of [zones.bed.caller, ...others])
      for (const key of ['1', '2'].map((name) => inZone(caller, name)))
        expect([key, isThere(key)]).toEqual([key, left.includes(key)])
    const event = { level: 'warn', event: 'landing.sweep_failed' }
    const error = expect.objectContaining({ code: 'store.refused' }) as Error
    expect(said).toHaveLength(2)
    expect(said).toContainEqual({ ...event, sandboxId: b.sandbox.id, filesLeft: 1, error })
    expect(said).toContainEqual({ ...event, sandboxId: c.sandbox.id, filesLeft: 0, error })
    expect(await sweptIn(8 * dayMs)).toBe(3)
  })

  test('is left for the next time where nothing answers', { timeout: 60_000 }, async () => {
    onTestFinished(() => proxy.mend())
    const zonesAsked = () =>
      new Set(
        proxy.requests.flatMap((request) => /list-type=2.*zones%2F([0-9a-f-]+)/.exec(request)?.[1] ?? []),
      )
    proxy.requests.length = 0
    proxy.fail({ method: 'GET' }, { kind: 'reset' }, 1_000)
    await expect(sweptIn(8 * dayMs)).rejects.toMatchObject({ code: 'store.unreachable' })
    expect(zonesAsked().size).toBe(3)
  })

  test('is looked at by two nodes at once, and is removed once', async () => {
    for (let file = 0; file < 30; file += 1) await zones.put(inZone(others[2]!, `many/${file}`))
    const other = await zones.placeIn(`s3://${zones.bucket}/some/zones`)
    const now = new Date(Date.now() + 8 * dayMs)
    await Promise.all([sweptIn(8 * dayMs), other.sweep(now, { signal, logger: silentLogger })])
    expect(filesBelow(server.pathOf(zones.bucket, inZone(others[2]!, 'many')))).toEqual([])
    expect(said).toEqual([])
  })
})
