/** Eight bytes are looked up at once, each in a table of its own: by single bytes it took four times as long. */
const bytesAtOnce = 8
/** Table by table: what a byte does to the checksum when so many zeros follow it. */
const tables = new Uint32Array(bytesAtOnce * 256)
for (let byte = 0; byte < 256; byte += 1) {
  let value = byte
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
  tables[byte] = value
}
for (let at = 256; at < tables.length; at += 1) {
  const before = tables[at - 256]!
  tables[at] = (before >>> 8) ^ tables[before & 0xff]!
}

/** CRC-32C (Castagnoli), which Google keeps of every object; Node has only the other one. Goes on from what came before. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const wholeEnd = bytes.length - (bytes.length % bytesAtOnce)
  let crc = ~before
  let at = 0
  for (; at < wholeEnd; at += bytesAtOnce) {
    const four = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    const mixed = crc ^ four
    crc =
      tables[0x700 | (mixed & 0xff)]! ^
      tables[0x600 | ((mixed >>> 8) & 0xff)]! ^
      tables[0x500 | ((mixed >>> 16) & 0xff)]! ^
      tables[0x400 | (mixed >>> 24)]! ^
      tables[0x300 | bytes[at + 4]!]! ^
      tables[0x200 | bytes[at + 5]!]! ^
      tables[0x100 | bytes[at + 6]!]! ^
      tables[bytes[at + 7]!]!
  }
  for (; at < bytes.length; at += 1) crc = tables[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Big-endian, in Base64, as Google writes it. */
export function crc32cText(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc >>> 0)
  return bytes.toString('base64')
}
