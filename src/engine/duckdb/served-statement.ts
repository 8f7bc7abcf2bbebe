import { assert } from '#base/assert.ts'
import type { EncodedRows, Rows } from '../encoded-rows.ts'
import { copyParquet } from './copy-parquet.ts'
import { copyText } from './copy-text.ts'
import { Interrupted } from './failure.ts'
import type { Instances, Sandbox } from './instances.ts'
import type { Request } from './protocol.ts'
import { describeQuery, openStatement } from './statement.ts'
import type { TextThread } from './text-thread.ts'

type PullRequest = Extract<Request, { op: 'pull' }>
type Starting = Exclude<Request, { op: 'pull' | 'interrupt' | 'close' }>

/** An interrupt that comes between two calls into DuckDB is lost, so it is said again until the work has ended. */
const interruptEveryMs = 50

/** What the child does for one statement: one request after the other, which an interrupt ends. */
export class ServedStatement {
  readonly #instances: Instances
  readonly #texts: TextThread
  #sandbox: Sandbox | undefined
  #statement: EncodedRows | undefined
  #isInterrupted = false
  /** All its rows were given. */
  #isOver = false
  /** The rows of the next pull, or why there are none. */
  #ahead: PromiseSettledResult<Rows> | undefined
  #copiedRowCount = 0

  constructor({ instances, texts }: { readonly instances: Instances; readonly texts: TextThread }) {
    this.#instances = instances
    this.#texts = texts
  }

  /** Begins a query, or does all there is to do and says what came of it. */
  async start(request: Starting): Promise<unknown> {
    const copy = 'folder' in request ? request : undefined
    const onRows = (rowCount: number) => (this.#copiedRowCount += rowCount)
    this.#sandbox = await this.#instances.sandbox(request.statement, copy)
    const sandbox = this.#sandbox
    const { sql } = request.statement
    return await this.#untilInterrupted(async () => {
      switch (request.op) {
        case 'open': {
          const { encoding, columns } = request
          this.#statement = await openStatement(sandbox, { sql, encoding, columns })
          return null
        }
        case 'describe':
          return await describeQuery(sandbox, sql)
        case 'copy':
          return await copyParquet(sandbox, { ...request, sql, onRows })
        case 'copyText':
          return await copyText(sandbox, request, { thread: this.#texts, onRows })
      }
    })
  }

  async pull(request: PullRequest): Promise<Rows> {
    const ahead = this.#ahead
    this.#ahead = undefined
    if (ahead?.status === 'rejected') throw ahead.reason
    const rows = ahead?.value ?? (await this.#produce(request))
    assert(rows.rowCount <= request.rowCountMax, 'a pull asks for no less than the one before it')
    this.#isOver = rows.isLast
    return rows
  }

  /** Produces the rows of the next pull, which need not wait for them then. Never rejects. */
  async goOn(request: PullRequest): Promise<void> {
    const [ahead] = await Promise.allSettled([this.#produce(request)])
    this.#ahead = ahead
  }

  async #produce({ rowCountMax, bytesMax }: PullRequest): Promise<Rows> {
    const statement = this.#statement
    if (!statement) throw new Error('Broken invariant: rows are pulled from an open statement')
    return await this.#untilInterrupted(() => statement.pull(rowCountMax, bytesMax))
  }

  /** Rows that a copy has handled so far. */
  get rowCount(): number {
    return Math.max(this.#copiedRowCount, Number(this.#sandbox?.connection.progress.rows_processed ?? 0))
  }

  get isInterrupted(): boolean {
    return this.#isInterrupted
  }

  interrupt(): void {
    this.#isInterrupted = true
    this.#sandbox?.interrupt()
  }

  /** Only when nothing runs. */
  close(): void {
    this.#statement = undefined
    this.#sandbox?.close(this.#isOver && !this.#isInterrupted)
    this.#sandbox = undefined
  }

  async #untilInterrupted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isInterrupted) throw new Interrupted()
    const timer = setInterval(() => {
      if (this.#isInterrupted) this.#sandbox?.interrupt()
    }, interruptEveryMs)
    try {
      return await work()
    } finally {
      clearInterval(timer)
    }
  }
}
