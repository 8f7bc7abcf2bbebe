import { expect, test } from 'vitest'
import { silentLogger } from '#base/log.ts'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { createSignIns } from './sign-ins.ts'

test('a refusal is said no sooner than 150 ms after the sign-in began, however fast it was found', async () => {
  const clock = new ManualClock('2026-01-01T00:00:00Z')
  const audited: string[] = []
  const signIns = createSignIns({
    clock,
    logger: silentLogger,
    audit: async ({ assetId }) => void audited.push(assetId),
  })
  const signIn = await signIns.begin('ann')
  clock.advance(40)
  let isSaid = false
  const refusal = signIn.refused('client secret').then(() => (isSaid = true))
  await expect.poll(() => clock.sleeperCount).toBe(1)
  clock.advance(109)
  await Promise.resolve()
  expect([isSaid, audited]).toEqual([false, ['client secret']])
  clock.advance(1)
  await refusal
  expect(isSaid).toBe(true)
})
