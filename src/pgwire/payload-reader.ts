import { AppError } from '#base/errors.ts'

/** Reads a message's payload field by field. Reading past its end is the client's fault and says so. */
export class PayloadReader {
  readonly #bytes: Buffer
  #offset = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  byte(): number {
    return this.bytes(1)[0] ?? 0
  }

  int16(): number {
    return this.bytes(2).readInt16BE()
  }

  int32(): number {
    return this.bytes(4).readInt32BE()
  }

  bytes(byteCount: number): Buffer {
    if (byteCount < 0 || byteCount > this.remaining) throw malformed('it is shorter than its fields')
    const bytes = this.#bytes.subarray(this.#offset, this.#offset + byteCount)
    this.#offset += byteCount
    return bytes
  }

  /** Up to the next zero byte, which is skipped. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#offset)
    if (end === -1) throw malformed('a text in it has no end')
    const text = utf8(this.#bytes.subarray(this.#offset, end))
    this.#offset = end + 1
    return text
  }

  /** A count, then so many items. Nothing is allocated for items that did not come. */
  list<T>(item: () => T): T[] {
    const count = this.int16() & 0xffff
    const items: T[] = []
    for (let index = 0; index < count; index++) items.push(item())
    return items
  }

  end(): void {
    if (this.remaining > 0) throw malformed('it is longer than its fields')
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function utf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch {
    throw new AppError('query.encoding', 'A text was expected in UTF-8, other bytes came.', {
      hint: 'Set the client encoding to UTF8.',
    })
  }
}

export function malformed(reason: string): AppError {
  return new AppError('connection.protocol', `A message of the PostgreSQL protocol is malformed: ${reason}.`)
}
