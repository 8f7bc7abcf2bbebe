import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Caller, Restriction } from '../src/access/access.ts'
import { createAccess } from '../src/access/create-access.ts'
import { createAdministration } from '../src/access/create-administration.ts'
import { systemClock } from '../src/base/clock.ts'
import type { FlowId } from '../src/base/ids.ts'
import { silentLogger } from '../src/base/log.ts'
import type { Dataset } from '../src/datasets/datasets.ts'
import { destinationSpecs } from '../src/exports/destination-specs.ts'
import { landingInHome } from '../src/exports/landing-in-home.ts'
import type { LandingPlace } from '../src/exports/landing-place.ts'
import { createLandingZones } from '../src/exports/landing-zones.ts'
import { openLandingPlace } from '../src/exports/open-landing-place.ts'
import { verifyLocation } from '../src/exports/verify.ts'
import { selectSandboxIds } from '../src/metadata/sandboxes.ts'
import { openStore } from '../src/objects/open-store.ts'
import { ExportBed, type Node, rowsOfPart, stopAt } from './support/exports.ts'
import {
  got,
  type LandingApp,
  landingBucket,
  landingClient,
  landingKeyMs,
  listed,
  refusal,
  startLandingApp,
} from './support/landing-app.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

const dayMs = 86_400_000
const { signal } = new AbortController()
const { connectionSpecId, flowSpecId } = destinationSpecs.landing

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(() => server?.[Symbol.asyncDispose]())

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted()
}

