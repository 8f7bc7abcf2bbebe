import { randomUUID } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { destinationSpecs } from '../src/exports/destination-specs.ts'
import { got, landingClient, listed } from './support/landing-app.ts'
import { filesBelow } from './support/landing-bucket.ts'
import { passableFolder } from './support/passable-folder.ts'
import { type Product, startProduct } from './support/product.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'

const { connectionSpecId, flowSpecId } = destinationSpecs.landing

let server: S3Server
beforeAll(async () => {
  if (hasS3Server) server = await startS3Server()
})
afterAll(() => server?.[Symbol.asyncDispose]())

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
      const [underWay = ''] = filesBelow(server.pathOf(buckets.landing, ''))
      const old = server.pathOf(buckets.landing, `${underWay.split('/')[0]}/old`)
      await writeFile(old, 'old')
      await utimes(old, new Date(0), new Date(0))
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
      await vi.waitFor(() => expect(existsSync(old)).toBe(false), 30_000)
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
