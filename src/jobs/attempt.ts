import { backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { AppError, toAppError } from '#base/errors.ts'
import type { RunId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import {
  lockRun,
  notifyJobs,
  renewLease,
  type RunRow,
  updateCancelledRun,
  updateHeldRun,
  updatePausedRun,
  updateResumedRun,
} from '#metadata/jobs.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { JobHandler, Retry } from './jobs.ts'
import { fenced, leaseOf } from './lease.ts'
import { runOfRow } from './run-of-row.ts'

/** Failures after which an unsealed run is given up, and the waits before. */
const usualRetry: Retry = {
  failureCountMax: 8,
  backoff: { firstMs: 1_000, maxMs: 300_000, jitter: 0.5 },
}

type StopReason = 'lost' | 'cancelled' | 'paused' | 'stopping'

export interface AttemptOptions {
  readonly metadata: Metadata
  readonly clock: Clock
  readonly logger: Logger
  readonly leaseMs: number
}

/** One attempt at a run: calls the handler, keeps the lease alive beside it, and records how it ended. */
export class Attempt {
  readonly runId: RunId
  readonly kind: string
  readonly lane: string | null
  readonly #row: RunRow
  readonly #handler: JobHandler
  readonly #options: AttemptOptions
  readonly #stop = new AbortController()
  #stopReason: StopReason | undefined

  constructor(row: RunRow, handler: JobHandler, options: AttemptOptions) {
    this.runId = row.id
    this.kind = row.kind
    this.lane = row.lane
    this.#row = row
    this.#handler = handler
    this.#options = options
  }

  /** Never rejects. 'unrecorded': the run's row may still say that it is worked on. */
  async run(): Promise<'recorded' | 'unrecorded'> {
    const { logger } = this.#options
    const fields = { runId: this.runId, kind: this.kind, attempt: this.#row.fence }
    try {
      if (this.#row.cancel_requested_by !== null && !this.#row.is_sealed) {
        await this.#recordCancelled()
        return 'recorded'
      }
      if (this.#row.pause_requested_by !== null && !this.#row.is_sealed) {
        await this.#recordPaused()
        return 'recorded'
      }
      logger.log('debug', 'job.started', fields)
      await this.#work()
      logger.log('debug', 'job.finished', fields)
      return 'recorded'
    } catch (error) {
      try {
        await this.#recordFailure(error)
        return 'recorded'
      } catch (recordError) {
        logger.log('error', 'job.unrecorded', { ...fields, error, recordError })
        return 'unrecorded'
      }
    }
  }

  stop(reason: StopReason): void {
    if (this.#stopReason !== undefined) return
    this.#stopReason = reason
    this.#stop.abort(
      reason === 'lost'
        ? fenced(this.#row.fence)
        : reason === 'paused'
          ? new AppError('job.paused', 'The run was paused.')
          : new AppError('job.cancelled', reason === 'stopping' ? 'Sluice stops.' : 'The run was cancelled.'),
    )
  }

  async #work(): Promise<void> {
    const renewing = new AbortController()
    const renewal = this.#keepLease(renewing.signal)
    try {
      const lease = leaseOf(this.#row, this.#options)
      await this.#handler.run({ run: runOfRow(this.#row), lease, signal: this.#stop.signal })
    } finally {
      renewing.abort()
      await renewal
    }
  }

  /** Renews three times in the span of a lease; one that can't be renewed until its end is lost. */
  async #keepLease(signal: AbortSignal): Promise<void> {
    const { clock, metadata, leaseMs, logger } = this.#options
    let leasedUntil = this.#row.leased_until ?? clock.now()
    while (!signal.aborted) {
      try {
        await clock.sleep(leaseMs / 3, signal)
      } catch {
        return // The work is over.
      }
      const next = new Date(clock.now().getTime() + leaseMs)
      try {
        const renewed = await renewLease(metadata.db, { runId: this.runId, fence: this.#row.fence }, next)
        if (!renewed) {
          // The handler may have finished the run a moment ago: then nobody looks at the signal any more.
          this.stop('lost')
          return
        }
        leasedUntil = next
        if (renewed.is_sealed) continue
        if (renewed.cancel_requested_by !== null) this.stop('cancelled')
        else if (renewed.pause_requested_by !== null) this.stop('paused')
      } catch (error) {
        logger.log('warn', 'job.lease.unrenewed', { runId: this.runId, error })
        if (clock.now() >= leasedUntil) {
          this.stop('lost')
          return
        }
      }
    }
  }

  async #recordFailure(error: unknown): Promise<void> {
    const { metadata, clock, logger } = this.#options
    const fields = { runId: this.runId, kind: this.kind, attempt: this.#row.fence }
    const holder = { runId: this.runId, fence: this.#row.fence }
    if (this.#stopReason === 'cancelled' || (error instanceof AppError && error.code === 'job.cancelled')) {
      if (this.#stopReason !== 'stopping') return await this.#recordCancelled()
    }
    if (this.#stopReason === 'paused' || (error instanceof AppError && error.code === 'job.paused'))
      return await this.#recordPaused()
    if (this.#stopReason === 'stopping') {
      await updateHeldRun(metadata.db, holder, { leased_until: clock.now() })
      return
    }
    if (this.#stopReason === 'lost') {
      logger.log('warn', 'job.lease.lost', fields)
      return
    }
    const current = await lockedOrNot(metadata, this.runId)
    if (!current || current.fence !== this.#row.fence) {
      logger.log('warn', 'job.lease.lost', fields)
      return
    }
    const failure = toAppError(error)
    const retry = await this.#handler.retryOf?.(runOfRow(current), failure)
    const { failureCountMax, backoff } = retry ?? usualRetry
    const failureCount = current.failure_count + 1
    const isRetried =
      current.is_sealed ||
      (failureCount < failureCountMax && (failure.meaning.retry || failure.code === 'internal'))
    const now = clock.now()
    const change = {
      failure_count: failureCount,
      code: failure.code,
      message: failure.message,
      updated_at: now,
    }
    logger.log(isRetried ? 'warn' : 'error', isRetried ? 'job.retried' : 'job.failed', {
      ...fields,
      failureCount,
      error,
    })
    if (isRetried) {
      const retryAt = new Date(now.getTime() + backoffMs(backoff, failureCount))
      await updateHeldRun(metadata.db, holder, {
        ...change,
        state: 'waiting',
        due_at: retryAt,
        leased_until: null,
      })
      return
    }
    await metadata.transaction(async (tx) => {
      if (
        !(await updateHeldRun(tx, holder, {
          ...change,
          state: 'failed',
          leased_until: null,
          finished_at: now,
        }))
      )
        return
      await this.#tellEnd(tx)
      await notifyJobs(tx, `done:${this.runId}`)
    })
  }

  async #recordPaused(): Promise<void> {
    const { metadata, clock } = this.#options
    await metadata.transaction(async (tx) => {
      const row = await lockRun(tx, this.runId)
      if (!row || row.fence !== this.#row.fence || row.state !== 'running') return
      // Resumed before we had stopped: it is due again.
      const by = row.pause_requested_by ?? row.principal_id
      await updatePausedRun(tx, this.runId, { by, now: clock.now(), isAside: true })
      if (row.pause_requested_by === null) await updateResumedRun(tx, this.runId, clock.now())
    })
  }

  /** The row as it is now decides: a run that was sealed or taken over meanwhile is left alone. */
  async #recordCancelled(): Promise<void> {
    const { metadata, clock } = this.#options
    await metadata.transaction(async (tx) => {
      const row = await lockRun(tx, this.runId)
      if (!row || row.fence !== this.#row.fence || row.state !== 'running') return
      const by = row.cancel_requested_by ?? row.principal_id
      await updateCancelledRun(tx, this.runId, { by, now: clock.now(), isOver: true })
      await this.#tellEnd(tx)
      await notifyJobs(tx, `done:${this.runId}`)
    })
  }

  async #tellEnd(tx: Transaction): Promise<void> {
    const row = this.#handler.ended && (await lockRun(tx, this.runId))
    if (row) await this.#handler.ended?.(tx, runOfRow(row))
  }
}

async function lockedOrNot(metadata: Metadata, runId: RunId): Promise<RunRow | undefined> {
  return await metadata.transaction((tx) => lockRun(tx, runId))
}
