import { expect, test } from 'vitest'
import { fc } from '../../../test/support/fast-check.ts'
import { dayOfMicros, daysOfText, microsOfDay, microsOfText } from './civil-time.ts'
import { decodeBound, encodeBound, unscaled } from './single-value.ts'

const text = fc.string({ unit: 'binary', maxLength: 40 })

test('every text lies between the bounds made of it, as bytes compare', () => {
  fc.assert(
    fc.property(text, (value) => {
      const bytes = Buffer.from(value)
      expect(Buffer.compare(encodeBound('string', value, 'lower')!, bytes)).toBeLessThanOrEqual(0)
      const upper = encodeBound('string', value, 'upper')
      if (upper) expect(Buffer.compare(upper, bytes)).toBeGreaterThanOrEqual(0)
      expect(Array.from(upper?.toString() ?? '').length).toBeLessThanOrEqual(16)
    }),
    { numRuns: 1_000 },
  )
})

test('a text of the highest characters has no upper bound, one before them has', () => {
  const highest = '\u{10ffff}'
  expect(encodeBound('string', highest.repeat(17), 'upper')).toBeUndefined()
  expect(encodeBound('string', `a${highest.repeat(17)}`, 'upper')?.toString()).toBe('b')
  expect(encodeBound('string', `${'a'.repeat(15)}\ud7ffz`, 'upper')?.toString()).toBe(
    `${'a'.repeat(15)}\ue000`,
  )
  expect(encodeBound('string', 'ab', 'upper')?.toString()).toBe('ab')
})

test('long numbers, decimals and times come back as they were', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      expect(decodeBound('long', encodeBound('long', String(value), 'lower')!)).toBe(value)
    }),
  )
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 38n) + 1n, max: 10n ** 38n - 1n }), fc.nat(38), (value, scale) => {
      const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, '0')
      const at = digits.length - scale
      const printed = `${value < 0n ? '-' : ''}${digits.slice(0, at)}${scale > 0 ? `.${digits.slice(at)}` : ''}`
      const type = `decimal(38, ${scale})`
      const bytes = encodeBound(type, printed, 'upper')!
      expect(decodeBound(type, bytes)).toBe(value)
      // As few bytes as can be: readers compare them as written.
      expect(bytes.length === 1 || BigInt.asIntN(8 * (bytes.length - 1), value) !== value).toBe(true)
      expect(unscaled(printed, scale)).toBe(value)
    }),
  )
  const date = fc.date({
    min: new Date('0001-01-01T00:00:00Z'),
    max: new Date('9999-12-31T23:59:59Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(date, fc.nat(999), (date, extra) => {
      const micros = BigInt(date.getTime()) * 1000n + BigInt(extra)
      const [day, time] = date.toISOString().slice(0, -1).split('T')
      const fraction = String(extra).padStart(3, '0')
      expect(microsOfText(`${day}T${time}${fraction}Z`)).toBe(micros)
      expect(microsOfText(`${day} ${time}${fraction}+00`)).toBe(micros)
      expect(daysOfText(day!)).toBe(dayOfMicros(micros))
      expect(microsOfText(day!)).toBe(microsOfDay(dayOfMicros(micros)))
    }),
  )
})

test('years outside of four digits and before the first are not guessed', () => {
  expect(microsOfText('0099-12-31 00:00:00+00')).toBe(-59_011_545_600_000_000n)
  expect(microsOfText('infinity')).toBeUndefined()
  expect(microsOfText('0044-03-15 (BC) 00:00:00+00')).toBeUndefined()
  expect(microsOfText('2026-01-01 00:00:00+02')).toBeUndefined()
  expect(microsOfText('2026-01-01 00:00:00.1234567')).toBeUndefined()
  expect(daysOfText('10000-01-01')).toBe(2_932_897)
})

test('zero is bounded by both of its encodings, infinities are numbers and NaN has no bound', () => {
  const double = (value: string, side: 'lower' | 'upper') => {
    const bytes = encodeBound('double', value, side)
    return bytes && decodeBound('double', bytes)
  }
  expect(double('0.0', 'lower')).toBe(-0)
  expect(double('-0.0', 'upper')).toBe(0)
  expect(double('inf', 'upper')).toBe(Infinity)
  expect(double('-inf', 'lower')).toBe(-Infinity)
  expect(double('nan', 'upper')).toBeUndefined()
})
