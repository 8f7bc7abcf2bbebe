import { stat } from 'node:fs/promises'
import { Unreadable } from '../records.ts'
import type { Looked } from '../source-text.ts'
import type { TableSchema } from '../table-schema.ts'
import { formDigest, PlainCount } from './plain-count.ts'
import { headIn } from './plain-file.ts'
import { csvForm, jsonForm, type PlainForm } from './plain-form.ts'

/** As much of a file as says its form; smaller ones are read again in no time. */
const headBytes = 256 * 1024
/** Files that wait for their loads; of those that came before, loads look again. */
const lookedMax = 10_000

/** What was seen of texts while they came, so that their loads need not read them for it. Lost with the process. */
export class PlainLooks {
  readonly #looked = new Map<string, Looked>()

  /** @param path of the file that has what was looked at, and is complete */
  async keep(path: string, look: PlainLook): Promise<void> {
    const seen = look.seen()
    if (!seen) return
    const looked = { ...seen, modifiedAtMs: (await stat(path)).mtimeMs }
    const [oldest] = this.#looked.keys()
    if (oldest !== undefined && this.#looked.size >= lookedMax) this.#looked.delete(oldest)
    this.#looked.set(path, looked)
  }

  of(path: string): Looked | undefined {
    return this.#looked.get(path)
  }
}

type Table = Pick<TableSchema, 'columns' | 'required'>

/** Looks at one text on its way. */
export class PlainLook {
  readonly #formOf: (head: string) => PlainForm | undefined
  #seen: { readonly form: PlainForm; readonly count: PlainCount } | undefined
  #byteCount = 0

  constructor(format: 'json' | 'csv', table: Table) {
    const anyTable = { ...table, constraints: [] }
    this.#formOf = (head) => (format === 'json' ? jsonForm(head, anyTable) : csvForm(head, anyTable))
  }

  /** The same bytes, each piece looked at before it is given on. */
  async *through(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const head = Buffer.allocUnsafe(headBytes)
    for await (const piece of bytes) {
      const inHead = Math.min(piece.byteLength, headBytes - Math.min(headBytes, this.#byteCount))
      if (inHead > 0) head.set(piece.subarray(0, inHead), this.#byteCount)
      this.#byteCount += piece.byteLength
      if (inHead > 0 && this.#byteCount >= headBytes) await this.#begin(head)
      this.#seen?.count.push(piece.subarray(inHead))
      yield piece
    }
  }

  /** After the last piece. Undefined: nothing was to be seen. */
  seen(): Omit<Looked, 'modifiedAtMs'> | undefined {
    if (!this.#seen) return undefined
    const { form, count } = this.#seen
    return { form: formDigest(form), bytes: this.#byteCount, count: count.end() }
  }

  async #begin(head: Buffer): Promise<void> {
    try {
      const form = this.#formOf(await headIn(once(head)))
      if (!form) return
      this.#seen = { form, count: new PlainCount(form) }
      this.#seen.count.push(head)
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error // The load will say so.
    }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
