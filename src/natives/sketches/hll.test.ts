import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hllEstimate } from './hll-estimate.ts'
import { hllImage, readHllImage, type RegisterBits } from './hll-image.ts'
import { couponOf, sketchOf, unionOf } from './hll-sketch.ts'

interface Golden {
  readonly made: 'one by one' | 'union' | 'compact union'
  readonly lgK: number
  readonly bits: RegisterBits
  /** Of `customer_0`, `customer_1`, … */
  readonly count: number
  readonly image: string
  readonly estimate: number
}

const goldens = readFileSync(
  new URL('../../../test/fixtures/datasketches-hll.jsonl', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Golden)

const coupons = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, index) => couponOf(Buffer.from(`customer_${from + index}`)))
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const bytes = (digits: string): Uint8Array => Buffer.from(digits, 'hex')
const nameOf = ({ made, lgK, bits, count }: Golden): string =>
  `${made}: ${count} values, lgK ${lgK}, ${bits} bits`

describe('HLL sketches of DataSketches', () => {
  const few = goldens.filter(({ made, image }) => made === 'one by one' && !image.startsWith('0a'))
  it.each(few.map((golden) => [nameOf(golden), golden] as const))(
    'are written to the byte, %s',
    (_name, golden) => {
      expect(hex(hllImage(sketchOf(golden.lgK, coupons(golden.count)), golden.bits))).toBe(golden.image)
    },
  )

  // With 8 bits a union notes its smallest register, where a sketch notes 0.
  const unions = goldens.filter(({ made, bits }) => made === 'union' && bits === 4)
  it.each(unions.map((golden) => [nameOf(golden), golden] as const))(
    'hold the same registers, %s',
    (_name, golden) => {
      expect(hex(hllImage(sketchOf(golden.lgK, coupons(golden.count)), golden.bits))).toBe(golden.image)
    },
  )

  it.each(goldens.map((golden) => [nameOf(golden), golden] as const))(
    'are read and estimated alike, %s',
    (_name, golden) => {
      expect(hllEstimate(readHllImage(bytes(golden.image)))).toBe(golden.estimate)
    },
  )

  it('are the same in whatever order their values came', () => {
    const values = coupons(300)
    const other = [...values.toReversed(), ...values]
    expect(hex(hllImage(sketchOf(12, other), 4))).toBe(hex(hllImage(sketchOf(12, values), 4)))
  })

  it.each([
    [3, 4],
    [20, 500],
    [2000, 9000],
  ])('of %d and of %d values merge to that of both', (one, other) => {
    const parts = [sketchOf(10, coupons(one)), sketchOf(10, coupons(other, one))]
    expect(hex(hllImage(unionOf(parts), 8))).toBe(hex(hllImage(sketchOf(10, coupons(one + other)), 8)))
  })

  it('of different sizes merge to the smaller', () => {
    const union = unionOf([sketchOf(12, coupons(5000)), sketchOf(6, coupons(5000, 2500))])
    expect(union).toEqual(sketchOf(6, coupons(7500)))
  })

  it.each(['', '00', '02010704', '0201070403000200e47e1b06', '0a0107040010000200'])(
    'that are none are refused: %j',
    (image) => {
      expect(() => readHllImage(bytes(image))).toThrow(/HLL sketch/)
    },
  )
})
