import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { firstBatchRows, prepareHome, runScenario, secondBatchRows } from './support/fault-scenario.ts'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct } from './support/product.ts'
import { hasS3Server, startS3Server } from './support/s3-server.ts'
import { sluice } from './support/sluice.ts'

const allRows = firstBatchRows + secondBatchRows
const cacheBytes = 10_000_000

test.skipIf(!hasS3Server)(
  'a day over a lake on S3, with a death in its midst, delivers every row once, and all files are there',
  { timeout: 300_000 },
  async () => {
    await using server = await startS3Server()
    const bucket = await server.makeBucket()
    const folder = passableFolder('s3')
    const prepared = join(folder, 'home')
    const env = {
      SLUICE_LAKE_LOCATION: `s3://${bucket}/lake`,
      SLUICE_LAKE_CACHE_BYTES: String(cacheBytes),
      SLUICE_S3_ENDPOINT: server.endpoint,
      SLUICE_S3_REGION: server.region,
      SLUICE_S3_ACCESS_KEY_ID: server.credentials.accessKeyId,
      SLUICE_S3_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    }
    try {
      await prepareHome(prepared, env)
      const outcome = await runScenario(prepared, {
        env,
        points: ['lake.commit.before@server'],
        delivered: async (destination, home) => {
          expect(await sluice(['verify', destination])).toMatchObject({ code: 0 })
          const copies = readdirSync(join(home, 'cache')).map((name) => statSync(join(home, 'cache', name)))
          expect(copies.length).toBeGreaterThan(0)
          expect(copies.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(cacheBytes)
          expect(namesBelow(join(home, 'lake'))).toEqual([])
        },
      })
      expect(outcome).toEqual({
        eventRows: allRows,
        eventIds: allRows,
        feedRows: allRows,
        feedIds: allRows,
        deliveredRows: allRows,
        unnamed: [],
        restarts: 1,
        struck: ['lake.commit.before'],
      })
      const objects = namesBelow(server.pathOf(bucket, 'lake'))
      expect(objects.some((name) => name.endsWith('.parquet'))).toBe(true)
      expect(objects.some((name) => name.endsWith('.metadata.json'))).toBe(true)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
)

test.skipIf(!hasS3Server)(
  'a bucket that is not there is told at the start',
  { timeout: 300_000 },
  async () => {
    await using server = await startS3Server()
    const folder = passableFolder('s3')
    const start = startProduct({
      home: join(folder, 'home'),
      env: {
        SLUICE_LAKE_LOCATION: 's3://no-such-bucket',
        SLUICE_S3_ENDPOINT: server.endpoint,
        SLUICE_S3_ACCESS_KEY_ID: server.credentials.accessKeyId,
        SLUICE_S3_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
      },
    })
    await expect(start).rejects.toThrow('no-such-bucket')
    rmSync(folder, { recursive: true, force: true })
  },
)

function namesBelow(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}
