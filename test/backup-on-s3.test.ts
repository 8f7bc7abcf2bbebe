import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Fault, type FaultProxy, startFaultProxy } from './support/fault-proxy.ts'
import { datasetIdOf, firstBatchRows, lines, loadBatch, prepareHome } from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { hasS3Server, type S3Server, startS3Server } from './support/s3-server.ts'
import { sluice } from './support/sluice.ts'

const folder = passableFolder('backup-s3')
const home = join(folder, 'home')
const backups = join(folder, 'backups')
const batchRows = 20
const rowsAtLeast = firstBatchRows + batchRows

let server: S3Server
let bucket = ''
let rows = 0

/** To a lake below the bucket, by way of a proxy or not. */
const at = (prefix: string, way?: FaultProxy) => ({
  SLUICE_LAKE_LOCATION: `s3://${bucket}/${prefix}`,
  ...access(way),
})
const access = (way: FaultProxy | S3Server = server) => ({
  SLUICE_S3_ENDPOINT: way.endpoint,
  SLUICE_S3_REGION: server.region,
  SLUICE_S3_ACCESS_KEY_ID: server.credentials.accessKeyId,
  SLUICE_S3_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
})

beforeAll(async () => {
  if (!hasS3Server) return
  server = await startS3Server()
  bucket = await server.makeBucket()
  await prepareHome(home, at('lake'))
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const counted = async (product: Product): Promise<number[]> => {
  const [row = []] = await product.rows('SELECT count(*), count(DISTINCT _id) FROM web_events')
  return row.map(Number)
}

/** What a network and a busy store do, once each. */
const stumble = (proxy: FaultProxy, method: 'GET' | 'PUT') => {
  const faults: Fault[] = [
    { kind: 'status', status: 503, code: 'SlowDown' },
    { kind: 'reset' },
    { kind: 'lost' },
    { kind: 'slow', delayMs: 200 },
    ...(method === 'GET'
      ? ([
          { kind: 'truncated', afterBytes: 50 },
          { kind: 'corrupt', atByte: 60 },
        ] as const)
      : ([{ kind: 'corrupt request', atByte: 60 }] as const)),
  ]
  for (const fault of faults) proxy.fail({ method, url: /\.(?:parquet|avro|json)/ }, fault)
}

const objects = (prefix: string): string[] => {
  const root = server.pathOf(bucket, prefix)
  if (!existsSync(root)) return []
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .toSorted()
}

const newestBackup = (): string =>
  join(
    backups,
    readdirSync(backups)
      .filter((name) => /^\d{8}T/.test(name))
      .toSorted()
      .at(-1) ?? 'none',
  )

describe.skipIf(!hasS3Server)('a home whose lake is on S3', () => {
  test('is backed up while it loads, over a store that stumbles, and linked the next time', async () => {
    await using proxy = await startFaultProxy(server.endpoint)
    await using product = await startProduct({ home, env: at('lake', proxy) })
    const datasetId = await datasetIdOf(product, 'web_events')
    const load = { isOver: false, batches: 0 }
    const loads = (async () => {
      while (!load.isOver) {
        const from = firstBatchRows + load.batches * batchRows
        await loadBatch(product, datasetId, lines(from, batchRows))
        load.batches += 1
      }
    })()
    while (load.batches < 1) await new Promise((resolve) => setTimeout(resolve, 50))
    stumble(proxy, 'GET')
    const ran = await sluice(['backup', '--to', backups, '--home', home, '--format', 'json'])
    load.isOver = true
    await loads
    // The next backup has something new, also when all of the others came before this one.
    await loadBatch(product, datasetId, lines(firstBatchRows + load.batches * batchRows, batchRows))
    load.batches += 1
    expect(ran, ran.err).toMatchObject({ code: 0 })
    rows = firstBatchRows + load.batches * batchRows

    const before = proxy.requests.length
    const again = await sluice(['backup', '--to', backups, '--home', home, '--format', 'json'])
    const { progress } = JSON.parse(again.out) as { progress: { files: number; filesLinked: number } }
    expect(progress.filesLinked).toBeGreaterThan(3)
    expect(progress.filesLinked).toBeLessThan(progress.files)
    const fetched = proxy.requests.slice(before).filter((request) => /^GET .*\.parquet/.test(request))
    expect(new Set(fetched).size).toBeLessThanOrEqual(load.batches)
    expect(await counted(product)).toEqual([rows, rows])
  })

  // What was backed up stays as it is: these look at it side by side.
  test.concurrent('is restored to another place on S3, over a store that stumbles, and to no place of another home', async () => {
    await using proxy = await startFaultProxy(server.endpoint)
    const restored = join(folder, 'restored')
    stumble(proxy, 'PUT')
    const ran = await sluice(
      ['restore', '--from', backups, '--home', restored, '--lake-location', `s3://${bucket}/restored`],
      { env: access(proxy) },
    )
    expect(ran, ran.err).toMatchObject({ code: 0, out: expect.stringContaining('Restored') })
    expect(JSON.parse(readFileSync(join(restored, 'config.json'), 'utf8'))).toEqual({
      lake: { location: `s3://${bucket}/restored` },
    })
    // The old home's lake is no place for the restored one, which would take its newer files for nobody's.
    await expect(startProduct({ home: restored, env: at('lake') })).rejects.toThrow(
      /is the lake of this home as it was before or after a restore/,
    )
    const old = objects('lake')
    {
      await using product = await startProduct({ home: restored, env: access(proxy) })
      const found = await counted(product)
      expect(found).toEqual([rows, rows])
      expect(rows).toBeGreaterThanOrEqual(rowsAtLeast)
      await loadBatch(product, await datasetIdOf(product, 'web_events'), lines(70_000, batchRows))
      expect(await counted(product)).toEqual([rows + batchRows, rows + batchRows])
    }
    expect(objects('lake')).toEqual(old)
    // What a write left on its way is nothing of the lake's.
    const below = readdirSync(join(restored, 'lake'), { recursive: true, withFileTypes: true })
    expect(below.filter((entry) => entry.isFile())).toEqual([])

    const other = await sluice(
      [
        'restore',
        '--from',
        backups,
        '--home',
        join(folder, 'third'),
        '--lake-location',
        `s3://${bucket}/lake`,
      ],
      { env: access() },
    )
    expect(other).toMatchObject({ code: 1, err: expect.stringContaining(`s3://${bucket}/lake is not empty`) })
    expect(objects('lake')).toEqual(old)
  })

  test.concurrent('is restored into folders, when no place on S3 is given', async () => {
    const local = join(folder, 'local')
    expect(await sluice(['restore', '--from', backups, '--home', local])).toMatchObject({ code: 0 })
    await using product = await startProduct({ home: local })
    expect(await counted(product)).toEqual([rows, rows])
    await product.call('POST', '/sluice/v1/maintenance', { tasks: ['compact'] })
    expect(await sluice(['maintain', '--task', 'compact', 'expire', '--home', local])).toMatchObject({
      code: 0,
    })
    expect(await counted(product)).toEqual([rows, rows])
  })

  test.concurrent('is not restored from a torn backup, nor to a store that refuses, and nothing is left there', async () => {
    await using proxy = await startFaultProxy(server.endpoint)
    const copy = join(folder, 'copy')
    execFileSync('cp', ['-a', newestBackup(), copy])
    const data = readdirSync(join(copy, 'lake'), { recursive: true, encoding: 'utf8' })
    const name = data.find((file) => file.endsWith('.parquet'))!
    const path = join(copy, 'lake', name)
    const restore = async (from: string) =>
      await sluice(
        [
          'restore',
          '--from',
          from,
          '--home',
          join(folder, 'never'),
          '--lake-location',
          `s3://${bucket}/never`,
        ],
        { env: access(proxy) },
      )
    const whole = readFileSync(path)
    rmSync(path)
    execFileSync('cp', [join(copy, 'manifest.json'), path])
    truncateSync(path, whole.length) // Of the right size, so that only its hash tells.
    const torn = await restore(copy)
    expect(torn).toMatchObject({ code: 1, err: expect.stringContaining(name) })
    proxy.fail(
      { method: 'PUT', url: /never.*\.parquet/ },
      { kind: 'status', status: 403, code: 'AccessDenied' },
      1_000,
    )
    const refused = await restore(newestBackup())
    expect(refused.code).not.toBe(0)
    expect(refused.err).toMatch(/never at ".*parquet" refuses the request/)
    expect(objects('never')).toEqual([])
    expect(existsSync(join(folder, 'never')) ? readdirSync(join(folder, 'never')) : []).toEqual([])
  })

  test('is backed up anew when its server is killed over it, and an object that is gone is named', async () => {
    const others = join(folder, 'others')
    mkdirSync(others)
    const first = await startProduct({ home, env: at('lake'), faultPoint: 'backup.copy.middle@server' })
    const { id } = await first.call<{ id: string }>('POST', '/sluice/v1/backups', { folder: others })
    await first.exited
    await first[Symbol.asyncDispose]()
    expect(readdirSync(others).filter((name) => !name.startsWith('.'))).toEqual(['sluice-backups.json'])
    await using product = await startProduct({ home, env: at('lake') })
    const run = await ended(product, id)
    expect(run).toMatchObject({ state: 'succeeded' })
    expect(await sluice(['restore', '--from', others, '--home', 'x', '--dry-run'])).toMatchObject({ code: 0 })

    const missing = objects('lake').find((name) => name.endsWith('.parquet'))!
    rmSync(server.pathOf(bucket, `lake/${missing}`))
    const damaged = await product.call<{ id: string }>('POST', '/sluice/v1/backups', {
      folder: join(folder, 'damaged'),
    })
    const failed = await ended(product, damaged.id)
    expect(failed.state).toBe('failed')
    // At once: trying again does not bring it back.
    expect(failed.message).toContain(missing.slice(missing.indexOf('/') + 1))
    expect(readdirSync(join(folder, 'damaged'))).toEqual(['sluice-backups.json'])
  })
})

async function ended(product: Product, id: string): Promise<{ state: string; message: string | null }> {
  for (let look = 0; look < 1_200; look += 1) {
    const run = await product.call<{ state: string; message: string | null }>(
      'GET',
      `/sluice/v1/backups/${id}`,
    )
    if (['succeeded', 'failed', 'cancelled'].includes(run.state)) return run
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('The backup did not end.')
}
