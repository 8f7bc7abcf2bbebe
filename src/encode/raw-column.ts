/**
 * A column of many rows as it lies in memory, little-endian. Who can write bytes from it need not make a value of each
 * row, which costs more than the writing.
 */
export interface RawColumn {
  /** Bit `row % 8` of byte `row / 8` says whether the row has a value; absent: all have. */
  readonly validity: Uint8Array | undefined
  readonly values: RawValues
}

export type RawValues =
  /** One number a row: booleans (0, 1), integers up to 32 bit, days, unscaled digits, float and double. */
  | { readonly kind: 'numbers'; readonly numbers: ArrayLike<number> }
  /** Two words a row, the low one first: 64-bit integers, µs, unscaled digits. */
  | { readonly kind: 'words'; readonly words: Int32Array }
  /**
   * UTF-8 of texts, and bytes: those of a row begin at `starts[row]`; a row without a value has a length of -1. Of any other
   * type it is what `plainText` prints of the value.
   */
  | {
      readonly kind: 'bytes'
      readonly bytes: Buffer
      readonly starts: Uint32Array
      readonly lengths: Int32Array
    }

export function isMissing(validity: Uint8Array | undefined, row: number): boolean {
  return validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0
}

const wordsPerNumber = 2 ** 32

/** A 64-bit integer as a number; NaN when it is not exact as one. */
export function numberOfWords(words: Int32Array, row: number): number {
  const high = words[2 * row + 1]!
  // 2 ** 53 and beyond, either sign.
  if (high >= 0x20_0000 || high < -0x20_0000) return Number.NaN
  return high * wordsPerNumber + (words[2 * row]! >>> 0)
}

/** The same without loss, for the few that need it. */
export function bigintOfWords(words: Int32Array, row: number): bigint {
  return (BigInt(words[2 * row + 1]!) << 32n) | BigInt(words[2 * row]! >>> 0)
}
