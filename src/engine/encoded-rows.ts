import { AppError } from '#base/errors.ts'
import { addedBytesMax, TooManyBytes } from '#encode/byte-writer.ts'
import { createEncoder, type Encoder } from '#encode/encoder.ts'
import type { Encoding } from '#encode/encoding.ts'
import { type Batch, rowsOf } from '#encode/value.ts'
import type { Field } from '#types/data-type.ts'

export interface Rows {
  readonly rowCount: number
  readonly isLast: boolean
  readonly bytes: Uint8Array
}

/** How many bytes a row may take is unknown before the first ones; few enough are tried then. */
const rowBytesFirstGuess = 64 * 1024

/** A result as encoded rows, as many as are asked for; batches are fetched only when the one before is used up. */
export class EncodedRows {
  readonly #fetch: () => Promise<Batch | undefined>
  readonly #encoder: Encoder
  /** What was fetched, and how many rows of it are encoded. */
  #batch: Batch | undefined
  #position = 0
  #rowBytes = rowBytesFirstGuess
  #isDone = false

  /** @param fetch the next batch; undefined behind the last one, and never called again then */
  constructor(encoding: Encoding, columns: readonly Field[], fetch: () => Promise<Batch | undefined>) {
    this.#fetch = fetch
    this.#encoder = createEncoder(encoding, columns)
  }

  async pull(rowCountMax: number, bytesMax: number): Promise<Rows> {
    let rowCount = 0
    while (rowCount < rowCountMax && this.#encoder.byteCount < bytesMax) {
      const batch = this.#batch ?? (await this.#next())
      if (!batch) {
        this.#isDone = true
        return { rowCount, isLast: true, bytes: this.#encoder.finish() }
      }
      rowCount += this.#encode(batch, rowCountMax - rowCount, bytesMax - this.#encoder.byteCount)
    }
    return { rowCount, isLast: false, bytes: this.#encoder.take() }
  }

  #encode(batch: Batch, rowCountMax: number, bytesMax: number): number {
    const from = this.#position
    const rowsThatFit = Math.max(1, Math.floor(bytesMax / this.#rowBytes))
    const bytesBefore = this.#encoder.byteCount
    const rowCount = this.#add(batch, from, Math.min(batch.rowCount - from, rowCountMax, rowsThatFit))
    this.#rowBytes = Math.max(1, (this.#encoder.byteCount - bytesBefore) / rowCount)
    this.#position += rowCount
    if (this.#position === batch.rowCount) this.#batch = undefined
    return rowCount
  }

  /** So many rows, or fewer where they are too large together. @throws AppError 'query.limit' for a row that is too large */
  #add(batch: Batch, from: number, rowCount: number): number {
    try {
      this.#encoder.add(rowsOf(batch, from, rowCount))
      return rowCount
    } catch (error) {
      if (!(error instanceof TooManyBytes)) throw error
      if (rowCount > 1) return this.#add(batch, from, Math.floor(rowCount / 2))
      throw rowTooLarge()
    }
  }

  async #next(): Promise<Batch | undefined> {
    this.#position = 0
    this.#batch = this.#isDone ? undefined : await this.#fetch()
    return this.#batch
  }
}

export function rowTooLarge(): AppError {
  return new AppError('query.limit', `A row of the result is larger than ${addedBytesMax / 2 ** 20} MiB.`, {
    hint: 'Take parts of the value, such as substring(…) or slice(…), or have its elements as rows.',
  })
}
