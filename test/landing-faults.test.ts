import { mkdtemp, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type FaultPoint, faultPoints } from '../src/base/faults.ts'
import { verifyLocation } from '../src/exports/verify/verify.ts'
import { openStore } from '../src/objects/open-store.ts'
import { stopAt, throwAt } from './support/exports.ts'
import { got, listed } from './support/landing-app.ts'
import { filesBelow, type LandingBed, openLandingBed } from './support/landing-bucket.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(() => server?.[Symbol.asyncDispose]())

const points: readonly FaultPoint[] = faultPoints.filter((point) => /^export\.(?!sweep\.)/.test(point))

async function open() {
  const zones = await openLandingBed(server)
  onTestFinished(() => zones[Symbol.asyncDispose]())
  const node = await zones.bed.node({ parallelRuns: false })
  return { zones, bed: zones.bed, node, ...(await zones.flow(node)) }
}

/** What is handed out holds each row once and nothing that no manifest names; in the bucket there is nothing else. */
async function expectDelivered(zones: LandingBed, rowCount: number): Promise<void> {
  const { bed, bucket, folder } = zones
  const reader = await zones.client()
  const keys = await listed(reader)
  expect(keys.map((key) => key.slice('prod/'.length))).toEqual(filesBelow(folder))
  const copies = await mkdtemp(join(bed.folder, 'read-'))
  const paths: string[] = []
  for (const key of keys.filter((name) => name.endsWith('.parquet'))) {
    const path = join(copies, basename(key))
    await writeFile(path, await got(reader, key))
    paths.push(path)
  }
  expect(await bed.lake.idsOf(paths)).toEqual(Array.from({ length: rowCount }, (_, id) => id))
  const { region, endpoint, credentials } = server
  const prefix = `some/zones/${bed.caller.sandbox.id}/feed`
  await using store = await openStore({ kind: 's3', bucket, prefix, region, endpoint }, { s3: credentials })
  const { signal } = new AbortController()
  expect(await verifyLocation({ store, signal })).toMatchObject({ isRight: true, findings: [] })
}

test.skipIf(!hasS3Server).each(points)(
  'a delivery to a landing bucket whose server is gone at %s is made by its next life',
  async (point) => {
    const { zones, bed, node, flowId, dataset } = await open()
    await bed.append(dataset, 0, 100)
    const gone = stopAt(point)
    onTestFinished(() => gone.end())
    const runId = await node.exports.runNow(bed.caller, flowId)
    await bed.reached(node, runId, gone)
    if (points.indexOf(point) < points.indexOf('export.complete.middle'))
      expect(await listed(await zones.client())).toEqual([])
    bed.landing = await zones.placeIn(`s3://${zones.bucket}/some/zones`)
    const next = await bed.node()
    expect(await bed.settled(next, runId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    await bed.append(dataset, 100, 50)
    expect(await bed.run(next, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
    gone.end()
    await Promise.all(node.attempts)
    await expectDelivered(zones, 150)
  },
)

test.skipIf(!hasS3Server).each(points)(
  'a delivery to a landing bucket that fails once at %s is made all the same',
  async (point) => {
    const { zones, bed, node, flowId, dataset } = await open()
    await bed.append(dataset, 0, 100)
    throwAt(point)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 100 } })
    await bed.append(dataset, 100, 50)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 50 } })
    await expectDelivered(zones, 150)
  },
)
