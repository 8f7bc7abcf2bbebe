import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { Shares } from './shares.ts'

const total = { memoryBytes: 2 ** 33, spillBytes: 2 ** 40 }

test('all shares together are never more than there is, and the last is not nothing', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.boolean(), { maxLength: 200 }),
      (places, turns) => {
        const shares = new Shares(total, places)
        const taken: ReturnType<Shares['take']>[] = []
        for (const isTake of turns) {
          if (!isTake) taken.shift()?.[Symbol.dispose]()
          else if (!shares.isExhausted) taken.push(shares.take())
          const sum = taken.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0)
          expect(sum).toBeLessThanOrEqual(total.memoryBytes)
          for (const { memoryBytes, spillBytes } of taken) {
            expect(memoryBytes).toBeGreaterThanOrEqual(Math.floor(total.memoryBytes / (4 * places)))
            expect(spillBytes).toBeGreaterThanOrEqual(Math.floor(total.spillBytes / (4 * places)))
          }
        }
        expect(shares.isExhausted).toBe(taken.length === places)
      },
    ),
  )
})

test('a single place has everything', () => {
  expect(new Shares(total, 1).take()).toMatchObject(total)
})
