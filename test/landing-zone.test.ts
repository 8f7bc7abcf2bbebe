import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../src/base/clock.ts'
import type { AppError } from '../src/base/errors.ts'
import { silentLogger } from '../src/base/log.ts'
import { createAdministration } from '../src/access/create-administration.ts'
import type { AccessPolicy, Caller, Restriction } from '../src/access/access.ts'
import { createAccess } from '../src/access/create-access.ts'
import type { Dataset } from '../src/datasets/datasets.ts'
import { destinationSpecs } from '../src/exports/destination-specs.ts'
import { sweepLanding } from '../src/exports/landing/landing-sweep.ts'
import { createLandingZones, type LandingKey, type LandingZones } from '../src/exports/landing-zones.ts'
import { stagingName } from '../src/objects/staging-name.ts'
import { ExportBed, rowsOfPart } from './support/exports.ts'
import {
  got,
  type KeyPair,
  type LandingApp,
  landingBucket,
  landingKeyMs,
  listed,
  refusal,
  startLandingApp,
} from './support/landing-app.ts'

const bucket = landingBucket
const keyMs = landingKeyMs

describe('the landing zone, as a client of S3 sees it', () => {
  let bed: ExportBed
  let app: LandingApp
  let landing: LandingZones
  let endpoint: string
  let folder: string
  let names: string[]
  let dataset: Dataset
  const stack = new AsyncDisposableStack()

  const clientOf = (key: KeyPair) => app.clientOf(key)
  const [list, get] = [listed, got]

  beforeAll(async () => {
    bed = stack.use(await ExportBed.open())
    app = stack.use(await startLandingApp(bed))
    landing = app.landing
    endpoint = app.endpoint
    const node = await bed.node()
    dataset = await bed.dataset()
    const { connectionSpecId, flowSpecId } = destinationSpecs.landing
    const destination = { specs: { connectionSpecId, flowSpecId }, params: { path: '/feed' } }
    const flowId = await bed.flow(node, dataset, { destination })
    await bed.append(dataset, 0, 2 * rowsOfPart + 1)
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded' })
    folder = join(bed.folder, 'home', 'landing', bed.caller.sandbox.id)
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    names = entries
      .filter((entry) => entry.isFile())
      .map((entry) => `prod${join(entry.parentPath, entry.name).slice(folder.length)}`)
      .toSorted()
  })

  afterAll(() => stack.disposeAsync())

  test('what was delivered is listed, page by page and folder by folder, and read whole and in part', async () => {
    const client = clientOf(await landing.key(bed.caller, { renews: false }))
    expect(names.length).toBeGreaterThan(3)
    expect(await list(client)).toEqual(names)
    expect(await list(client, { MaxKeys: 1 })).toEqual(names)
    expect(await list(client, { Prefix: 'prod/feed/' })).toEqual(names)
    expect(await list(client, { Prefix: 'prod/other/' })).toEqual([])
    expect(await list(client, { Prefix: '../' })).toEqual([])
    const folders = await client.send(
      new ListObjectsCommand({ Bucket: bucket, Delimiter: '/', Prefix: 'prod/', EncodingType: 'url' }),
    )
    expect([folders.CommonPrefixes, folders.Contents, folders.IsTruncated]).toEqual([
      [{ Prefix: 'prod/feed/' }],
      undefined,
      false,
    ])
    for (const name of names) {
      const path = join(folder, name.slice('prod/'.length))
      const bytes = await readFile(path)
      expect(await get(client, name)).toEqual(bytes)
      expect(await get(client, name, { Range: 'bytes=1-7' })).toEqual(bytes.subarray(1, 8))
      expect(await get(client, name, { Range: 'bytes=-5' })).toEqual(bytes.subarray(-5))
      const head = await client.send(new HeadObjectCommand({ Bucket: bucket, Key: name }))
      expect(head).toMatchObject({ ContentLength: bytes.length, AcceptRanges: 'bytes' })
      expect(await get(client, name, { IfMatch: head.ETag ?? '' })).toEqual(bytes)
      expect(await refusal(get(client, name, { IfMatch: '"other"' }))).toBe('PreconditionFailed')
      expect(await refusal(get(client, name, { Range: `bytes=${bytes.length}-` }))).toBe('InvalidRange')
    }
  })

  test('folders are pages of a list, too, and none comes twice', async () => {
    const client = clientOf(await landing.key(bed.caller, { renews: false }))
    for (const name of ['a/1', 'a/2', 'a-b', 'a0', 'b/1']) {
      const path = join(folder, 'tree', name)
      await mkdir(join(path, '..'), { recursive: true })
      await writeFile(path, name)
    }
    const found: (string | undefined)[] = []
    const asked = { Bucket: bucket, Prefix: 'prod/tree/', Delimiter: '/', MaxKeys: 1 }
    for await (const page of paginateListObjectsV2({ client }, { ...asked })) {
      expect(page.KeyCount).toBe(1)
      found.push(page.Contents?.[0]?.Key ?? page.CommonPrefixes?.[0]?.Prefix)
    }
    expect(found).toEqual(['prod/tree/a-b', 'prod/tree/a/', 'prod/tree/a0', 'prod/tree/b/'])
    const inside = new ListObjectsV2Command({ ...asked, MaxKeys: 9, StartAfter: 'prod/tree/a/1' })
    expect((await client.send(inside)).CommonPrefixes).toEqual([
      { Prefix: 'prod/tree/a/' },
      { Prefix: 'prod/tree/b/' },
    ])
  })

  test('whatever range of a file is read is on record', async () => {
    const key = await landing.key(bed.caller, { renews: false })
    const client = clientOf(key)
    const [name = ''] = names
    const read = async () => {
      const entries = await bed.metadata.db
        .selectFrom('audit')
        .select('detail')
        .where('action', '=', 'download')
        .where('asset_id', '=', name.slice('prod/'.length))
        .orderBy('id')
        .execute()
      return entries.map(({ detail }) => detail)
    }
    const before = (await read()).length
    const { length } = await get(client, name)
    await client.send(new HeadObjectCommand({ Bucket: bucket, Key: name }))
    await get(client, name, { Range: 'bytes=1-' })
    await get(client, name, { Range: 'bytes=-5' })
    await get(client, name, { Range: 'bytes=1-7' })
    expect((await read()).slice(before)).toEqual(
      [
        { start: 0, end: length },
        { start: 1, end: length },
        { start: length - 5, end: length },
        { start: 1, end: 8 },
      ].map((range) => ({ accessKeyId: key.accessKeyId, ...range })),
    )
  })

  test('nothing is written or deleted, and nothing outside is read', async () => {
    const client = clientOf(await landing.key(bed.caller, { renews: false }))
    const [name = ''] = names
    const at = { Bucket: bucket, Key: name }
    expect(await refusal(client.send(new PutObjectCommand({ ...at, Body: 'other' })))).toBe('AccessDenied')
    expect(await refusal(client.send(new DeleteObjectCommand(at)))).toBe('AccessDenied')
    expect((await stat(join(folder, name.slice('prod/'.length)))).size).toBeGreaterThan(5)
    const underWay = stagingName('feed', { name: 'feed', owner: 'run', id: randomUUID() })
    await writeFile(join(folder, underWay), 'under way')
    const unseen = { Bucket: bucket, Key: `prod/${underWay}` }
    expect(await refusal(client.send(new HeadObjectCommand(unseen)))).toBe('NotFound')
    expect(await refusal(get(client, unseen.Key))).toBe('NoSuchKey')
    expect(await list(client)).not.toContain(unseen.Key)
    await symlink(join(bed.folder, 'home'), join(folder, 'link'))
    await symlink(join(bed.folder, 'home', 'master.json'), join(folder, 'key'))
    const outside = [
      '../keys/x',
      'prod/../../master.json',
      'prod/link/master.json',
      'prod/key',
      'prod/',
      'other/x',
    ]
    for (const Key of outside) {
      const asked = await refusal(get(client, Key))
      expect([Key, asked]).toEqual([Key, Key.includes('link') ? 'ServiceUnavailable' : 'NoSuchKey'])
    }
    expect(await list(client)).not.toContain('prod/key')
    const elsewhere = new ListObjectsV2Command({ Bucket: 'dlz-other' })
    expect(await refusal(client.send(elsewhere))).toBe('NoSuchBucket')
  })

  test('what is not signed by the key, all of it, is refused', async () => {
    const key = await landing.key(bed.caller, { renews: false })
    const { accessKeyId, secretAccessKey, sessionToken } = key
    const good = { accessKeyId, secretAccessKey, sessionToken }
    const other = 'x'.repeat(43)
    expect(await refusal(list(clientOf({ ...good, secretAccessKey: other })))).toBe('SignatureDoesNotMatch')
    expect(await refusal(list(clientOf({ ...good, sessionToken: other })))).toBe('InvalidToken')
    expect(await refusal(list(clientOf({ ...good, accessKeyId: 'SLUICE0' })))).toBe('InvalidAccessKeyId')
    expect((await fetch(`${endpoint}/${bucket}`)).status).toBe(403)
    let signed: { path: string; headers: Record<string, string> } | undefined
    const client = clientOf(good)
    client.middlewareStack.add(
      (next) => async (args) => {
        signed = args.request as typeof signed
        return await next(args)
      },
      { step: 'deserialize', priority: 'low' },
    )
    await get(client, names[0] ?? '')
    const { host: _host, ...headers } = signed!.headers
    const again = (path: string, more: Record<string, string> = {}) =>
      fetch(new URL(path, endpoint), { headers: { ...headers, ...more } }).then(({ status }) => status)
    const path = `${signed!.path}?x-id=GetObject`
    expect(await again(path)).toBe(200)
    expect(await again(path, { 'x-amz-meta-more': 'x' })).toBe(403)
    expect(await again(path.replace('feed', 'other'))).toBe(403)
    expect(await again(`${path}&acl=`)).toBe(403)
    bed.clock.advance(16 * 60_000)
    expect(await again(path)).toBe(403) // What was signed is not good for long.
  })

  test('a key is refused when it has ended, and when a newer one was asked for in its place', async () => {
    const first = await landing.key(bed.caller, { renews: true })
    expect(await landing.key(bed.caller, { renews: false })).toEqual(first)
    bed.clock.advance(keyMs / 2 + 1)
    const second = await landing.key(bed.caller, { renews: false })
    expect(second.accessKeyId).not.toBe(first.accessKeyId)
    expect(await list(clientOf(first), { MaxKeys: 1000 })).toContain(names[0])
    bed.clock.advance(keyMs / 2 - 1)
    expect(await refusal(list(clientOf(first)))).toBe('ExpiredToken')
    expect(await list(clientOf(second))).toContain(names[0])
    const third = await landing.key(bed.caller, { renews: true })
    expect(await refusal(list(clientOf(second)))).toBe('InvalidAccessKeyId')
    expect(await list(clientOf(third))).toContain(names[0])
    const secrets = await bed.metadata.db
      .selectFrom('secrets')
      .select('id')
      .where('purpose', '=', 'landing key')
      .execute()
    expect(secrets).toHaveLength(1) // Those of the others are gone with them.
  })

  test('of those who ask at once all have one key, and a newer one leaves no other', async () => {
    const renewed = await Promise.all([1, 2, 3, 4].map(() => landing.key(bed.caller, { renews: true })))
    const good = await Promise.all(renewed.map(({ accessKeyId }) => landing.keyOf(accessKeyId)))
    expect(good.filter((key) => key !== undefined)).toHaveLength(1)
    bed.clock.advance(keyMs / 2 + 1)
    const asked = await Promise.all([1, 2, 3, 4].map(() => landing.key(bed.caller, { renews: false })))
    expect(new Set(asked.map(({ accessKeyId }) => accessKeyId)).size).toBe(1)
    // What ends a key takes its secret with it, and may do so while the key is looked up.
    const [key] = asked
    await bed.metadata.db.deleteFrom('secrets').where('id', '=', key!.row.secret_id).execute()
    expect(await refusal(list(clientOf(key!)))).toBe('InvalidAccessKeyId')
    await landing.key(bed.caller, { renews: true })
  })

  test('a key ends with the credentials it was had by, and with its owner, who is enabled again without it', async () => {
    const { metadata, access, caller } = bed
    const administration = createAdministration({ metadata, access, clock: systemClock })
    const secretIds = async () =>
      (
        await metadata.db.selectFrom('secrets').select('id').where('purpose', '=', 'landing key').execute()
      ).map(({ id }) => id)
    const roles = ['Organisation administrator']
    const made = await administration.createClient(caller, { name: 'reader', roles })
    const isGood = async ({ accessKeyId }: LandingKey) => (await landing.keyOf(accessKeyId)) !== undefined
    const keyBy = async (client: { readonly clientId: string; readonly clientSecret: string }) => {
      const { accessToken } = await access.issueToken(client)
      const principal = await access.authenticateToken(accessToken)
      return await landing.key({ principal, sandbox: caller.sandbox }, { renews: false })
    }
    const { clientId } = made
    const [others, first] = [await landing.key(caller, { renews: false }), await keyBy(made)]
    const overlapping = await administration.rotateClientSecret(caller, clientId, { overlapHours: 1 })
    expect(await isGood(first)).toBe(true)
    const rotated = await administration.rotateClientSecret(caller, clientId, { overlapHours: 0 })
    expect(await refusal(list(clientOf(first)))).toBe('InvalidAccessKeyId')
    expect(await secretIds()).toEqual([others.row.secret_id])
    await expect(keyBy(overlapping)).rejects.toMatchObject({ code: 'access.unauthenticated' })

    const second = await keyBy(rotated)
    await administration.setUserEnabled(caller, second.row.principal_id, false)
    await administration.setUserEnabled(caller, second.row.principal_id, true)
    expect(await isGood(second)).toBe(false)
    const third = await keyBy(rotated)
    await administration.revokeClient(caller, clientId)
    expect(await isGood(third)).toBe(false)
    expect(await isGood(others)).toBe(true) // Nobody else's ended.

    await access.rotateCredentials()
    expect([await isGood(others), await secretIds()]).toEqual([false, []])
    expect(await isGood(await landing.key(caller, { renews: false }))).toBe(true)
  })

  test('what a policy keeps of a dataset is kept of its deliveries: denied they are not there, seen in part not handed out', async () => {
    const { metadata, clock, caller } = bed
    const restrictions: Restriction[] = []
    const policy: AccessPolicy = {
      restrict: async ({ datasetId }) => (datasetId === dataset.id ? restrictions : []),
    }
    const access = createAccess({
      metadata,
      credentialsFile: join(bed.folder, 'other.json'),
      clock: systemClock,
      logger: silentLogger,
      policies: [policy],
    })
    const zones = createLandingZones({
      metadata,
      access,
      secrets: await bed.secrets(),
      place: bed.landing,
      keyMs,
      clock,
    })
    await using zone = await zones.open(await zones.key(caller, { renews: false }))
    const { signal } = new AbortController()
    for (const key of names) {
      const name = key.slice('prod/'.length)
      restrictions.length = 0
      const file = (await zone.head(name, { signal }))!
      const read = async () => {
        let bytes = 0
        for await (const chunk of await zone.read(file, { start: 1, end: file.bytes, signal }))
          bytes += chunk.length
        return bytes
      }
      expect(await read()).toBe(file.bytes - 1)
      restrictions.push({ kind: 'partial', hiddenColumns: ['person'] })
      await expect(zone.head(name, { signal })).rejects.toMatchObject({ code: 'access.denied' })
      await expect(read()).rejects.toMatchObject({ code: 'access.denied' })
      restrictions.push({ kind: 'deny' })
      expect(await zone.head(name, { signal })).toBeUndefined()
      await expect(read()).rejects.toMatchObject({ code: 'object.missing' })
    }
  })

  test('who may not export any more reads no more, and the key is of one sandbox', async () => {
    const { metadata, access, clock } = bed
    const administration = createAdministration({ metadata, access, clock })
    const { caller } = bed
    const sandbox = await administration.createSandbox(caller, {
      name: 'next',
      title: 'Next',
      type: 'development',
    })
    const next: Caller = { ...caller, sandbox: await access.sandbox(caller.principal, sandbox.name) }
    const theirs = clientOf(await landing.key(next, { renews: false }))
    expect(await list(theirs)).toEqual([])
    expect(await refusal(get(theirs, names[0] ?? ''))).toBe('NoSuchKey')
    const client = clientOf(await landing.key(caller, { renews: false }))
    await metadata.db
      .updateTable('principals')
      .set({ disabled_at: clock.now() })
      .where('id', '=', caller.principal.id)
      .execute()
    expect(await refusal(list(client))).toBe('AccessDenied')
    await metadata.db
      .updateTable('principals')
      .set({ disabled_at: null })
      .where('id', '=', caller.principal.id)
      .execute()
    await metadata.db
      .deleteFrom('role_permissions')
      .where('permission', '=', 'manage-dataset-destinations')
      .execute()
    expect(await refusal(list(client))).toBe('AccessDenied')
    const asked = await landing.key(caller, { renews: false }).catch((error: unknown) => error)
    expect((asked as AppError).code).toBe('access.denied')
  })

  test('a file that has lain there for seven days is gone', async () => {
    const old = new Date(bed.clock.now().getTime() - 7 * 86_400_000 - 1)
    for (const name of names) await utimes(join(folder, name.slice('prod/'.length)), old, old)
    const swept = await sweepLanding(join(bed.folder, 'home'), bed.clock.now())
    expect(swept).toMatchObject({ filesRemoved: names.length, filesLeft: 0 })
  })
})

test('a test of the connection makes no folder', async () => {
  await using bed = await ExportBed.open()
  const node = await bed.node()
  const connectionSpec = { id: destinationSpecs.landing.connectionSpecId, version: '1.0' }
  const { id } = await node.exports.createEntity(bed.caller, 'connections', { name: 'zone', connectionSpec })
  expect(await node.exports.testConnection(bed.caller, id)).toMatchObject({ result: true, places: [] })
  expect(await readdir(join(bed.folder, 'home'))).not.toContain('landing')
})
