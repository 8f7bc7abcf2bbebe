/** A buffer that grows; `take` hands over what was written and starts anew. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(64 * 1024)
  #length = 0

  get length(): number {
    return this.#length
  }

  int8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value & 0xff
  }

  int16(value: number): void {
    this.#reserve(2)
    this.#length = this.#bytes.writeInt16BE(value, this.#length)
  }

  int32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeInt32BE(value, this.#length)
  }

  int64(value: bigint): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeBigInt64BE(value, this.#length)
  }

  float32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeFloatBE(value, this.#length)
  }

  float64(value: number): void {
    this.#reserve(8)
    this.#length = this.#bytes.writeDoubleBE(value, this.#length)
  }

  /** Writes UTF-8 and returns how many bytes it took. */
  text(value: string): number {
    this.#reserve(value.length * 3)
    const written = this.#bytes.write(value, this.#length)
    this.#length += written
    return written
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Overwrites four bytes written before, as a length that is known only now. */
  patchInt32(position: number, value: number): void {
    this.#bytes.writeInt32BE(value, position)
  }

  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length)
    this.#bytes = Buffer.allocUnsafe(Math.max(64 * 1024, Math.min(this.#bytes.length, 4 * 1024 * 1024)))
    this.#length = 0
    return taken
  }

  #reserve(byteCount: number): void {
    const wanted = this.#length + byteCount
    if (wanted <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(wanted, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}