describe.skipIf(!hasS3Server)('a landing zone in a bucket, as a client of S3 sees it', () => {
  let bed: ExportBed
  let app: LandingApp
  let bucket: string
  let node: Node
  let dataset: Dataset
  let flowId: FlowId
  /** Of the zone, where the server keeps it. */
  let folder: string
  let names: string[]
  const stack = new AsyncDisposableStack()

  const placeIn = async (location: string | undefined): Promise<LandingPlace> =>
    stack.use(
      await openLandingPlace(location, {
        home: join(bed.folder, 'home'),
        server,
        credentials: { s3: server.credentials },
        sandboxIds: () => selectSandboxIds(bed.metadata.db),
      }),
    )
  const mine = async (): Promise<S3Client> =>
    app.clientOf(await app.landing.key(bed.caller, { renews: false }))
  /** Below the bucket. */
  const put = async (key: string) => {
    const path = server.pathOf(bucket, key)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, key)
    return path
  }

  beforeAll(async () => {
    bed = stack.use(await ExportBed.open())
    bucket = await server.makeBucket()
    bed.landing = await placeIn(`s3://${bucket}/some/zones`)
    app = stack.use(await startLandingApp(bed))
    node = await bed.node()
    dataset = await bed.dataset()
    const destination = { specs: { connectionSpecId, flowSpecId }, params: { path: '/feed/of us' } }
    flowId = await bed.flow(node, dataset, { destination })
    await bed.append(dataset, 0, 2 * rowsOfPart + 1)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    folder = server.pathOf(bucket, `some/zones/${bed.caller.sandbox.id}`)
    names = filesBelow(folder).map((name) => `prod/${name}`)
  })
  afterAll(() => stack.disposeAsync())

  test('deliveries are there and nowhere else, are listed and read whole and in part, and verified', async () => {
    const client = await mine()
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
      expect(await refusal(got(client, name, { IfMatch: '"other"' }))).toBe('PreconditionFailed')
    }
    const { region, endpoint, credentials } = server
    const prefix = `some/zones/${bed.caller.sandbox.id}/feed/of us`
    const config = { kind: 's3', bucket, prefix, region, endpoint } as const
    await using store = await openStore(config, { s3: credentials })
    expect(await verifyLocation({ store, signal })).toMatchObject({ isRight: true, fileCount: 3 })
  })

  test('what is under way is not there, nothing is written, and no name leads out of the zone', async () => {
    const client = await mine()
    const target = bed.landing.target(bed.caller.sandbox.id, 'feed/of us')
    await using store = await bed.landing.openTarget(target)
    const token = store.prepare('one', 'run')
    await store.stage(token, Readable.from([Buffer.from('under way')]), { signal })
    onTestFinished(() => store.abort(token))
    const underWay = filesBelow(folder).filter((name) => name.includes(token.id))
    expect(underWay).toHaveLength(1)
    expect(await listed(client)).toEqual(names)
    expect(await refusal(got(client, `prod/${underWay[0]}`))).toBe('NoSuchKey')
    await put(`some/zones/${bed.caller.sandbox.id}x/beside`)
    await put('some/zones/above')
    const outside = ['prod/../above', 'prodx/beside', 'prod/', 'prod', 'prod/feed', '../above', 'other/x']
    for (const key of outside) expect([key, await refusal(got(client, key))]).toEqual([key, 'NoSuchKey'])
    expect(await listed(client)).toEqual(names)
    const written = new PutObjectCommand({ Bucket: landingBucket, Key: names[0] ?? '', Body: 'other' })
    expect(await refusal(client.send(written))).toBe('AccessDenied')
  })

  test('each read is on record, and what a policy keeps of a dataset is kept of its deliveries', async () => {
    const { metadata, clock, caller } = bed
    const [key = ''] = names
    const name = key.slice('prod/'.length)
    await got(await mine(), key, { Range: 'bytes=2-6' })
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
    const zones = createLandingZones({
      metadata,
      access,
      secrets: await bed.secrets(),
      place: bed.landing,
      keyMs: landingKeyMs,
      clock,
    })
    await using zone = await zones.open(await zones.key(caller, { renews: false }))
    await expect(zone.head(name, { signal })).rejects.toMatchObject({ code: 'access.denied' })
    restrictions.push({ kind: 'deny' })
    expect(await zone.head(name, { signal })).toBeUndefined()
  })

  test('a key that has ended is refused, and one of another sandbox sees nothing', async () => {
    const { metadata, access, clock, caller } = bed
    const key = await app.landing.key(caller, { renews: true })
    expect(await listed(app.clientOf(key))).toEqual(names)
    const administration = createAdministration({ metadata, access, clock })
    const sandbox = await administration.createSandbox(caller, {
      name: 'next',
      title: 'Next',
      type: 'development',
    })
    const next: Caller = { ...caller, sandbox: await access.sandbox(caller.principal, sandbox.name) }
    const theirs = app.clientOf(await app.landing.key(next, { renews: false }))
    expect(await listed(theirs)).toEqual([])
    for (const name of [names[0] ?? '', (names[0] ?? '').replace('prod/', 'next/')])
      expect(await refusal(got(theirs, name))).toBe('NoSuchKey')
    clock.advance(landingKeyMs)
    expect(await refusal(listed(app.clientOf(key)))).toBe('ExpiredToken')
    expect(await refusal(got(app.clientOf(key), names[0] ?? ''))).toBe('ExpiredToken')
  })

  test('no record says what opens the bucket', async () => {
    const { db } = bed.metadata
    const rows = [
      await db.selectFrom('export_runs').selectAll().execute(),
      await db.selectFrom('export_parts').selectAll().execute(),
      await db.selectFrom('audit').selectAll().execute(),
      await db.selectFrom('job_runs').selectAll().execute(),
      await node.exports.runDocuments(bed.caller, {}),
    ]
    const said = [
      JSON.stringify(rows),
      ...names
        .filter((name) => name.endsWith('.json'))
        .map((name) => readFileSync(join(folder, name.slice(5)), 'utf8')),
    ].join('\n')
    expect(said).toContain(`"bucket":"${bucket}"`)
    for (const secret of Object.values(server.credentials)) expect(said).not.toContain(secret)
  })

  test('a dry run, the test of the connection and an adoption look at the bucket', async () => {
    const { caller } = bed
    const { result, places } = await node.exports.testConnection(caller, await connectionOf(flowId))
    expect([result, places]).toEqual([true, []])
    const [dry] = await node.exports.dryRun(caller, flowId, { signal })
    expect(dry).toMatchObject({ chainNumber: 2 })
    expect(JSON.stringify(dry)).toContain(`s3://${bucket}/some/zones/${caller.sandbox.id}/feed/of us`)
    const [adopted] = await node.exports.adopt(caller, flowId)
    expect(adopted).toMatchObject({ datasetId: dataset.id, chainNumber: 1 })
  })

  async function connectionOf(flow: FlowId): Promise<string> {
    const rows = await bed.metadata.db.selectFrom('flow_entities').selectAll().execute()
    const { document } = rows.find(({ id }) => id === flow)!
    const [targetId] = document['targetConnectionIds'] as string[]
    return rows.find(({ id }) => id === targetId)!.document['baseConnectionId'] as string
  }

  test('a delivery that broke off goes on in the next life, and what it left is removed', async () => {
    const before = new Set(filesBelow(folder))
    const dying = await bed.node({ nodeId: 'b', parallelRuns: false })
    await node.jobs[Symbol.asyncDispose]()
    await bed.append(dataset, 1_000, 2 * rowsOfPart)
    const gone = stopAt('export.complete.middle')
    onTestFinished(() => gone.end())
    const runId = await dying.exports.runNow(bed.caller, flowId)
    await bed.reached(dying, runId, gone)
    bed.landing = await placeIn(`s3://${bucket}/some/zones`)
    node = await bed.node({ nodeId: 'b' })
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'succeeded' })
    const now = filesBelow(folder)
    expect(now.filter((name) => name.includes('.sluice-staging'))).toEqual([])
    expect(now.filter((name) => !before.has(name)).length).toBeGreaterThan(2)
    names = now.map((name) => `prod/${name}`)
    expect(await listed(await mine())).toEqual(names)
    gone.end()
    await Promise.all(dying.attempts)
    await dying.jobs[Symbol.asyncDispose]()
    expect(filesBelow(folder)).toEqual(now)
  })

  test('a delivery to where the zones were before is not made with what opens them now, the next goes there', async () => {
    const other = await server.makeBucket()
    const target = bed.landing.target(bed.caller.sandbox.id, 'feed')
    const refused = { code: 'flow.unknown', message: expect.stringContaining('not at s3://') as string }
    for (const place of [
      await placeIn(`s3://${other}/some/zones`),
      await placeIn(`s3://${bucket}/some/other`),
      await placeIn(`s3://${bucket}/some`),
      await placeIn(`s3://${bucket}`),
      landingInHome('/home'),
    ])
      await expect(place.openTarget(target)).rejects.toMatchObject(refused)

    const here = bed.landing
    onTestFinished(() => void (bed.landing = here))
    await bed.append(dataset, 2_000, rowsOfPart)
    const dying = await bed.node({ nodeId: 'c', parallelRuns: false })
    await node.jobs[Symbol.asyncDispose]()
    const gone = stopAt('export.stage.done')
    onTestFinished(() => gone.end())
    const runId = await dying.exports.runNow(bed.caller, flowId)
    await bed.reached(dying, runId, gone)
    bed.landing = await placeIn(`s3://${other}`)
    node = await bed.node({ nodeId: 'c' })
    expect(await bed.settled(node, runId)).toMatchObject({ state: 'failed', code: 'flow.unknown' })
    expect(await bed.run(node, flowId)).toMatchObject({
      state: 'succeeded',
      result: { rowCount: rowsOfPart },
    })
    expect(filesBelow(server.pathOf(other, bed.caller.sandbox.id)).length).toBeGreaterThan(1)
    gone.end()
    await Promise.all(dying.attempts)
    await dying.jobs[Symbol.asyncDispose]()
    expect(await listed(await mine())).toEqual(names)
  })

  test('what has lain there for seven days is gone, under way or not; what is younger stays, and what is no zone', async () => {
    const { id } = bed.caller.sandbox
    const home = join(bed.folder, 'home', 'landing', id)
    await mkdir(home, { recursive: true })
    await writeFile(join(home, 'of before'), 'x') // There was no bucket yet.
    const longAgo = new Date(bed.clock.now().getTime() - 8 * dayMs)
    await utimes(join(home, 'of before'), longAgo, longAgo)
    const aside = [`some/zones/${id}x/a`, `some/zones/${randomUUID()}/a`, 'some/zones/a', 'some/a', `${id}/a`]
    for (const key of aside) await put(key)
    const store = stack.use(await bed.landing.openTarget(bed.landing.target(id, 'feed')))
    const token = store.prepare('one', 'run')
    await store.stage(token, Readable.from([Buffer.from('under way')]), { signal })
    const files = filesBelow(folder)
    expect(files).toHaveLength(names.length + 1)
    const sweptIn = async (ms: number) => await bed.landing.sweep(new Date(Date.now() + ms), { signal })
    expect(await sweptIn(7 * dayMs - 3_600_000)).toBe(1)
    expect(filesBelow(folder)).toEqual(files)
    expect(filesBelow(home)).toEqual([])
    expect(await sweptIn(7 * dayMs + 3_600_000)).toBe(files.length)
    expect(filesBelow(folder)).toEqual([])
    for (const key of aside) expect([key, existsSync(server.pathOf(bucket, key))]).toEqual([key, true])
    expect(await listed(await mine())).toEqual([])
  })
})

