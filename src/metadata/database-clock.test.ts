import { expect, test, vi } from 'vitest'
import { systemClock } from '#base/clock.ts'
import { silentLogger } from '#base/log.ts'
import { testMetadata } from '../../test/support/metadata.ts'
import { databaseClock } from './database-clock.ts'

test('a node whose own clock is wrong has the time of the database, also when it is set meanwhile', async () => {
  await using metadata = await testMetadata()
  let wrongMs = 3_600_000
  const looks: (() => void)[] = []
  const own = {
    now: () => new Date(Date.now() + wrongMs),
    sleep: (_spanMs: number, signal?: AbortSignal) =>
      new Promise<void>((look, reject) => {
        looks.push(look)
        signal?.addEventListener('abort', () => reject(new Error('stopped')))
      }),
  }
  const warnings = vi.fn<typeof silentLogger.log>()
  using clock = await databaseClock({ metadata, logger: { ...silentLogger, log: warnings }, own })
  const isRight = () => Math.abs(clock.now().getTime() - Date.now()) < 1_000
  expect(isRight()).toBe(true)
  wrongMs = -60_000
  expect(isRight()).toBe(false)
  looks.shift()?.()
  await expect.poll(isRight).toBe(true)
  expect(warnings.mock.calls.map(([level, event]) => [level, event])).toEqual([
    ['warn', 'clock.differs'],
    ['warn', 'clock.differs'],
  ])
})

test('a clock that is right is taken as it is', async () => {
  await using metadata = await testMetadata()
  const now = new Date()
  using clock = await databaseClock({
    metadata,
    logger: silentLogger,
    own: { ...systemClock, now: () => now },
  })
  expect(clock.now()).toEqual(now)
})
