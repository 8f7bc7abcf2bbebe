import { expect, test } from 'vitest'
import { crc32c, crc32cText } from './crc32c.ts'

/** As it is defined: bit by bit. */
function byBits(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
  }
  return ~crc >>> 0
}

test('is what the standard says, of any length and in any pieces', () => {
  // RFC 3720, B.4, and the check value of the algorithm.
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43)
  expect(crc32cText(crc32c(Buffer.from('123456789')))).toBe('4waSgw==')
  const bytes = Uint8Array.from({ length: 200 }, (_, index) => (index * 2_654_435_761) >>> 13)
  for (let length = 0; length <= bytes.length; length += 1) {
    const whole = bytes.subarray(0, length)
    const cut = (length * 7) % (length + 1)
    expect(crc32c(whole)).toBe(byBits(whole))
    expect(crc32c(whole.subarray(cut), crc32c(whole.subarray(0, cut)))).toBe(byBits(whole))
  }
})