describe.skipIf(!hasS3Server)('a server with a lake on S3', () => {
  const flows = '/data/foundation/flowservice'
  let folder: string
  let buckets: { readonly lake: string; readonly landing: string }
  const env = (more: Readonly<Record<string, string>> = {}) => ({
    SLUICE_LAKE_LOCATION: `s3://${buckets.lake}/lake`,
    SLUICE_S3_ENDPOINT: server.endpoint,
    SLUICE_S3_REGION: server.region,
    SLUICE_S3_ACCESS_KEY_ID: server.credentials.accessKeyId,
    SLUICE_S3_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    ...more,
  })
  beforeAll(async () => {
    folder = passableFolder('landing-s3')
    buckets = { lake: await server.makeBucket(), landing: await server.makeBucket() }
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  async function makeFlow(product: Product): Promise<string> {
    await product.run('CREATE TABLE landed AS SELECT explode(sequence(1, 25)) AS n')
    const [datasetId] = Object.keys(await product.call('GET', '/data/foundation/catalog/dataSets'))
    const make = async (kind: string, body: object) =>
      (await product.call<{ id: string }>('POST', `${flows}/${kind}`, { name: 'landed', ...body })).id
    const spec = { id: connectionSpecId, version: '1.0' }
    const source = await make('sourceConnections', {
      connectionSpec: { id: '23598e46-f560-407b-88d5-ea6207e49db0', version: '1.0' },
      params: { datasets: [{ dataSetId: datasetId }] },
    })
    const target = await make('targetConnections', {
      baseConnectionId: await make('connections', { connectionSpec: spec }),
      connectionSpec: spec,
      params: { mode: 'Server-to-server', path: '/out', datasetFileType: 'JSON', compression: 'NONE' },
    })
    return await make('flows', {
      flowSpec: { id: flowSpecId, version: '1.0' },
      sourceConnectionIds: [source],
      targetConnectionIds: [target],
      transformations: [],
      scheduleParams: { timeUnit: 'day', interval: 1, startTime: 1_900_000_000 },
    })
  }

  test(
    'delivers to the landing zone through a death in its midst, and hands out what was delivered by the keys it issues',
    { timeout: 300_000 },
    async () => {
      const home = join(folder, 'home')
      const set = env({ SLUICE_EXPORTS_LANDING_LOCATION: `s3://${buckets.landing}` })
      let flowId: string
      {
        const faultPoint = 'export.complete.middle@server'
        await using dying = await startProduct({ home, env: set, faultPoint })
        flowId = await makeFlow(dying)
        await dying.call('POST', `${flows}/runs`, { flowId }).catch(() => {}) // It may die before it answers.
        await vi.waitFor(() => expect(dying.isRunning()).toBe(false), 30_000)
      }
      const inLake = filesBelow(server.pathOf(buckets.lake, ''))
      await using product = await startProduct({ home, env: set })
      const run = await vi.waitFor(async () => {
        type Runs = { readonly items: readonly { readonly metrics: { statusSummary: { status: string } } }[] }
        const { items } = await product.call<Runs>('GET', `${flows}/runs?property=flowId==${flowId}`)
        expect(items).toMatchObject([{ metrics: { statusSummary: { status: 'success' } } }])
        return items
      }, 30_000)
      const path = '/data/foundation/connectors/landingzone/credentials?type=dlz_destination'
      type Issued = { readonly endpoint: string; readonly credentials: Readonly<Record<string, string>> }
      const { endpoint, credentials } = await product.call<Issued>('GET', path)
      const client = landingClient(endpoint, {
        accessKeyId: credentials['awsAccessKeyId'] ?? '',
        secretAccessKey: credentials['awsSecretAccessKey'] ?? '',
        sessionToken: credentials['awsSessionToken'] ?? '',
      })
      onTestFinished(() => client.destroy())
      const delivered = filesBelow(server.pathOf(buckets.landing, ''))
      const [sandboxId = ''] = (delivered[0] ?? '').split('/')
      const keys = await listed(client)
      expect(keys.map((key) => key.replace('prod/', `${sandboxId}/`))).toEqual(delivered)
      const rows: string[] = []
      const manifestKey = keys.find((key) => /\/manifest-[^/]*\.json$/.test(key)) ?? ''
      const manifest = JSON.parse(String(await got(client, manifestKey))) as { files: { name: string }[] }
      for (const { name } of manifest.files)
        rows.push(
          ...String(await got(client, `prod/out/${name}`))
            .split('\n')
            .filter(Boolean),
        )
      expect(rows.map((row) => (JSON.parse(row) as { n: number }).n).toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: 25 }, (_, index) => index + 1),
      )
      expect(filesBelow(join(home, 'landing'))).toEqual([])
      expect(filesBelow(server.pathOf(buckets.lake, '')).filter((name) => !name.startsWith('lake/'))).toEqual(
        [],
      )
      expect(filesBelow(server.pathOf(buckets.lake, ''))).toEqual(inLake)
      const said = JSON.stringify([run, manifest]) + product.output()
      for (const secret of Object.values(server.credentials)) expect(said).not.toContain(secret)
    },
  )

  test.each([
    [
      'the bucket of the lake',
      () => env({ SLUICE_EXPORTS_LANDING_LOCATION: `s3://${buckets.lake}/landing` }),
      /exports\.landingLocation is in the bucket of the lake.*Name another bucket/s,
    ],
    [
      'no S3',
      () => env({ SLUICE_EXPORTS_LANDING_LOCATION: '/srv/landing' }),
      /exports\.landingLocation.*expected s3:\/\/BUCKET/s,
    ],
    [
      'a location without a lake on S3',
      () => ({ SLUICE_EXPORTS_LANDING_LOCATION: 's3://landing' }),
      /exports\.landingLocation is set, and the lake is not on S3.*Set lake\.location/s,
    ],
    [
      'a bucket that is not there',
      () =>
        env({
          SLUICE_LAKE_LOCATION: `s3://${buckets.lake}/other`,
          SLUICE_EXPORTS_LANDING_LOCATION: 's3://no-such-bucket',
        }),
      /s3:\/\/no-such-bucket/,
    ],
  ])('does not start with %s as its landing location', { timeout: 300_000 }, async (_, set, message) => {
    const start = startProduct({ home: join(folder, randomUUID()), env: set() })
    await expect(start).rejects.toThrow(message)
  })
})
