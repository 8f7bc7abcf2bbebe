import { murmur128 } from './murmur-128.ts'

/**
 * A HyperLogLog sketch of DataSketches: 2^lgK registers, or, while few values were seen, their coupons. A coupon is 26
 * bits of a value's address below six of the register's value.
 */
export type HllSketch =
  | { readonly kind: 'coupons'; readonly lgK: number; readonly coupons: readonly number[] }
  | {
      readonly kind: 'registers'
      readonly lgK: number
      readonly registers: Uint8Array
      /** The count that its writer kept, where it saw the values in order. */
      readonly accumulated: number | undefined
    }

const addressMask = 0x3ffffff
const lgKs = { least: 4, most: 21 } as const

export function couponOf(bytes: Uint8Array): number {
  const { low1, low2, high2 } = murmur128(bytes)
  const zeros = high2 === 0 ? 32 + Math.clz32(low2) : Math.clz32(high2)
  return ((Math.min(zeros, 62) + 1) << 26) | (low1 & addressMask)
}

/** Of coupons in any order, doubles among them: the same ones always make the same sketch. */
export function sketchOf(lgK: number, coupons: Iterable<number>): HllSketch {
  checkLgK(lgK)
  const distinct = Uint32Array.from(new Set(coupons)).toSorted()
  if (distinct.length <= couponsMax(lgK)) return { kind: 'coupons', lgK, coupons: [...distinct].map(signed) }
  const registers = new Uint8Array(2 ** lgK)
  for (const coupon of distinct) raise(registers, coupon & addressMask, coupon >>> 26)
  return { kind: 'registers', lgK, registers, accumulated: undefined }
}

/** What all of them have seen together. Registers of the most detailed ones are folded to the coarsest. */
export function unionOf(sketches: readonly HllSketch[]): HllSketch {
  const lgK = Math.min(...sketches.map((sketch) => sketch.lgK))
  const [first] = sketches
  if (first && sketches.length === 1) return first
  const coupons = sketches.flatMap((sketch) => (sketch.kind === 'coupons' ? sketch.coupons : []))
  const filled = sketches.filter((sketch) => sketch.kind === 'registers')
  if (filled.length === 0) return sketchOf(lgK, coupons)
  const registers = new Uint8Array(2 ** lgK)
  for (const sketch of filled) {
    for (const [place, value] of sketch.registers.entries()) raise(registers, place, value)
  }
  for (const coupon of coupons) raise(registers, coupon & addressMask, coupon >>> 26)
  return { kind: 'registers', lgK, registers, accumulated: undefined }
}

/** How many coupons are kept as such: a full list, or three quarters of the largest hash set. */
function couponsMax(lgK: number): number {
  return lgK < 8 ? 7 : 0.75 * 2 ** (lgK - 3)
}

export function checkLgK(lgK: number): void {
  if (Number.isInteger(lgK) && lgK >= lgKs.least && lgK <= lgKs.most) return
  throw new Error(`lgConfigK of a sketch is from ${lgKs.least} to ${lgKs.most}, not ${lgK}.`)
}

function raise(registers: Uint8Array, address: number, value: number): void {
  const place = address & (registers.length - 1)
  if (value > (registers[place] ?? 0)) registers[place] = value
}

const signed = (coupon: number): number => coupon | 0
