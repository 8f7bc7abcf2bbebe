import type { HllSketch } from './hll-sketch.ts'
import { compositeStrides, compositeTables, couponCounts, couponEstimates } from './hll-tables.ts'

/**
 * How many values a sketch has seen, as DataSketches estimates it. What one writer filled value by value carries its
 * own count; for all others it is computed of the registers.
 * @see https://github.com/apache/datasketches-java HllEstimators
 */
export function hllEstimate(sketch: HllSketch): number {
  if (sketch.kind === 'coupons') {
    const count = sketch.coupons.length
    return Math.max(
      count,
      interpolated(couponCounts, (index) => couponEstimates[index] ?? 0, count),
    )
  }
  return sketch.accumulated ?? composite(sketch.lgK, sketch.registers)
}

function composite(lgK: number, registers: Uint8Array): number {
  const count = registers.length
  const xs = compositeTables[lgK - 4] ?? []
  const stride = compositeStrides[lgK - 4] ?? 1
  const raw = rawEstimate(lgK, registers)
  const last = xs.at(-1) ?? 0
  if (raw < (xs[0] ?? 0)) return 0
  if (raw > last) return raw * ((stride * (xs.length - 1)) / last)
  const adjusted = interpolated(xs, (index) => stride * index, raw)
  if (adjusted > 3 * count) return adjusted
  const linear = linearCount(registers)
  const crossing = lgK === 4 ? 0.718 : lgK === 5 ? 0.672 : 0.64
  return (adjusted + linear) / 2 > crossing * count ? adjusted : linear
}

function rawEstimate(lgK: number, registers: Uint8Array): number {
  const count = registers.length
  const factor = { 4: 0.673, 5: 0.697, 6: 0.709 }[lgK] ?? 0.7213 / (1 + 1.079 / count)
  // Powers far apart are added apart, as others do: sums are exact then.
  let [near, far] = [0, 0]
  for (const register of registers) {
    if (register < 32) near += 2 ** -register
    else far += 2 ** -register
  }
  return (factor * count * count) / (near + far)
}

/** From how many registers nothing has hit. */
function linearCount(registers: Uint8Array): number {
  const count = registers.length
  const empty = registers.reduce((sum, register) => sum + (register === 0 ? 1 : 0), 0)
  if (empty === 0) return count * Math.log(count / 0.5)
  return count * (harmonic(count) - harmonic(empty))
}

function harmonic(n: number): number {
  if (n < 25) {
    let sum = 0
    for (let index = 1; index <= n; index += 1) sum += 1 / index
    return sum
  }
  // Term by term as others add it: the same estimate to the last digit.
  const square = 1 / (n * n)
  let sum = Math.log(n) + 0.5772156649015329 + 1 / (2 * n)
  let power = square
  for (const divisor of [-12, 120, -252, 240]) {
    sum += power * (1 / divisor)
    power *= square
  }
  return sum
}

/** By the cubic through the four points around. */
function interpolated(xs: readonly number[], y: (index: number) => number, x: number): number {
  if (x === xs.at(-1)) return y(xs.length - 1)
  let [low, high] = [0, xs.length - 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((xs[middle] ?? 0) <= x) low = middle
    else high = middle
  }
  const first = Math.min(Math.max(low - 1, 0), xs.length - 4)
  const at = [first, first + 1, first + 2, first + 3]
  return at.reduce((sum, one) => {
    const [top, bottom] = at
      .filter((other) => other !== one)
      .reduce<readonly [number, number]>(
        ([top, bottom], other) => [
          top * (x - (xs[other] ?? 0)),
          bottom * ((xs[one] ?? 0) - (xs[other] ?? 0)),
        ],
        [1, 1],
      )
    return sum + (y(one) * top) / bottom
  }, 0)
}
