import { expect, test } from 'vitest'
import { giveBack } from './give-back.ts'

test('memory of its own is gone at once, also behind a head and in a buffer made too large', () => {
  const whole = Buffer.allocUnsafeSlow(100)
  const body = whole.subarray(5)
  giveBack(body)
  expect(whole.buffer.byteLength).toBe(0)
  const large = Buffer.allocUnsafe(1_000_000)
  giveBack(large.subarray(0, 500_000))
  expect(large.buffer.byteLength).toBe(0)
})

test('memory that others use too is left alone', () => {
  const pooled = Buffer.from('some text')
  giveBack(pooled)
  expect(pooled.toString()).toBe('some text')
})
