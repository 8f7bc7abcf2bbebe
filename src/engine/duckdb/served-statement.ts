import { assert } from '#base/assert.ts'
import type { EncodedRows, Rows } from '../encoded-rows.ts'
import { copyParquet } from './copy-parquet.ts'
import { copyText } from './copy-text.ts'
import { Interrupted } from './failure.ts'
import type { Instances, Sandbox } from './instances.ts'
import { KeptStatement } from './kept-statement.ts'
import type { KeptTables } from './kept-tables.ts'
import type { Request } from './protocol.ts'
import { describeQuery, openStatement } from './statement.ts'
import type { TextThread } from './text-thread.ts'

type PullRequest = Extract<Request, { op: 'pull' }>
type OpenRequest = Extract<Request, { op: 'open' }>
type Starting = Exclude<Request, { op: 'pull' | 'interrupt' | 'close' }>

/** An interrupt that comes between two calls into DuckDB is lost, so it is said again until the work has ended. */
const interruptEveryMs = 50

/** What the child does for one statement: one request after the other, which an interrupt ends. */
export class ServedStatement {
  readonly #instances: Instances
  readonly #kept: KeptTables
  readonly #texts: TextThread
  /** Where its rows are kept: until they are all there, or it turns out that it runs elsewhere. */
  #keptStatement: KeptStatement | undefined
  #sandbox: Sandbox | undefined
  #statement: EncodedRows | undefined
  #isInterrupted = false
  /** All its rows were given, or none were asked for. */
  #isOver = false
  /** The rows of the next pull, or why there are none. */
  #ahead: PromiseSettledResult<Rows> | undefined
  #copiedRowCount = 0

  constructor({
    instances,
    kept,
    texts,
  }: {
    readonly instances: Instances
    readonly kept: KeptTables
    readonly texts: TextThread
  }) {
    this.#instances = instances
    this.#kept = kept
    this.#texts = texts
  }

  /** Begins a query, or does all there is to do and says what came of it. */
  async start(request: Starting): Promise<unknown> {
    if (request.op === 'open') return await this.#open(request)
    const copy = 'folder' in request ? request : undefined
    const onRows = (rowCount: number) => (this.#copiedRowCount += rowCount)
    this.#sandbox = await this.#instances.sandbox(request.statement, copy)
    const sandbox = this.#sandbox
    const { sql } = request.statement
    return await this.#untilInterrupted(async () => {
      switch (request.op) {
        case 'describe': {
          const columns = await describeQuery(sandbox, sql)
          this.#isOver = true // What asks for the rows of the same files finds their footers read.
          return columns
        }
        case 'copy':
          return await copyParquet(sandbox, { ...request, sql, onRows })
        case 'copyText':
          return await copyText(sandbox, request, { thread: this.#texts, onRows })
      }
    })
  }

  async #open(request: OpenRequest): Promise<null> {
    this.#keptStatement = await KeptStatement.open(this.#kept, request)
    if (!this.#keptStatement) await this.#openOwn(request)
    return null
  }

  /** In an instance of its own, which reads the files. */
  async #openOwn({ statement, encoding, columns }: OpenRequest): Promise<void> {
    const sandbox = await this.#instances.sandbox(statement)
    this.#sandbox = sandbox
    this.#statement = await this.#untilInterrupted(() =>
      openStatement(sandbox, { sql: statement.sql, encoding, columns }),
    )
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
    const kept = this.#keptStatement
    if (kept) {
      const rows = await this.#untilInterrupted(() => kept.allRows(rowCountMax, bytesMax))
      this.#keptStatement = undefined
      if (rows) return rows
      await this.#openOwn(kept.request)
    }
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
    this.#interruptWork()
  }

  /** Only when nothing runs. */
  close(): void {
    this.#statement = undefined
    this.#keptStatement?.close()
    this.#keptStatement = undefined
    this.#sandbox?.close(this.#isOver && !this.#isInterrupted)
    this.#sandbox = undefined
  }

  #interruptWork(): void {
    this.#keptStatement?.interrupt()
    this.#sandbox?.interrupt()
  }

  async #untilInterrupted<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isInterrupted) throw new Interrupted()
    const timer = setInterval(() => {
      if (this.#isInterrupted) this.#interruptWork()
    }, interruptEveryMs)
    try {
      return await work()
    } finally {
      clearInterval(timer)
    }
  }
}
