import { expect, test } from 'vitest'
import { createSignInLimits, failuresOfAddressMax, failuresOfNameMax } from './sign-in-limits.ts'

const start = Date.parse('2026-01-01T00:00:00Z')

function limitsAt() {
  const time = { ms: start }
  const limits = createSignInLimits(() => new Date(time.ms))
  return { time, limits, fail: (name: string, address = 'here') => limits.failed({ name, address }) }
}

test('a name waits after so many failures from an address, until the window is over', () => {
  const { time, limits, fail } = limitsAt()
  for (let count = 0; count < failuresOfNameMax; count++) {
    limits.check({ name: 'ann', address: 'here' })
    fail('ann')
  }
  time.ms += 20_000
  expect(() => limits.check({ name: 'ann', address: 'here' })).toThrow(
    expect.objectContaining({ code: 'access.too_many', detail: { retryAfterSeconds: 40 } }),
  )
  limits.check({ name: 'bob', address: 'here' })
  limits.check({ name: 'ann', address: 'elsewhere' })
  time.ms += 40_000
  limits.check({ name: 'ann', address: 'here' })
})

test('an address waits after failures of many names; a success of one name does not free it', () => {
  const { limits, fail } = limitsAt()
  for (let count = 0; count < failuresOfAddressMax; count++) fail(`name ${count}`)
  limits.succeeded({ name: 'ann', address: 'here' })
  expect(() => limits.check({ name: 'ann', address: 'here' })).toThrow('Too many sign-ins')
  limits.check({ name: 'ann', address: 'elsewhere' })
})

test('a flood of addresses does not grow what is kept without end', () => {
  const { limits, fail } = limitsAt()
  for (let count = 0; count < failuresOfNameMax; count++) fail('ann')
  for (let count = 0; count < 20_000; count++) fail('ann', `address ${count}`)
  limits.check({ name: 'ann', address: 'here' }) // Forgotten: the oldest goes.
  expect(() => {
    for (let count = 0; count < failuresOfNameMax; count++) fail('ann', 'address 19999')
    limits.check({ name: 'ann', address: 'address 19999' })
  }).toThrow('Too many sign-ins')
})
