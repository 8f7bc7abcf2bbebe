import { AppError } from '#base/errors.ts'
import type { Encoding } from '#encode/encoding.ts'
import type { Chunk, InTurn, Pull, PullLimit } from '#engine/engine.ts'
import type { FileLease } from '#objects/file-cache.ts'
import type { RowLimit } from '#sql/limit.ts'
import { engineOf } from './choose-engine.ts'
import type { PlannedQuery } from './plan-query.ts'
import { orMissing } from './unless-removed.ts'
import type { ResultRows } from '../results.ts'
import type { Scope } from '../scope.ts'
import { staticRows } from '../static-rows.ts'
import { stoppable } from './stop-signal.ts'
import { TimeBudget } from './time-budget.ts'

/** How a result is cut: rows beyond `rowCountMax` are not given, and a notice says so. */
export interface RowCap {
  readonly rowCountMax: number
}

/** End of an Arrow IPC stream, which the engine writes only after the last row. */
const arrowEnd = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])

/** Begins a query in the engine, if it needs one, once its files are there. Rows come only when pulled. */
export async function openRows(
  scope: Scope,
  planned: PlannedQuery,
  { encoding, cap }: { readonly encoding: Encoding; readonly cap: RowCap | undefined },
): Promise<ResultRows> {
  const { columns, constants, lookups } = planned
  if (constants) return staticRows(columns, [constants.map(({ value }) => value)], encoding)
  const { lake } = scope.services
  const engine = engineOf(scope.services, planned.engine)
  const running = runningStatement(scope)
  const { signal } = running
  using opening = new DisposableStack()
  const leased = () => running.wait(() => lake.lease(planned.files, { signal }))
  const lease = opening.use(await leased())
  const open = () =>
    engine.open(
      {
        sql: planned.sql,
        files: lease.paths,
        tables: planned.tables,
        pool: scope.pool,
        ...(lookups ? { lookups } : {}),
      },
      {
        encoding,
        columns,
        // One more tells whether anything was cut.
        ...(cap ? { rowCountMax: cap.rowCountMax + 1 } : {}),
        inTurn: running.inTurn,
        signal,
      },
    )
  const pull = await orMissing(() => running.wait(open), leased)
  opening.move()
  return new EngineRows({ scope, running, pull, lease, encoding, cap })
}

/** What counts a statement's time and takes its turns among the principal's statements. */
export interface RunningStatement {
  readonly signal: AbortSignal
  /** Counts the time alone. Files are waited for so: what has them may need a place to go on. */
  wait<T>(work: () => Promise<T>): Promise<T>
  /** Takes a place alone. */
  readonly inTurn: InTurn
  /** Both. */
  spend<T>(work: () => Promise<T>): Promise<T>
}

/** Scheduled statements have neither limit; those of sessions that store rows have the time of a query in the background. */
export function runningStatement(scope: Scope, { stores = false } = {}): RunningStatement {
  if (scope.pool === 'batch') {
    const { signal } = scope
    const wait: RunningStatement['wait'] = (work) => stoppable(signal, work)
    return { signal, wait, inTurn: wait, spend: wait }
  }
  const ownMs = Number(scope.properties.get('statement_timeout'))
  const setting = stores ? 'batchTimeoutMs' : 'statementTimeoutMs'
  const limitMs = scope.services.limits[setting]
  const budget = new TimeBudget(ownMs > 0 ? Math.min(ownMs, limitMs) : limitMs, `limits.${setting}`)
  const signal = AbortSignal.any([scope.signal, budget.signal])
  const wait: RunningStatement['wait'] = (work) => budget.spend(() => stoppable(signal, work))
  const inTurn: RunningStatement['inTurn'] = async (work) => {
    using _place = await scope.gate.enter(scope.caller.principal.id, signal)
    return await work()
  }
  return { signal, wait, inTurn, spend: (work) => wait(() => inTurn(work)) }
}

class EngineRows implements ResultRows {
  readonly #scope: Scope
  readonly #running: RunningStatement
  readonly #pull: Pull
  readonly #lease: FileLease
  readonly #encoding: Encoding
  readonly #cap: RowCap | undefined
  #rowCount = 0

  constructor(options: {
    readonly scope: Scope
    readonly running: RunningStatement
    readonly pull: Pull
    readonly lease: FileLease
    readonly encoding: Encoding
    readonly cap: RowCap | undefined
  }) {
    this.#scope = options.scope
    this.#running = options.running
    this.#pull = options.pull
    this.#lease = options.lease
    this.#encoding = options.encoding
    this.#cap = options.cap
  }

  async pull({ rowCountMax, bytesMax, goesOn = false }: PullLimit): Promise<Chunk> {
    const left = (this.#cap?.rowCountMax ?? Number.POSITIVE_INFINITY) - this.#rowCount
    const limit = {
      rowCountMax: Math.min(rowCountMax, left),
      bytesMax,
      goesOn: goesOn && 2 * rowCountMax <= left,
    }
    const chunk = await this.#running.spend(() => this.#pull.pull(limit))
    this.#rowCount += chunk.rowCount
    if (chunk.state === 'done') this.#lease[Symbol.dispose]()
    if (chunk.state === 'done' || !this.#cap || this.#rowCount < this.#cap.rowCountMax) return chunk
    return await this.#cut(chunk, this.#cap)
  }

  /** The cap is reached. Only when there is another row is anything lost and worth a notice. */
  async #cut(chunk: Chunk, cap: RowCap): Promise<Chunk> {
    const next = await this.#running.spend(() => this.#pull.pull({ rowCountMax: 1, bytesMax: 1 }))
    if (next.rowCount === 0) {
      const bytes = Buffer.concat([chunk.bytes, next.bytes])
      return { bytes, rowCount: chunk.rowCount, state: 'done' }
    }
    this.#scope.notice(
      `Only the first ${cap.rowCountMax} rows are shown. Say LIMIT n for up to ${this.#scope.services.limits.rowsMax}, or LIMIT 0 for all.`,
    )
    const bytes = this.#encoding.kind === 'arrow' ? Buffer.concat([chunk.bytes, arrowEnd]) : chunk.bytes
    return { bytes, rowCount: chunk.rowCount, state: 'done' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    using _lease = this.#lease // Held until the engine has let go.
    await this.#pull[Symbol.asyncDispose]()
  }
}

/** @throws AppError 'query.limit' */
export function checkLimit(scope: Scope, { rowCount, at }: Extract<RowLimit, { kind: 'rows' }>): void {
  const { rowsMax } = scope.services.limits
  if (rowCount <= rowsMax) return
  throw new AppError('query.limit', `LIMIT may be at most ${rowsMax}, ${rowCount} came.`, {
    position: at,
    hint: 'Say LIMIT 0 to get all rows.',
  })
}
