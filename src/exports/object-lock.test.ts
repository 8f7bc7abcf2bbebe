import { CreateBucketCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { hasAzureServer, startAzureServer } from '../../test/support/azure-server.ts'
import { ExportBed } from '../../test/support/exports.ts'
import { hasS3Server, startS3Server } from '../../test/support/s3-server.ts'
import { openStore } from '../objects/open-store.ts'
import { destinationSpecs } from './destination-specs.ts'

const dayMs = 86_400_000
const { signal } = new AbortController()

async function* largePieces(): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < 18; piece += 1) yield randomBytes(1024 * 1024)
}

test.skipIf(!hasS3Server)(
  'what is delivered to S3 is locked for as long as was asked, and nothing else is',
  async () => {
    await using server = await startS3Server()
    await using bed = await ExportBed.open()
    const node = await bed.node()
    const { endpoint, region, credentials } = server
    const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
    onTestFinished(() => client.destroy())
    const bucketName = `locked-${randomUUID()}`
    await client.send(new CreateBucketCommand({ Bucket: bucketName, ObjectLockEnabledForBucket: true }))
    const params = {
      s3AccessKey: credentials.accessKeyId,
      s3SecretKey: credentials.secretAccessKey,
      endpoint,
      region,
    }
    const dataset = await bed.dataset()
    const destinationIn = (bucket: string) => ({
      specs: destinationSpecs.s3,
      auth: { specName: 'Access Key', params },
      params: { bucketName: bucket, path: 'out' },
    })
    const unlocked = await bed.flow(node, dataset, {
      destination: destinationIn(await server.makeBucket()),
      params: { objectLock: { mode: 'COMPLIANCE', days: 7 } },
    })
    expect(await bed.run(node, unlocked)).toMatchObject({
      state: 'failed',
      code: 'store.refused',
      message: expect.stringContaining('without object lock'),
    })
    const flowId = await bed.flow(node, dataset, {
      destination: destinationIn(bucketName),
      params: {
        objectLock: { mode: 'compliance', days: 7 },
        includeFileManifest: true,
        completionMarker: 'DONE',
      },
    })
    await bed.append(dataset, 0, 10)
    const from = bed.clock.now().getTime()
    expect(await bed.run(node, flowId)).toMatchObject({ state: 'succeeded', result: { rowCount: 10 } })
    // A large one is copied in parts.
    const place = { kind: 's3', bucket: bucketName, prefix: 'out', region, endpoint } as const
    const objectLock = { mode: 'COMPLIANCE', days: 7 } as const
    await using store = await openStore({ ...place, objectLock }, { s3: credentials })
    const token = store.prepare('large', 'run')
    const staged = await store.stage(token, largePieces(), { signal })
    await store.complete(token, staged, { signal })
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucketName }))
    expect(Contents).toHaveLength(5)
    for (const { Key } of Contents) {
      const head = await client.send(new HeadObjectCommand({ Bucket: bucketName, Key }))
      expect(head.ObjectLockMode).toBe('COMPLIANCE')
      expect(head.ObjectLockRetainUntilDate!.getTime()).toBeGreaterThanOrEqual(from + 7 * dayMs - 1_000)
    }
  },
)

test('a lock of a place that has none is refused when it is asked for', async () => {
  await using bed = await ExportBed.open()
  const node = await bed.node()
  const dataset = await bed.dataset()
  await expect(
    bed.flow(node, dataset, { params: { objectLock: { mode: 'COMPLIANCE', days: 7 } } }),
  ).rejects.toMatchObject({ code: 'flow.invalid', message: expect.stringContaining('/params/objectLock') })
})

interface Written {
  readonly key: string
  readonly mode: unknown
  readonly until: unknown
}

/** Before an account whose containers were made with immutability of versions, which the server of the tests has not. */
async function startImmutable(endpoint: string) {
  const written: Written[] = []
  const server = createServer((incoming, outgoing) => {
    const { method = '', url = '', headers } = incoming
    const { pathname, searchParams } = new URL(url, endpoint)
    const comp = searchParams.get('comp')
    if (method === 'PUT' && (comp === null || comp === 'blocklist'))
      written.push({
        key: decodeURIComponent(pathname).split('/').slice(3).join('/'),
        mode: headers['x-ms-immutability-policy-mode'],
        until: headers['x-ms-immutability-policy-until-date'],
      })
    const sent = request(new URL(url, endpoint), { method, headers }, (answer) => {
      const isOfContainer = searchParams.get('restype') === 'container' && comp === null
      const said = isOfContainer ? { 'x-ms-immutable-storage-with-versioning-enabled': 'true' } : {}
      outgoing.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...said })
      answer.pipe(outgoing)
    })
    incoming.pipe(sent)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { written, endpoint: `http://127.0.0.1:${port}${new URL(endpoint).pathname}` }
}

test.skipIf(!hasAzureServer)(
  'what is delivered to Azure bears a policy of immutability from its creation on, and what is staged none',
  async () => {
    await using server = await startAzureServer()
    await using bed = await ExportBed.open()
    const node = await bed.node()
    const container = await server.makeContainer()
    const { written, endpoint } = await startImmutable(server.endpoint)
    const dataset = await bed.dataset()
    await bed.append(dataset, 0, 10)
    const flowBy = (at: string) => {
      const connectionString = `DefaultEndpointsProtocol=http;AccountName=${server.account};AccountKey=${server.accountKey};BlobEndpoint=${at};`
      return bed.flow(node, dataset, {
        destination: {
          specs: destinationSpecs.azure,
          auth: { specName: 'ConnectionString', params: { connectionString } },
          params: { container, path: 'out' },
        },
        params: { objectLock: { mode: 'COMPLIANCE', days: 7 }, completionMarker: 'DONE' },
      })
    }
    expect(await bed.run(node, await flowBy(server.endpoint))).toMatchObject({
      state: 'failed',
      code: 'store.refused',
      message: expect.stringContaining('without immutability of versions'),
    })
    const from = bed.clock.now().getTime()
    expect(await bed.run(node, await flowBy(endpoint))).toMatchObject({
      state: 'succeeded',
      result: { rowCount: 10 },
    })
    const place = { kind: 'azure', account: server.account, container, prefix: 'out', endpoint } as const
    const objectLock = { mode: 'GOVERNANCE', days: 7 } as const
    const credentials = { kind: 'key', accountKey: server.accountKey } as const
    await using store = await openStore({ ...place, objectLock }, { azure: credentials })
    const token = store.prepare('large', 'run')
    await store.complete(token, await store.stage(token, largePieces(), { signal }), { signal })
    const staged = written.filter(({ key }) => key.includes('.sluice-staging'))
    const delivered = written.filter(({ key }) => !key.includes('.sluice-staging'))
    expect(staged.length).toBeGreaterThan(0)
    for (const { mode, until } of staged) expect([mode, until]).toEqual([undefined, undefined])
    expect(delivered.map(({ key, mode }) => [key.split('/').at(-1)!.slice(0, 4), mode])).toEqual([
      ['part', 'Locked'],
      ['mani', 'Locked'],
      ['DONE', 'Locked'],
      ['larg', 'Unlocked'],
    ])
    for (const { until } of delivered)
      expect(Date.parse(String(until))).toBeGreaterThanOrEqual(from + 7 * dayMs - 1_000)
  },
)
