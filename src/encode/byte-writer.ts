/** Of what was not written to yet; most results are small. */
const firstBytes = 1024
/** Of shorter texts it is sooner to have room for more than they take. */
const countedLengthMin = 1024 * 1024

/** A client gets a row as a whole, and so do we; PostgreSQL's own take a gigabyte. */
export const addedBytesMax = 64 * 1024 * 1024

/** More was to be written than may be. */
export class TooManyBytes extends Error {}

/** A buffer that grows; `take` hands over what was written and starts anew. */
export class ByteWriter {
  /** For who writes many small things: after `reserve`, so many bytes may be set from `length` on, which is then moved. */
  bytes = Buffer.alloc(0)
  length = 0
  /** No more may be written than this, counted from the beginning. */
  bytesMax = Infinity
  /** What comes will be about as large as what was taken last. */
  #nextBytes = firstBytes

  int8(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value & 0xff
  }

  int16(value: number): void {
    this.reserve(2)
    const { bytes, length } = this
    bytes[length] = value >> 8
    bytes[length + 1] = value
    this.length = length + 2
  }

  int32(value: number): void {
    this.reserve(4)
    this.patchInt32(this.length, value)
    this.length += 4
  }

  int64(value: bigint): void {
    this.reserve(8)
    this.length = this.bytes.writeBigInt64BE(value, this.length)
  }

  float32(value: number): void {
    this.reserve(4)
    this.length = this.bytes.writeFloatBE(value, this.length)
  }

  float64(value: number): void {
    this.reserve(8)
    this.length = this.bytes.writeDoubleBE(value, this.length)
  }

  /** Writes UTF-8 and returns how many bytes it took. */
  text(value: string): number {
    this.reserve(value.length < countedLengthMin ? value.length * 3 : Buffer.byteLength(value))
    const written = this.bytes.write(value, this.length)
    this.length += written
    return written
  }

  raw(value: Uint8Array): void {
    this.reserve(value.length)
    this.bytes.set(value, this.length)
    this.length += value.length
  }

  /** Sets four bytes that were written before. */
  patchInt32(position: number, value: number): void {
    const { bytes } = this
    bytes[position] = value >> 24
    bytes[position + 1] = value >> 16
    bytes[position + 2] = value >> 8
    bytes[position + 3] = value
  }

  /** What is written from here on overwrites what was, which nobody may hold any longer. */
  rewind(): void {
    this.length = 0
  }

  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length)
    this.#nextBytes = Math.max(firstBytes, Math.min(this.bytes.length, 4 * 1024 * 1024))
    this.bytes = Buffer.alloc(0) // Who takes may hand the memory to another thread, so no two have the same.
    this.length = 0
    return taken
  }

  reserve(byteCount: number): void {
    const wanted = this.length + byteCount
    if (wanted > this.bytesMax) throw new TooManyBytes(`${wanted} bytes where ${this.bytesMax} may be`)
    if (wanted <= this.bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(wanted, this.bytes.length * 2, this.#nextBytes))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }
}
