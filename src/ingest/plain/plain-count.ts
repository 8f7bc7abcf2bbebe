import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { PlainForm } from './plain-form.ts'
import { plainLengthMax } from './plain-sql.ts'
import { programOf } from './program.ts'

/** What is looked at without a pause. */
const stretchBytes = 256 * 1024
const lineFeed = 0x0a

/**
 * Counts the records of a text that comes in pieces, for as long as each is plain. Bytes are only looked at: nothing is cut
 * out or converted.
 */
export class PlainCount {
  readonly #record: RegExp | undefined
  readonly #head: Buffer
  readonly #lineEnd: string
  #headAt = 0
  /** A line that has not ended. */
  #rest: Buffer = Buffer.alloc(0)
  #count = 0
  #isPlain: boolean

  constructor({ pattern, head, lineEnd }: PlainForm) {
    this.#record = programOf(asBytes(pattern))
    this.#head = Buffer.from(head)
    this.#lineEnd = lineEnd
    this.#isPlain = this.#record !== undefined
  }

  /** The piece is its giver's again when this returns. False: a record is not plain, and nothing more is looked at. */
  push(piece: Uint8Array): boolean {
    if (this.#isPlain) this.#isPlain = this.#take(piece)
    return this.#isPlain
  }

  /** After the last piece. Undefined: not all is plain. */
  end(): number | undefined {
    if (!this.#isPlain || this.#headAt < this.#head.length) return undefined
    const isEnded = this.#rest.length === 0 || this.#look(this.#rest, this.#lineEnd)
    return isEnded ? this.#count : undefined
  }

  #take(piece: Uint8Array): boolean {
    const bytes = this.#withoutHead(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength))
    if (!bytes) return false
    const first = bytes.indexOf(lineFeed) + 1
    if (first === 0) {
      this.#rest = Buffer.concat([this.#rest, bytes])
      return this.#rest.length <= plainLengthMax
    }
    if (!this.#look(Buffer.concat([this.#rest, bytes.subarray(0, first)]))) return false
    let at = first
    for (let end = at; ; at = end) {
      end = bytes.lastIndexOf(lineFeed, at + stretchBytes - 1) + 1
      if (end <= at) break // What is left is no whole line, or a long one.
      if (!this.#look(bytes.subarray(at, end))) return false
    }
    this.#rest = Buffer.from(bytes.subarray(at))
    return this.#rest.length <= plainLengthMax
  }

  #withoutHead(bytes: Buffer): Buffer | undefined {
    const length = Math.min(bytes.length, this.#head.length - this.#headAt)
    if (length === 0) return bytes
    const expected = this.#head.subarray(this.#headAt, this.#headAt + length)
    if (!bytes.subarray(0, length).equals(expected)) return undefined
    this.#headAt += length
    return bytes.subarray(length)
  }

  #look(lines: Buffer, lineEnd = ''): boolean {
    const record = this.#record
    if (!record || !isUtf8(lines)) return false
    const text = lines.toString('latin1') + lineEnd
    for (let at = 0; at < text.length; at = record.lastIndex) {
      if (text.indexOf('\n', at) - at > plainLengthMax) return false
      record.lastIndex = at
      if (!record.test(text)) return false
      this.#count += 1
    }
    return true
  }
}

/** Tells forms apart that do not take the very same records. */
export function formDigest({ pattern, head, lineEnd }: PlainForm): string {
  return createHash('sha256')
    .update(JSON.stringify([pattern, head, lineEnd]))
    .digest('base64')
}

/** A pattern for texts that have a character for each byte. */
function asBytes(pattern: string): string {
  return Buffer.from(pattern).toString('latin1')
}
