import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { destinationSpecs } from '../src/exports/destination-specs.ts'
import { landingInHome } from '../src/exports/landing/landing-in-home.ts'
import { ExportBed, type FlowDestination } from './support/exports.ts'
import { openLandingBed, toLandingZone } from './support/landing-bucket.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(() => server?.[Symbol.asyncDispose]())

const refused = { code: 'access.denied', message: expect.stringContaining('"place"') as string }

test.skipIf(!hasS3Server)(
  'a rule that allows landing zones in a bucket allows no bucket of that name elsewhere, nor the other way around',
  async () => {
    const zones = await openLandingBed(server)
    onTestFinished(() => zones[Symbol.asyncDispose]())
    const { bed, bucket } = zones
    const { caller } = bed
    const node = await bed.node()
    const dataset = await bed.dataset()
    const theirs: FlowDestination = {
      specs: destinationSpecs.s3,
      auth: {
        specName: 'Access Key',
        params: { s3AccessKey: 'k', s3SecretKey: 's', endpoint: 'http://127.0.0.1:9', region: 'us-east-1' },
      },
      params: { bucketName: bucket, path: `some/zones/${caller.sandbox.id}/feed` },
    }
    const allow = (...allowed: string[]) =>
      node.exports.putRule(caller, 'place', { kind: 'destinations', allowed })
    const save = (destination: FlowDestination) => bed.flow(node, dataset, { destination })

    await allow(`landing://${bucket}/some/zones/${caller.sandbox.id}`)
    const flowId = await save(toLandingZone('/feed'))
    await expect(save(theirs)).rejects.toMatchObject(refused)
    await allow(`s3://${bucket}`, `s3://${bucket}/some/zones/${caller.sandbox.id}/feed`)
    await save(theirs)
    await expect(save(toLandingZone('/feed'))).rejects.toMatchObject(refused)
    await bed.append(dataset, 0, 5)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'failed', code: 'access.denied' })
    await allow(`landing://${bucket}/some/zones/${caller.sandbox.id}/feed`)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    await expect(save(toLandingZone('/feed-2'))).rejects.toMatchObject(refused)

    const location = `landing://${bucket}/some/zones/${caller.sandbox.id}/feed`
    expect(await node.exports.exported(caller, { location, limit: 10 })).toMatchObject([
      { location, rowCount: 5 },
    ])
    expect(await node.exports.exported(caller, { location: `s3://${bucket}`, limit: 10 })).toEqual([])
  },
)

test('landing zones in the home are called by their folder, as they always were', async () => {
  const bed = await ExportBed.open()
  onTestFinished(() => bed[Symbol.asyncDispose]())
  const home = join(bed.folder, 'home')
  const folder = join(home, 'landing', bed.caller.sandbox.id, 'feed')
  expect(landingInHome(home).target(bed.caller.sandbox.id, '/feed')).toEqual({ kind: 'local', folder })
  const node = await bed.node()
  const dataset = await bed.dataset()
  const allow = (...allowed: string[]) =>
    node.exports.putRule(bed.caller, 'place', { kind: 'destinations', allowed })
  await allow('landing://feed', '/srv')
  const destination = toLandingZone('/feed')
  await expect(bed.flow(node, dataset, { destination })).rejects.toMatchObject(refused)
  await allow(folder)
  const flowId = await bed.flow(node, dataset, { destination })
  await bed.append(dataset, 0, 5)
  expect(await bed.run(node, flowId)).toMatchObject({
    state: 'succeeded',
    result: { location: `file://${folder}` },
  })
})
