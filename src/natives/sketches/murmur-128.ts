/**
 * MurmurHash3_x64_128 with the seed that DataSketches gives it, in halves of 32 bits: whole numbers of 64 bits cost
 * twenty times as much in JavaScript.
 * @see https://github.com/aappleby/smhasher/blob/master/src/MurmurHash3.cpp
 */
interface Hash128 {
  /** The first word's low half. */
  low1: number
  low2: number
  high2: number
}

const seed = 9001
const [c1High, c1Low] = [0x87c37b91, 0x114253d5]
const [c2High, c2Low] = [0x4cf5ad43, 0x2745937f]

// The product or sum last computed: an object for each would cost more than the hash.
let high = 0
let low = 0

/** One object, used again: take what is needed before the next call. */
const result: Hash128 = { low1: 0, low2: 0, high2: 0 }

export function murmur128(bytes: Uint8Array): Hash128 {
  let [h1High, h1Low, h2High, h2Low] = [0, seed, 0, seed]
  const whole = bytes.length & ~15
  for (let place = 0; place < whole; place += 16) {
    mixFirst(word(bytes, place + 4), word(bytes, place))
    h1High ^= high
    h1Low ^= low
    rotate(h1High, h1Low, 27)
    add(high, low, h2High, h2Low)
    timesFive(high, low, 0x52dce729)
    h1High = high
    h1Low = low
    mixSecond(word(bytes, place + 12), word(bytes, place + 8))
    h2High ^= high
    h2Low ^= low
    rotate(h2High, h2Low, 31)
    add(high, low, h1High, h1Low)
    timesFive(high, low, 0x38495ab5)
    h2High = high
    h2Low = low
  }
  if (bytes.length - whole > 8) {
    mixSecond(word(bytes, whole + 12), word(bytes, whole + 8))
    h2High ^= high
    h2Low ^= low
  }
  if (bytes.length > whole) {
    mixFirst(word(bytes, whole + 4), word(bytes, whole))
    h1High ^= high
    h1Low ^= low
  }
  h1Low ^= bytes.length
  h2Low ^= bytes.length
  add(h1High, h1Low, h2High, h2Low)
  h1High = high
  h1Low = low
  add(h2High, h2Low, h1High, h1Low)
  h2High = high
  h2Low = low
  finish(h1High, h1Low)
  h1High = high
  h1Low = low
  finish(h2High, h2Low)
  h2High = high
  h2Low = low
  add(h1High, h1Low, h2High, h2Low)
  h1High = high
  h1Low = low
  add(h2High, h2Low, h1High, h1Low)
  result.low1 = h1Low
  result.low2 = low
  result.high2 = high
  return result
}

/** Four bytes, the lowest first; nothing stands behind the end. */
function word(bytes: Uint8Array, place: number): number {
  return (
    (bytes[place] ?? 0) |
    ((bytes[place + 1] ?? 0) << 8) |
    ((bytes[place + 2] ?? 0) << 16) |
    ((bytes[place + 3] ?? 0) << 24)
  )
}

function mixFirst(valueHigh: number, valueLow: number): void {
  multiply(valueHigh, valueLow, c1High, c1Low)
  rotate(high, low, 31)
  multiply(high, low, c2High, c2Low)
}

function mixSecond(valueHigh: number, valueLow: number): void {
  multiply(valueHigh, valueLow, c2High, c2Low)
  rotate(high, low, 33)
  multiply(high, low, c1High, c1Low)
}

function finish(valueHigh: number, valueLow: number): void {
  multiply(valueHigh, valueLow ^ (valueHigh >>> 1), 0xff51afd7, 0xed558ccd)
  multiply(high, low ^ (high >>> 1), 0xc4ceb9fe, 0x1a85ec53)
  low ^= high >>> 1
}

function timesFive(valueHigh: number, valueLow: number, plus: number): void {
  multiply(valueHigh, valueLow, 0, 5)
  add(high, low, 0, plus)
}

function add(oneHigh: number, oneLow: number, otherHigh: number, otherLow: number): void {
  const sum = (oneLow >>> 0) + (otherLow >>> 0)
  high = (oneHigh + otherHigh + (sum > 0xffffffff ? 1 : 0)) | 0
  low = sum | 0
}

function rotate(valueHigh: number, valueLow: number, by: number): void {
  const [left, right] = by < 32 ? [valueHigh, valueLow] : [valueLow, valueHigh]
  const rest = by & 31
  high = (left << rest) | (right >>> (32 - rest))
  low = (right << rest) | (left >>> (32 - rest))
}

function multiply(oneHigh: number, oneLow: number, otherHigh: number, otherLow: number): void {
  const [a, b] = [oneLow & 0xffff, oneLow >>> 16]
  const [c, d] = [otherLow & 0xffff, otherLow >>> 16]
  const lowest = a * c
  const middle = b * c + Math.floor(lowest / 65536)
  const other = a * d + (middle % 65536)
  low = ((other & 0xffff) << 16) | (lowest & 0xffff)
  const carried = b * d + Math.floor(middle / 65536) + Math.floor(other / 65536)
  high = (carried + Math.imul(oneHigh, otherLow) + Math.imul(oneLow, otherHigh)) | 0
}
