import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { FlowId, RunId } from '../src/base/ids.ts'
import type { Dataset } from '../src/datasets/datasets.ts'
import { landingInHome } from '../src/exports/landing/landing-in-home.ts'
import type { LandingPlace } from '../src/exports/destinations/landing-place.ts'
import { type Node, stopAt } from './support/exports.ts'
import { filesBelow, type LandingBed, openLandingBed, toLandingZone } from './support/landing-bucket.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(() => server?.[Symbol.asyncDispose]())

const { signal } = new AbortController()
const elsewhere = {
  state: 'waiting',
  code: 'store.unreachable',
  message: expect.stringContaining('The landing zone is not at') as string,
}

describe.skipIf(!hasS3Server)('when exports.landingLocation is changed', () => {
  let zones: LandingBed
  let dataset: Dataset
  let home: string
  /** The places that are changed between. */
  let places: { readonly home: LandingPlace; readonly bucket: LandingPlace; readonly other: LandingPlace }
  let otherBucket: string

  async function open() {
    zones = await openLandingBed(server)
    onTestFinished(() => zones[Symbol.asyncDispose]())
    home = join(zones.bed.folder, 'home')
    otherBucket = await server.makeBucket()
    places = {
      home: landingInHome(home),
      bucket: zones.bed.landing,
      other: await zones.placeIn(`s3://${otherBucket}`),
    }
    dataset = await zones.bed.dataset()
    return zones.bed
  }

  const filesIn = (place: keyof typeof places) =>
    ({
      home: filesBelow(join(home, 'landing')),
      bucket: filesBelow(server.pathOf(zones.bucket, '')),
      other: filesBelow(server.pathOf(otherBucket, '')),
    })[place].filter((name) => !name.endsWith('/'))

  /** A run that staged all it delivers at one place, and whose server is gone. */
  async function staged(
    at: keyof typeof places,
  ): Promise<{ readonly runId: RunId; readonly flowId: FlowId }> {
    const { bed } = zones
    bed.landing = places[at]
    const dying = await bed.node({ nodeId: 'b', parallelRuns: false })
    const flowId = await bed.flow(dying, dataset, { destination: toLandingZone('/feed') })
    await bed.append(dataset, 0, 100)
    const gone = stopAt('export.seal.before')
    onTestFinished(() => gone.end())
    const runId = await dying.exports.runNow(bed.caller, flowId)
    await bed.reached(dying, runId, gone)
    expect(filesIn(at)).toHaveLength(3)
    return { runId, flowId }
  }

  /** Its next life, with another setting. */
  async function restarted(at: keyof typeof places, last?: Node): Promise<Node> {
    await last?.jobs[Symbol.asyncDispose]()
    zones.bed.landing = places[at]
    return await zones.bed.node({ nodeId: 'b' })
  }

  async function waits(node: Node, runId: RunId) {
    await vi.waitFor(async () => expect(await node.jobs.run(runId)).toMatchObject(elsewhere), 20_000)
  }

  const partStates = async () =>
    (await zones.bed.metadata.db.selectFrom('export_parts').select('state').execute()).map(
      ({ state }) => state,
    )

  test.each([
    ['home', 'bucket'],
    ['bucket', 'home'],
    ['bucket', 'other'],
  ] as const)(
    'what was planned to the %s waits while zones are in the %s, and goes on where it was when it is put back',
    async (was, is) => {
      const bed = await open()
      const { runId } = await staged(was)
      const before = filesIn(was)
      const mistaken = await restarted(is)
      await waits(mistaken, runId)
      expect([filesIn(was), filesIn(is)]).toEqual([before, []])
      await mistaken.exports.sweep({ signal })
      expect(filesIn(was)).toEqual(before)
      const node = await restarted(was, mistaken)
      expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
      expect(filesIn(is)).toEqual([])
      expect(filesIn(was)).toHaveLength(4)
      expect(filesIn(was).join()).not.toContain('staging')
    },
  )

  test('a run that is cancelled lets the next deliver to the new place; what it left goes when it can be reached', async () => {
    const bed = await open()
    const { runId, flowId } = await staged('home')
    const left = filesIn('home')
    const node = await restarted('bucket')
    await waits(node, runId)
    await node.jobs.cancel(runId, bed.caller.principal.id)
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'cancelled' })
    await bed.append(dataset, 100, 10)
    expect(await bed.run(node, flowId)).toMatchObject({
      state: 'succeeded',
      result: {
        rowCount: 110,
        location: `landing://${zones.bucket}/some/zones/${bed.caller.sandbox.id}/feed`,
      },
    })
    expect(filesIn('bucket').length).toBeGreaterThan(3)
    await node.exports.sweep({ signal })
    expect(filesIn('home')).toEqual(left)
    expect(await partStates()).toContain('staged')
    const back = await restarted('home', node)
    await back.exports.sweep({ signal })
    expect(filesIn('home')).toEqual([])
    expect(await partStates()).not.toContain('staged')
  })

  test('what a run left where zones were is given up when it would have gone by its age', async () => {
    const bed = await open()
    const { runId } = await staged('bucket')
    const node = await restarted('home')
    await waits(node, runId)
    await node.jobs.cancel(runId, bed.caller.principal.id)
    await bed.settled(node, runId)
    const hourMs = 3_600_000
    bed.clock.advance(7 * 24 * hourMs - hourMs)
    await node.exports.sweep({ signal })
    expect(await partStates()).toEqual(['staged', 'staged', 'staged'])
    bed.clock.advance(2 * hourMs)
    await node.exports.sweep({ signal })
    expect(await partStates()).toEqual(['gone', 'gone', 'gone'])
    expect(filesIn('bucket')).toHaveLength(3)
  })

  test('a delivery that follows one to another place says so, so that verify does not miss what is there', async () => {
    const bed = await open()
    bed.landing = places.home
    const first = await bed.node()
    const flowId = await bed.flow(first, dataset, { destination: toLandingZone('/feed') })
    for (const at of ['home', 'bucket', 'other'] as const) {
      bed.landing = places[at]
      const node = at === 'home' ? first : await bed.node({ nodeId: at })
      if (at !== 'home') await first.jobs[Symbol.asyncDispose]()
      await bed.append(dataset, 0, 10)
      const run = await bed.run(node, flowId)
      expect(run).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
      const { chain } = (
        await bed.metadata.db
          .selectFrom('export_runs')
          .select('plan')
          .where('run_id', '=', run.id)
          .executeTakeFirstOrThrow()
      ).plan as { chain: { previous?: { isElsewhere: boolean } } }
      expect([at, chain.previous?.isElsewhere]).toEqual([at, at === 'home' ? undefined : true])
      if (at !== 'home') await node.jobs[Symbol.asyncDispose]()
    }
  })

  test('no place opens what is not its own', async () => {
    const { landing, caller } = await open()
    const { id } = caller.sandbox
    const here = landing.target(id, 'feed')
    for (const location of [
      `s3://${otherBucket}/some/zones`,
      `s3://${zones.bucket}/some/other`,
      `s3://${zones.bucket}/some`,
      `s3://${zones.bucket}`,
    ]) {
      const place = await zones.placeIn(location)
      expect(place.isZone(here)).toBe(true)
      await expect(place.openTarget(here, { signal })).rejects.toMatchObject({ code: 'store.unreachable' })
    }
    expect(places.home.isZone(here)).toBe(true)
    await expect(places.home.openTarget(here, { signal })).rejects.toMatchObject({
      code: 'store.unreachable',
    })
    const folder = join(home, 'landing', id, 'feed')
    const others = [`${home}/landing-other/feed`, `${home}/land`, '/srv/landing'].map(
      (path) => ({ kind: 'local', folder: path }) as const,
    )
    for (const place of [landing, places.home]) {
      expect(place.isZone({ kind: 'local', folder })).toBe(true)
      for (const other of others) expect(place.isZone(other)).toBe(false)
    }
  })
})
