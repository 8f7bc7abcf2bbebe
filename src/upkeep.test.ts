import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ManualClock } from '../test/support/manual-clock.ts'
import { testMetadata } from '../test/support/metadata.ts'
import { silentLogger } from '#base/log.ts'
import { startUpkeep } from './upkeep.ts'

/** Others' destinations may take their time. */
async function open(others: { readonly exports: () => Promise<number> }) {
  const metadata = await testMetadata()
  const home = await mkdtemp(join(tmpdir(), 'sluice-upkeep-'))
  onTestFinished(() => rm(home, { recursive: true }))
  onTestFinished(() => metadata[Symbol.asyncDispose]())
  const old = join(home, 'landing', 'sandbox', 'old')
  await mkdir(join(home, 'landing', 'sandbox'), { recursive: true })
  await writeFile(old, 'x')
  await utimes(old, new Date(0), new Date(0))
  const upkeep = startUpkeep({
    lake: { sweep: async () => ({ filesRemoved: 0 }) },
    query: {
      results: { removeExpired: async () => {} },
      removeLeftTables: async () => 0,
      scratch: { sweep: async () => 0 },
    } as unknown as Parameters<typeof startUpkeep>[0]['query'],
    exports: { sweep: others.exports },
    metadata,
    config: { home, jobs: { retentionMs: 1 } },
    clock: new ManualClock('2026-03-01T01:00:00Z'),
    logger: silentLogger,
  })
  return { old, upkeep }
}

test('landing zones in the home are swept before destinations of others, which may not answer', async () => {
  const answer = Promise.withResolvers<number>()
  const { old, upkeep } = await open({ exports: () => answer.promise })
  await vi.waitFor(() => expect(existsSync(old)).toBe(false), 5_000)
  answer.resolve(0)
  await upkeep[Symbol.asyncDispose]()
})
