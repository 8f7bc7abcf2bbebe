import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { testMetadata } from '../test/support/metadata.ts'
import { AppError } from '#base/errors.ts'
import { silentLogger } from '#base/log.ts'
import { startUpkeep } from './upkeep.ts'

/** What others sweep, as far as it was asked to; each may take its time or fail. */
async function open(others: {
  readonly exports?: () => Promise<number>
  readonly lake?: () => Promise<never>
}) {
  const metadata = await testMetadata()
  const home = await mkdtemp(join(tmpdir(), 'sluice-upkeep-'))
  onTestFinished(() => rm(home, { recursive: true }))
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const old = join(home, 'landing', 'sandbox', 'old')
  await mkdir(join(home, 'landing', 'sandbox'), { recursive: true })
  await writeFile(old, 'x')
  await utimes(old, new Date(0), new Date(0))
  const bucket = vi.fn(async () => 3)
  const upkeep = startUpkeep({
    lake: { sweep: others.lake ?? (async () => ({ filesRemoved: 0 })) },
    ingest: { sweep: async () => {} },
    query: {
      results: { removeExpired: async () => {} },
      removeLeftTables: async () => 0,
      scratch: { sweep: async () => 0 },
    } as unknown as Parameters<typeof startUpkeep>[0]['query'],
    exports: { sweep: others.exports ?? (async () => 0) },
    landingBucket: { sweep: bucket },
    metadata,
    config: { home, jobs: { retentionMs: 1 } },
    clock: new ManualClock('2026-03-01T01:00:00Z'),
    logger: silentLogger,
  })
  return { old, bucket, upkeep }
}

test('landing zones in the home are swept before destinations of others, which may not answer', async () => {
  const answer = Promise.withResolvers<number>()
  const { old, bucket, upkeep } = await open({ exports: () => answer.promise })
  await vi.waitFor(() => expect(existsSync(old)).toBe(false), 30_000)
  expect(bucket).not.toHaveBeenCalled()
  answer.resolve(0)
  await vi.waitFor(() => expect(bucket).toHaveBeenCalledOnce(), 30_000)
  await upkeep[Symbol.asyncDispose]()
})

test('landing zones in a bucket are swept whatever failed before', async () => {
  const lake = async () => {
    throw new AppError('store.unreachable', 'The lake is away.')
  }
  const { bucket, upkeep } = await open({ lake })
  await vi.waitFor(() => expect(bucket).toHaveBeenCalledOnce(), 30_000)
  await upkeep[Symbol.asyncDispose]()
})
