import { native, type NativeFunction } from './native.ts'

const [p1, p2, p3, p4, p5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
] as const

const mask = 0xffff_ffff_ffff_ffffn

const times = (value: bigint, by: bigint): bigint => (value * by) & mask
const turned = (value: bigint, by: bigint): bigint => ((value << by) & mask) | (value >> (64n - by))
const round = (state: bigint, word: bigint): bigint =>
  times(turned((state + times(word, p2)) & mask, 31n), p1)

/** 64-bit xxHash. @see https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md */
export function xxHash64(bytes: Uint8Array, seed: bigint): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const { length } = bytes
  let at = 0
  let hash = (seed + p5) & mask
  if (length >= 32) {
    const states = [(seed + p1 + p2) & mask, (seed + p2) & mask, seed & mask, (seed - p1) & mask]
    for (; at + 32 <= length; at += 32) {
      for (const [index, state] of states.entries()) {
        states[index] = round(state, view.getBigUint64(at + index * 8, true))
      }
    }
    hash =
      states.reduce((sum, state, index) => sum + turned(state, [1n, 7n, 12n, 18n][index] ?? 0n), 0n) & mask
    for (const state of states) hash = (times(hash ^ round(0n, state), p1) + p4) & mask
  }
  hash = (hash + BigInt(length)) & mask
  for (; at + 8 <= length; at += 8) {
    hash = (times(turned(hash ^ round(0n, view.getBigUint64(at, true)), 27n), p1) + p4) & mask
  }
  if (at + 4 <= length) {
    hash = (times(turned(hash ^ times(BigInt(view.getUint32(at, true)), p1), 23n), p2) + p3) & mask
    at += 4
  }
  for (; at < length; at += 1) hash = times(turned(hash ^ times(BigInt(view.getUint8(at)), p5), 11n), p1)
  hash = times(hash ^ (hash >> 33n), p2)
  hash = times(hash ^ (hash >> 29n), p3)
  return hash ^ (hash >> 32n)
}

const eight = new DataView(new ArrayBuffer(8))

export const xxHashFunctions: readonly NativeFunction[] = [
  /** Each part's hash is the seed of the next; the first one's is 42, and a part that is NULL changes nothing. */
  native('native_xxhash64', ['blobs'], 'long', (parts) =>
    BigInt.asIntN(
      64,
      parts.reduce<bigint>(
        (seed, part) => ((part as Uint8Array | null) === null ? seed : xxHash64(part, seed)),
        42n,
      ),
    ),
  ),
  /** The lowest bytes of a whole number, the lowest first. */
  native('native_low_bytes', ['long', 'integer'], 'bytes', (value, count) => {
    eight.setBigInt64(0, value, true)
    return new Uint8Array(eight.buffer.slice(0, count))
  }),
]
