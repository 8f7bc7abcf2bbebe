import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { Staged } from '../object-store.ts'

/** CRC-32 as S3 writes it: big-endian, in Base64. */
export function crcText(crc: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(crc >>> 0)
  return bytes.toString('base64')
}

export function crcTextOf(bytes: Uint8Array): string {
  return crcText(crc32(bytes))
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** In Base64. */
export function md5Of(bytes: Uint8Array): string {
  return createHash('md5').update(bytes).digest('base64')
}

/** Counts what passes. */
export class Tally {
  readonly #hash = createHash('sha256')
  #crc = 0
  #bytes = 0

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.#crc = crc32(bytes, this.#crc)
    this.#bytes += bytes.length
  }

  get crc(): string {
    return crcText(this.#crc)
  }

  staged(): Staged {
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest('hex') }
  }
}

/**
 * The checksum of the whole object, if the answer has one: others may have written it without, or in parts, whose
 * combined checksum is none of the bytes.
 */
export function wholeCrc(answer: {
  readonly ChecksumCRC32?: string | undefined
  readonly ChecksumType?: string | undefined
}): string | undefined {
  const isWhole = answer.ChecksumType !== 'COMPOSITE' && !answer.ChecksumCRC32?.includes('-')
  return isWhole ? answer.ChecksumCRC32 : undefined
}
