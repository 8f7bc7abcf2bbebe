import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import {
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { Restriction } from '../src/access/access.ts'
import { createAccess } from '../src/access/create-access.ts'
import { systemClock } from '../src/base/clock.ts'
import type { FlowId } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/log.ts'
import type { Dataset } from '../src/datasets/datasets.ts'
import { createLandingZones } from '../src/exports/landing-zones.ts'
import { verifyLocation } from '../src/exports/verify/verify.ts'
import { openStore } from '../src/objects/open-store.ts'
import { type Node, rowsOfPart } from './support/exports.ts'
import { startFaultProxy, type FaultProxy } from './support/fault-proxy.ts'
import { got, landingBucket, landingKeyMs, listed, refusal, startLandingApp } from './support/landing-app.ts'
import { filesBelow, type LandingBed, openLandingBed, toLandingZone } from './support/landing-bucket.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

const { signal } = new AbortController()

describe.skipIf(!hasS3Server)('a landing zone in a bucket, as a client of S3 sees it', () => {
  let server: S3Server
  let proxy: FaultProxy
  let zones: LandingBed
  let node: Node
  let dataset: Dataset
  let flowId: FlowId
  let names: string[]
  const stack = new AsyncDisposableStack()

  beforeAll(async () => {
    server = stack.use(await startS3Server())
    proxy = stack.use(await startFaultProxy(server.endpoint))
    zones = stack.use(await openLandingBed(server, proxy.endpoint))
    const { bed } = zones
    node = await bed.node()
    dataset = await bed.dataset()
    flowId = await bed.flow(node, dataset, { destination: toLandingZone('/feed/of us') })
    await bed.append(dataset, 0, 2 * rowsOfPart + 1)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    names = filesBelow(zones.folder).map((name) => `prod/${name}`)
  })
  afterAll(() => stack.disposeAsync())

  test('deliveries are there and nowhere else, are listed and read whole and in part, and verified', async () => {
    const { bed, bucket, folder } = zones
    const client = await zones.client()
    expect(names.length).toBeGreaterThan(3)
    expect(names.every((name) => name.startsWith('prod/feed/of us/'))).toBe(true)
    expect(filesBelow(server.pathOf(bucket, ''))).toHaveLength(names.length)
    expect(filesBelow(join(bed.folder, 'home', 'landing'))).toEqual([])
    expect(await listed(client)).toEqual(names)
    expect(await listed(client, { MaxKeys: 1 })).toEqual(names)
    expect(await listed(client, { Prefix: 'prod/feed/of us/' })).toEqual(names)
    for (const Prefix of ['prod/other/', '../', 'prod/../'])
      expect(await listed(client, { Prefix })).toEqual([])
    const page = await client.send(
      new ListObjectsV2Command({ Bucket: landingBucket, Delimiter: '/', Prefix: 'prod/' }),
    )
    expect([page.CommonPrefixes, page.Contents]).toEqual([[{ Prefix: 'prod/feed/' }], undefined])
    const whole = await client.send(new ListObjectsV2Command({ Bucket: landingBucket }))
    for (const [index, name] of names.entries()) {
      const bytes = readFileSync(join(folder, name.slice('prod/'.length)))
      const head = await client.send(new HeadObjectCommand({ Bucket: landingBucket, Key: name }))
      expect(head).toMatchObject({ ContentLength: bytes.length, ETag: whole.Contents?.[index]?.ETag })
      expect(await got(client, name)).toEqual(bytes)
      expect(await got(client, name, { Range: 'bytes=1-7', IfMatch: head.ETag ?? '' })).toEqual(
        bytes.subarray(1, 8),
      )
      expect(await got(client, name, { Range: 'bytes=-5' })).toEqual(bytes.subarray(-5))
      expect(await refusal(got(client, name, { Range: `bytes=${bytes.length}-` }))).toBe('InvalidRange')
      expect(await refusal(got(client, name, { IfMatch: '"other"' }))).toBe('PreconditionFailed')
      const IfNoneMatch = head.ETag ?? ''
      const same = client.send(new HeadObjectCommand({ Bucket: landingBucket, Key: name, IfNoneMatch }))
      await expect(same).rejects.toMatchObject({ $metadata: { httpStatusCode: 304 } })
    }
    const { region, endpoint, credentials } = server
    const prefix = `some/zones/${bed.caller.sandbox.id}/feed/of us`
    const config = { kind: 's3', bucket, prefix, region, endpoint } as const
    await using store = await openStore(config, { s3: credentials })
    expect(await verifyLocation({ store, signal })).toMatchObject({ isRight: true, fileCount: 3 })
  })

  test('what is under way is not there, and nothing is written', async () => {
    const { bed, folder } = zones
    const client = await zones.client()
    await using store = await bed.landing.openTarget(
      bed.landing.target(bed.caller.sandbox.id, 'feed/of us'),
      { signal },
    )
    const token = store.prepare('one', 'run')
    await store.stage(token, Readable.from([Buffer.from('under way')]), { signal })
    onTestFinished(() => store.abort(token))
    const underWay = filesBelow(folder).filter((name) => name.includes(token.id))
    expect(underWay).toHaveLength(1)
    expect(await listed(client)).toEqual(names)
    expect(await refusal(got(client, `prod/${underWay[0]}`))).toBe('NoSuchKey')
    const written = new PutObjectCommand({ Bucket: landingBucket, Key: names[0] ?? '', Body: 'other' })
    expect(await refusal(client.send(written))).toBe('AccessDenied')
  })

  test('no name leads out of a zone into another, or to what is beside it', async () => {
    const { bed, bucket } = zones
    const client = await zones.client()
    const other = await zones.callerIn('prod-b')
    const [mine, theirs] = [bed.caller.sandbox.id, other.sandbox.id]
    await zones.put(`some/zones/${theirs}/secret`)
    await zones.put(`some/zones/${mine}x/beside`)
    await zones.put(`some/zones/${mine}-b/beside`)
    await zones.put('some/zones/above')
    const outside = [
      'prod/../above',
      'prodx/beside',
      'prod-b/secret',
      'prod/',
      'prod',
      'prod/feed',
      '../above',
      'other/x',
      `prod/../${theirs}/secret`,
      `prod/./../${theirs}/secret`,
      `prod//../${theirs}/secret`,
      `prod/..%2F${theirs}%2Fsecret`,
      `prod/%2e%2e/${theirs}/secret`,
      `prod/..\\${theirs}\\secret`,
      `${theirs}/secret`,
      `/prod/../${theirs}/secret`,
      `prod/feed/../../${theirs}/secret`,
      'prod/\u0000',
      `${mine}/${names[0]?.slice(5)}`,
      `some/zones/${theirs}/secret`,
      `../${bucket}/some/zones/above`,
    ]
    for (const key of outside) expect([key, await refusal(got(client, key))]).toEqual([key, 'NoSuchKey'])
    for (const Prefix of [
      'prod-b',
      'prod-b/',
      `prod/../${theirs}/`,
      'prod/..',
      '..',
      `${theirs}/`,
      'prod/-b',
      'prod/%2e%2e/',
    ])
      expect([Prefix, await listed(client, { Prefix })]).toEqual([Prefix, []])
    expect(await listed(client)).toEqual(names)
    expect(await listed(client, { Prefix: 'prod' })).toEqual(names)
    const beside = await zones.client(other)
    expect(await listed(beside)).toEqual(['prod-b/secret'])
    for (const name of [names[0] ?? '', (names[0] ?? '').replace('prod/', 'prod-b/'), `prod-b/../${mine}/x`])
      expect(await refusal(got(beside, name))).toBe('NoSuchKey')
  })

  test('more keys than a page has are listed once each, in order, from wherever it is asked to begin', async () => {
    const { bed } = zones
    const sandbox = await zones.callerIn('many')
    const client = await zones.client(sandbox)
    const keys: string[] = []
    for (let file = 0; file < 1_203; file += 1) {
      const key = `day=${file % 3}/ä b+${String(file).padStart(4, '0')}.json`
      await zones.put(`some/zones/${sandbox.sandbox.id}/${key}`)
      keys.push(`many/${key}`)
    }
    keys.sort()
    expect(bed.caller.sandbox.name).toBe('prod')
    expect(await listed(client)).toEqual(keys)
    expect(await listed(client, { MaxKeys: 500 })).toEqual(keys)
    expect(await listed(client, { Prefix: 'many/day=1/' })).toEqual(
      keys.filter((key) => key.startsWith('many/day=1/')),
    )
    const StartAfter = keys[1_001] ?? ''
    const behind: string[] = []
    for await (const { Contents = [] } of paginateListObjectsV2(
      { client },
      { Bucket: landingBucket, StartAfter },
    ))
      behind.push(...Contents.map(({ Key }) => Key ?? ''))
    expect(behind).toEqual(keys.slice(1_002))
    const folders = { Bucket: landingBucket, Delimiter: '/', Prefix: 'many/' }
    const shallow = await client.send(new ListObjectsV2Command(folders))
    expect(shallow).toMatchObject({ IsTruncated: false, KeyCount: 3 })
    expect(shallow.CommonPrefixes).toEqual([0, 1, 2].map((day) => ({ Prefix: `many/day=${day}/` })))
  })

  test('each read is on record, and what a policy keeps of a dataset is kept of its deliveries', async () => {
    const { bed } = zones
    const { metadata, clock, caller } = bed
    const [key = ''] = names
    const name = key.slice('prod/'.length)
    await got(await zones.client(), key, { Range: 'bytes=2-6' })
    const entries = await metadata.db
      .selectFrom('audit')
      .select('detail')
      .where('action', '=', 'download')
      .where('asset_id', '=', name)
      .orderBy('id')
      .execute()
    expect(entries.at(-1)?.detail).toMatchObject({ start: 2, end: 7 })
    const restrictions: Restriction[] = [{ kind: 'partial', hiddenColumns: ['person'] }]
    const access = createAccess({
      metadata,
      credentialsFile: join(bed.folder, 'other.json'),
      clock: systemClock,
      logger: silentLogger,
      policies: [{ restrict: async () => restrictions }],
    })
    const landing = createLandingZones({
      metadata,
      access,
      secrets: await bed.secrets(),
      place: bed.landing,
      keyMs: landingKeyMs,
      clock,
    })
    await using zone = await landing.open(await landing.key(caller, { renews: false }))
    await expect(zone.head(name, { signal })).rejects.toMatchObject({ code: 'access.denied' })
    restrictions.push({ kind: 'deny' })
    expect(await zone.head(name, { signal })).toBeUndefined()
  })

  test('two nodes have one zone: what one delivered the other hands out by the keys of either', async () => {
    const { bed } = zones
    const here = bed.landing
    bed.landing = await zones.placeIn(`s3://${zones.bucket}/some/zones`)
    onTestFinished(() => void (bed.landing = here))
    await using other = await startLandingApp(bed)
    const key = await zones.app.landing.key(bed.caller, { renews: false })
    expect(await listed(other.clientOf(key))).toEqual(names)
    for (const name of names)
      expect(await got(other.clientOf(key), name)).toEqual(await got(zones.app.clientOf(key), name))
    const renewed = await other.landing.key(bed.caller, { renews: true })
    expect(await refusal(listed(zones.app.clientOf(key)))).toBe('InvalidAccessKeyId')
    expect(await listed(zones.app.clientOf(renewed))).toEqual(names)
  })

  test('a key that has ended is refused, and lists and reads with it', async () => {
    const { bed, app } = zones
    const key = await app.landing.key(bed.caller, { renews: true })
    expect(await listed(app.clientOf(key))).toEqual(names)
    bed.clock.advance(landingKeyMs)
    expect(await refusal(listed(app.clientOf(key)))).toBe('ExpiredToken')
    expect(await refusal(got(app.clientOf(key), names[0] ?? ''))).toBe('ExpiredToken')
  })

  test('a bucket that does not answer is said to who reads without what it is and what opens it', async () => {
    const { bed, bucket } = zones
    const client = await zones.client()
    onTestFinished(() => proxy.mend())
    const said: unknown[] = []
    for (const [status, code] of [
      [403, 'AccessDenied'],
      [404, 'NoSuchBucket'],
    ] as const) {
      for (const method of ['GET', 'HEAD']) proxy.fail({ method }, { kind: 'status', status, code }, 1)
      const error = await listed(client).catch((failure: unknown) => failure)
      expect(error).toMatchObject({
        name: 'ServiceUnavailable',
        $response: { headers: { 'retry-after': '5' } },
      })
      const { message, $response } = error as Error & { readonly $response: { readonly headers: object } }
      said.push(message, $response.headers)
      proxy.mend()
    }
    for (const secret of [
      ...Object.values(server.credentials),
      bucket,
      bed.caller.sandbox.id,
      proxy.endpoint,
    ])
      expect(JSON.stringify(said)).not.toContain(secret)
  })

  test('a file that goes while it is asked for is as one that is not there', async () => {
    const client = await zones.client()
    onTestFinished(() => proxy.mend())
    const [key = ''] = names
    const url = new RegExp(`${key.slice(-20)}.*x-id=GetObject`)
    proxy.fail({ method: 'GET', url }, { kind: 'status', status: 404, code: 'NoSuchKey' })
    const error = await got(client, key).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } })
    expect((error as Error).message).not.toContain(zones.bucket)
    expect((await got(client, key)).length).toBeGreaterThan(0)
  })

  test('no record says what opens the bucket', async () => {
    const { db } = zones.bed.metadata
    const rows = [
      await db.selectFrom('export_runs').selectAll().execute(),
      await db.selectFrom('export_parts').selectAll().execute(),
      await db.selectFrom('audit').selectAll().execute(),
      await db.selectFrom('job_runs').selectAll().execute(),
      await db.selectFrom('flow_entities').selectAll().execute(),
      await node.exports.runDocuments(zones.bed.caller, {}),
    ]
    const said = [
      JSON.stringify(rows),
      ...names
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFileSync(join(zones.folder, name.slice(5)), 'utf8')),
    ].join('\n')
    expect(said).toContain(`"bucket":"${zones.bucket}"`)
    for (const secret of Object.values(server.credentials)) expect(said).not.toContain(secret)
  })

  test('a dry run, the test of the connection and an adoption look at the bucket', async () => {
    const { bed, bucket } = zones
    const { caller } = bed
    const connectionId = await connectionOf(flowId)
    expect(await node.exports.testConnection(caller, connectionId)).toMatchObject({
      result: true,
      places: [],
    })
    proxy.fail({ method: 'GET', url: /list-type=2/ }, { kind: 'status', status: 403, code: 'AccessDenied' })
    onTestFinished(() => proxy.mend())
    await expect(node.exports.testConnection(caller, connectionId)).rejects.toMatchObject({
      code: 'store.refused',
    })
    proxy.mend()
    const [dry] = await node.exports.dryRun(caller, flowId, { signal })
    expect(dry).toMatchObject({ chainNumber: 2 })
    expect(JSON.stringify(dry)).toContain(`landing://${bucket}/some/zones/${caller.sandbox.id}/feed/of us`)
    const [adopted] = await node.exports.adopt(caller, flowId)
    expect(adopted).toMatchObject({ datasetId: dataset.id, chainNumber: 1 })
  })

  async function connectionOf(flow: FlowId): Promise<string> {
    const rows = await zones.bed.metadata.db.selectFrom('flow_entities').selectAll().execute()
    const { document } = rows.find(({ id }) => id === flow)!
    const [targetId] = document['targetConnectionIds'] as string[]
    return rows.find(({ id }) => id === targetId)!.document['baseConnectionId'] as string
  }
})
