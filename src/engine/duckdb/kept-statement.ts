import type { EncodedRows, Rows } from '../encoded-rows.ts'
import { failureOf } from './failure.ts'
import type { KeptLookup, KeptTables } from './kept-tables.ts'
import type { Request } from './protocol.ts'
import { openShort } from './statement.ts'

type OpenRequest = Extract<Request, { op: 'open' }>

/**
 * A statement that looks rows up where they are kept. It gives all rows with the first pull or none: what is more than that,
 * or fails for reasons of this place, has given nothing yet and runs in an instance of its own instead, with its full share.
 */
export class KeptStatement {
  readonly request: OpenRequest
  readonly #lookup: KeptLookup
  readonly #rows: EncodedRows
  #isInterrupted = false
  #isClosed = false

  /** Undefined: it has to run elsewhere. */
  static async open(kept: KeptTables, request: OpenRequest): Promise<KeptStatement | undefined> {
    const lookup = await kept.open(request.statement)
    if (!lookup) return undefined
    const { encoding, columns } = request
    try {
      const rows = await openShort(lookup, { sql: lookup.sql, encoding, columns })
      return new KeptStatement(request, lookup, rows)
    } catch (error) {
      blame(lookup, error)
      lookup.close(false)
      return undefined
    }
  }

  private constructor(request: OpenRequest, lookup: KeptLookup, rows: EncodedRows) {
    this.request = request
    this.#lookup = lookup
    this.#rows = rows
  }

  /** Undefined: they are more, or did not come. @throws what is the statement's own fault, and would take as long again */
  async allRows(rowCountMax: number, bytesMax: number): Promise<Rows | undefined> {
    let isSound = false
    try {
      const rows = await this.#rows.pull(rowCountMax, bytesMax)
      isSound = rows.isLast && !this.#isInterrupted
      if (rows.isLast) return rows
      this.#lookup.refuse()
      return undefined
    } catch (error) {
      const { code } = failureOf(error, false)
      if (code === 'query.limit' || code === 'query.cancelled') throw error
      blame(this.#lookup, error)
      return undefined
    } finally {
      this.#close(isSound)
    }
  }

  interrupt(): void {
    this.#isInterrupted = true
    if (!this.#isClosed) this.#lookup.connection.interrupt()
  }

  /** Only when nothing runs. */
  close(): void {
    this.#close(false)
  }

  #close(isSound: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#lookup.close(isSound)
  }
}

function blame(lookup: KeptLookup, error: unknown): void {
  const { code } = failureOf(error, false)
  if (code === 'engine.memory') lookup.refuse()
  if (code === 'internal') lookup.forget() // After such an error an instance refuses all statements.
}
