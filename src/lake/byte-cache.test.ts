import { expect, test } from 'vitest'
import { fc } from '../../test/support/fast-check.ts'
import { ByteCache } from './byte-cache.ts'

const bytesMax = 100

test('what is in it never weighs more than it may, and what was used last stays longest', () => {
  const operation = fc.record({
    key: fc.integer({ min: 0, max: 12 }),
    bytes: fc.integer({ min: 0, max: 130 }),
  })
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const cache = new ByteCache(bytesMax)
      /** The least recently used first. */
      const model: { key: number; bytes: number; value: object }[] = []
      for (const { key, bytes } of operations) {
        const value = {}
        cache.set(String(key), value, bytes)
        const at = model.findIndex((item) => item.key === key)
        if (at >= 0) model.splice(at, 1)
        if (bytes <= bytesMax) model.push({ key, bytes, value })
        while (model.reduce((sum, item) => sum + item.bytes, 0) > bytesMax) model.shift()
        for (let other = 0; other <= 12; other += 1) {
          const known = model.find((item) => item.key === other)
          if (cache.get(String(other)) !== known?.value) throw new Error(`${other} is not as it should be.`)
          // Looking at it used it.
          if (known) model.push(...model.splice(model.indexOf(known), 1))
        }
      }
    }),
  )
})

test('what is larger than all of it is not kept, and takes the place of nothing', () => {
  const cache = new ByteCache(bytesMax)
  cache.set('small', 1, 60)
  cache.set('large', 2, 101)
  expect([cache.get('small'), cache.get('large')]).toEqual([1, undefined])
  cache.set('small', 3, 101)
  expect(cache.get('small')).toBeUndefined()
})
