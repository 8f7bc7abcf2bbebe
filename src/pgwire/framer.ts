import { AppError } from '#base/errors.ts'

/** One message of the protocol. The first ones of a connection have no type byte. */
export interface Frame {
  /** The type byte as a character; `startup` for the messages before it exists. */
  readonly type: string
  /** Without type and length. */
  readonly payload: Buffer
}

/** A length counts itself. */
const lengthBytes = 4

/**
 * Cuts a stream of bytes, which may come in any pieces, into messages. It keeps only bytes that came: a length that
 * promises much allocates nothing, and one that is too large or negative is refused before anything is kept for it.
 */
export class Framer {
  #chunks: Buffer[] = []
  #byteCount = 0
  #isTyped = false
  #bytesMax: number

  /** @param bytesMax largest message accepted, without its type byte */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** From the next message on they carry a type byte. */
  expectTyped(): void {
    this.#isTyped = true
  }

  set bytesMax(value: number) {
    this.#bytesMax = value
  }

  /** Bytes that came and were not taken. */
  get byteCount(): number {
    return this.#byteCount
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#byteCount += chunk.length
  }

  /**
   * The next whole message; undefined when more bytes are needed.
   * @throws AppError 'connection.protocol' after which the stream cannot be understood any more
   */
  take(): Frame | undefined {
    const typeBytes = this.#isTyped ? 1 : 0
    const headBytes = typeBytes + lengthBytes
    if (this.#byteCount < headBytes) return undefined
    const head = this.#peek(headBytes)
    const length = head.readInt32BE(typeBytes)
    if (length < lengthBytes || length > this.#bytesMax) {
      throw new AppError(
        'connection.protocol',
        `A message of ${lengthBytes} to ${this.#bytesMax} bytes was expected, one of ${length} was announced.`,
      )
    }
    if (this.#byteCount < typeBytes + length) return undefined
    const message = this.#shift(typeBytes + length)
    return {
      type: this.#isTyped ? String.fromCharCode(message[0] ?? 0) : 'startup',
      payload: message.subarray(headBytes),
    }
  }

  #peek(byteCount: number): Buffer {
    const [first] = this.#chunks
    if (first && first.length >= byteCount) return first
    return Buffer.concat(this.#chunks, Math.min(this.#byteCount, byteCount))
  }

  #shift(byteCount: number): Buffer {
    this.#byteCount -= byteCount
    const taken: Buffer[] = []
    let missing = byteCount
    let used = 0
    while (missing > 0) {
      const chunk = this.#chunks[used]!
      if (chunk.length > missing) {
        taken.push(chunk.subarray(0, missing))
        this.#chunks[used] = chunk.subarray(missing)
        break
      }
      taken.push(chunk)
      missing -= chunk.length
      used += 1
    }
    this.#chunks.splice(0, used)
    return taken.length === 1 ? taken[0]! : Buffer.concat(taken, byteCount)
  }
}
