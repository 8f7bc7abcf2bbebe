import { AppError } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Chunk, Pull } from '#engine/engine.ts'
import type { ResultRows } from './query.ts'
import type { PlannedQuery } from './plan-query.ts'
import type { Scope } from './scope.ts'
import { stoppable } from './stop-signal.ts'
import { TimeBudget } from './time-budget.ts'

/** How a result is cut: rows beyond `rowCountMax` are not given, and a notice says so. */
export interface RowCap {
  readonly rowCountMax: number
}

/** End of an Arrow IPC stream, which the engine writes only after the last row. */
const arrowEnd = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/** Begins a query in the engine. Rows come only when pulled. */
export async function openRows(
  scope: Scope,
  planned: PlannedQuery,
  { encoding, cap }: { readonly encoding: Encoding; readonly cap: RowCap | undefined },
): Promise<ResultRows> {
  const { engine } = scope.services
  const running = runningStatement(scope)
  const pull = await running.spend(() =>
    engine.open(
      { sql: planned.sql, files: planned.files, pool: scope.pool },
      { encoding, columns: planned.columns, signal: running.signal },
    ),
  )
  return new EngineRows({ scope, running, pull, encoding, cap })
}

/** What counts a statement's time and takes its turns among the principal's statements. */
export interface RunningStatement {
  readonly signal: AbortSignal
  spend<T>(work: () => Promise<T>): Promise<T>
}

/** Scheduled statements have neither limit. */
export function runningStatement(scope: Scope): RunningStatement {
  if (scope.pool === 'batch') {
    return { signal: scope.signal, spend: (work) => stoppable(scope.signal, work) }
  }
  const ownMs = Number(scope.properties.get('statement_timeout'))
  const { statementTimeoutMs } = scope.services.limits
  const budget = new TimeBudget(ownMs > 0 ? Math.min(ownMs, statementTimeoutMs) : statementTimeoutMs)
  const signal = AbortSignal.any([scope.signal, budget.signal])
  return {
    signal,
    spend: (work) =>
      budget.spend(() =>
        stoppable(signal, async () => {
          using _place = await scope.gate.enter(scope.caller.principal.id, signal)
          return await work()
        }),
      ),
  }
}

class EngineRows implements ResultRows {
  readonly #scope: Scope
  readonly #running: RunningStatement
  readonly #pull: Pull
  readonly #encoding: Encoding
  readonly #cap: RowCap | undefined
  #rowCount = 0

  constructor(options: {
    readonly scope: Scope
    readonly running: RunningStatement
    readonly pull: Pull
    readonly encoding: Encoding
    readonly cap: RowCap | undefined
  }) {
    this.#scope = options.scope
    this.#running = options.running
    this.#pull = options.pull
    this.#encoding = options.encoding
    this.#cap = options.cap
  }

  async pull({
    rowCountMax,
    bytesMax,
  }: {
    readonly rowCountMax: number
    readonly bytesMax: number
  }): Promise<Chunk> {
    const left = (this.#cap?.rowCountMax ?? Number.POSITIVE_INFINITY) - this.#rowCount
    const limit = { rowCountMax: Math.min(rowCountMax, left), bytesMax }
    const chunk = await this.#running.spend(() => this.#pull.pull(limit))
    this.#rowCount += chunk.rowCount
    if (chunk.state === 'done' || !this.#cap || this.#rowCount < this.#cap.rowCountMax) return chunk
    return await this.#cut(chunk, this.#cap)
  }

  /** The cap is reached. Only when there is another row is anything lost and worth a notice. */
  async #cut(chunk: Chunk, cap: RowCap): Promise<Chunk> {
    const next = await this.#running.spend(() => this.#pull.pull({ rowCountMax: 1, bytesMax: 1 }))
    if (next.rowCount === 0) {
      return { ...chunk, bytes: Buffer.concat([chunk.bytes, next.bytes]), state: 'done' }
    }
    this.#scope.notice(
      `Only the first ${cap.rowCountMax} rows are shown. Say LIMIT n for up to ${this.#scope.services.limits.rowsMax}, or LIMIT 0 for all.`,
    )
    const bytes = this.#encoding.kind === 'arrow' ? Buffer.concat([chunk.bytes, arrowEnd]) : chunk.bytes
    return { bytes, rowCount: chunk.rowCount, state: 'done' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pull[Symbol.asyncDispose]()
  }
}

/** @throws AppError 'query.limit' */
export function checkLimit(scope: Scope, rowCount: number): void {
  const { rowsMax } = scope.services.limits
  if (rowCount <= rowsMax) return
  throw new AppError('query.limit', `LIMIT may be at most ${rowsMax}, ${rowCount} came.`, {
    hint: 'Say LIMIT 0 to get all rows.',
  })
}
