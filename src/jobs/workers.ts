import type { Clock } from '#base/clock.ts'
import type { RunId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { codeOf } from '#base/system-error.ts'
import { claimRun, endOrphanedLeases, renewLease, type RunRow, selectNextMoment } from '#metadata/jobs.ts'
import { selectHomeState } from '#metadata/home-state.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { Attempt } from './attempt.ts'
import type { JobHandler } from './jobs.ts'
import { enqueueDueTicks } from './ticks.ts'

export interface WorkersOptions {
  readonly metadata: Metadata
  readonly clock: Clock
  readonly logger: Logger
  readonly nodeId: string
  readonly incarnation: string
  readonly passMs: number
  readonly leaseMs: number
  readonly handlers: ReadonlyMap<string, JobHandler>
}

/** Wait after a pass that failed. */
const failedPassMs = 1_000

/**
 * This node's share of the work: looks (when rung, when the next moment has come, at the latest after a pass), claims
 * what it has hands for, works.
 */
export class Workers implements AsyncDisposable {
  readonly #options: WorkersOptions
  readonly #attempts = new Map<Attempt, Promise<void>>()
  #isStopped = false
  #isRung = false
  /** After a claim or an attempt whose outcome was not heard: a lease may be ours without our knowing. */
  #isUnsure = false
  #sleeping: AbortController | undefined
  #loop: Promise<void> | undefined
  #epoch = 0

  constructor(options: WorkersOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { metadata, clock } = this.#options
    this.#epoch = (await selectHomeState(metadata.db)).epoch
    await this.#endOrphanedLeases(clock.now())
    this.#loop ??= this.#look()
  }

  wake(): void {
    this.#isRung = true
    this.#sleeping?.abort()
  }

  stop(runId: RunId, reason: 'cancelled' | 'paused'): void {
    for (const attempt of this.#attempts.keys()) if (attempt.runId === runId) attempt.stop(reason)
  }

  async #look(): Promise<void> {
    const { clock, logger } = this.#options
    while (!this.#isStopped) {
      this.#isRung = false
      const sleepMs = await this.#pass().catch((error: unknown) => {
        logger.log('warn', 'job.pass.failed', { error })
        this.#isUnsure = true
        return failedPassMs
      })
      if (this.#isRung || this.#isStopped || sleepMs <= 0) continue
      this.#sleeping = new AbortController()
      await clock.sleep(sleepMs, this.#sleeping.signal).catch(() => {}) // Woken.
      this.#sleeping = undefined
    }
  }

  /** How long nothing will be to do. */
  async #pass(): Promise<number> {
    const { metadata, clock, logger, nodeId, passMs, handlers } = this.#options
    const kinds = [...handlers.keys()]
    // What becomes due while we look is due at once afterwards, not overlooked.
    const lookedAt = clock.now()
    let sleepMsMin = 0
    if (this.#isUnsure) {
      this.#isUnsure = false // Before: an attempt may end unheard while we ask. A pass that fails sets it again.
      // Not at once: what can't be recorded would be begun again and again.
      await this.#endOrphanedLeases(new Date(lookedAt.getTime() + failedPassMs))
    }
    await enqueueDueTicks({ metadata, clock, logger, kinds }).catch((error: unknown) => {
      // Runs that are there go on; the next pass tries the schedules again.
      logger.log('error', 'job.schedules.failed', { error })
      sleepMsMin = failedPassMs
    })
    while (!this.#isStopped) {
      const row = await this.#claim()
      if (!row) break
      this.#begin(row)
    }
    // Of kinds whose hands are all full nothing can be begun: the end of an attempt wakes us.
    const next = await selectNextMoment(metadata.db, { kinds, node: nodeId, after: lookedAt })
    return next ? Math.max(sleepMsMin, Math.min(passMs, next.getTime() - clock.now().getTime())) : passMs
  }

  async #endOrphanedLeases(until: Date): Promise<void> {
    const { metadata, nodeId, logger } = this.#options
    const workedOn = [...this.#attempts.keys()].map((attempt) => attempt.runId)
    const count = await endOrphanedLeases(metadata.db, { id: nodeId, workedOn, until })
    if (count > 0) logger.log('info', 'job.reclaimed', { runCount: count })
  }

  async #claim(): Promise<RunRow | undefined> {
    const { metadata, clock, nodeId, incarnation, leaseMs, handlers } = this.#options
    const kinds = [...handlers.values()]
      .filter((handler) => this.#countOf(handler.kind) < handler.parallelRunsMax)
      .map((handler) => handler.kind)
    if (kinds.length === 0) return undefined
    const now = clock.now()
    const leasedUntil = new Date(now.getTime() + leaseMs)
    try {
      const row = await claimRun(metadata.db, {
        kinds,
        fullLanes: this.#fullLanes(),
        node: nodeId,
        incarnation,
        now,
        leasedUntil,
        epoch: this.#epoch,
      })
      return row && leasedUntil <= clock.now() ? await this.#leasedAnew(row) : row
    } catch (error) {
      if (!isUniqueViolation(error)) throw error
      this.#isRung = true // Another run of that subject was claimed in the same moment: look again.
      return undefined
    }
  }

  /** Where time moved on by more than a lease while we asked, the next pass would take the run for one that is given up. */
  async #leasedAnew(row: RunRow): Promise<RunRow | undefined> {
    const { metadata, clock, leaseMs } = this.#options
    const until = new Date(clock.now().getTime() + leaseMs)
    const isOurs = await renewLease(metadata.db, { runId: row.id, fence: row.fence }, until)
    return isOurs && { ...row, leased_until: until }
  }

  #fullLanes() {
    return [...this.#options.handlers.values()].flatMap(({ kind, laneRunsMax }) => {
      if (laneRunsMax === undefined) return []
      const lanes = [...this.#attempts.keys()].flatMap((one) =>
        one.kind === kind && one.lane !== null ? [one.lane] : [],
      )
      return [...Map.groupBy(lanes, (lane) => lane)]
        .filter(([, { length }]) => length >= laneRunsMax)
        .map(([lane]) => ({ kind, lane }))
    })
  }

  #countOf(kind: string): number {
    return [...this.#attempts.keys()].filter((attempt) => attempt.kind === kind).length
  }

  #begin(row: RunRow): void {
    const handler = this.#options.handlers.get(row.kind)
    if (!handler) return
    const attempt = new Attempt(row, handler, this.#options)
    const work = async () => {
      if ((await attempt.run()) === 'unrecorded') this.#isUnsure = true
      this.#attempts.delete(attempt)
      this.wake()
    }
    this.#attempts.set(attempt, work())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true
    this.wake()
    await this.#loop
    for (const attempt of this.#attempts.keys()) attempt.stop('stopping')
    await Promise.all(this.#attempts.values())
  }
}

function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === '23505'
}
