import type { Backoff } from '#base/backoff.ts'
import type { PrincipalId, RunId, SandboxId } from '#base/ids.ts'
import type { AppError, ErrorCode } from '#base/errors.ts'
import type { Transaction } from '#metadata/metadata.ts'

/**
 * Durable work. The run row is the truth: its state, lease and fencing number decide, whoever rings. A doorbell
 * (NOTIFY) wakes workers at once; a pass every minute finds what nobody was woken for. A node that restarts takes back
 * its own leases at once. A handler may be called again for the same run at any time: it must find its own traces.
 * Runs of one (kind, subject) come one at a time, in the order they were enqueued.
 */
export interface Jobs extends AsyncDisposable {
  /** This node; the same in every life of it. */
  readonly nodeId: string
  /** Handlers are registered before `start`. */
  register(handler: JobHandler): void
  start(): Promise<void>

  /** Inserts a run; the same (kind, subject, tick) twice gives the same run. */
  enqueue(tx: Transaction, run: NewRun): Promise<RunId>

  /** Wakes the workers; call after the transaction that enqueued. */
  ring(): void

  run(runId: RunId): Promise<Run | undefined>
  runs(filter: {
    readonly kind?: string
    readonly subjectId?: string
    readonly limit?: number
  }): Promise<readonly Run[]>

  /** Lays a run aside until it is resumed; a sealed one goes on. What it has staged is done again then. */
  pause(runId: RunId, by: PrincipalId): Promise<void>
  /** Runs of a sandbox that were put off are due now. Ring after the transaction. */
  resumePutOff(tx: Transaction, kind: string, sandboxId: SandboxId): Promise<void>
  /** A run that was paused, put off or waits to be tried again is due now. */
  resume(runId: RunId): Promise<void>
  /** Runs of a subject that wait to be tried again are tried now, in a transaction. Ring after it. */
  retryNow(tx: Transaction, kind: string, subjectId: string): Promise<void>

  /** Asks a queued or running run to stop; a sealed one goes on. */
  cancel(runId: RunId, by: PrincipalId): Promise<void>

  /** Creates or replaces the schedule of a subject. */
  putSchedule(tx: Transaction, schedule: Schedule): Promise<void>
  removeSchedule(tx: Transaction, kind: string, subjectId: string): Promise<void>

  /** Resolves when the run is finished (published, failed for good or cancelled), however long it takes. */
  finished(runId: RunId, options: { readonly signal: AbortSignal }): Promise<Run>
}

export interface Retry {
  readonly failureCountMax: number
  readonly backoff: Backoff
}

export interface JobHandler {
  readonly kind: string
  /** How many of its runs this node works on at once. */
  readonly parallelRunsMax: number
  /** How many of them may be of one lane; absent: all. A lane that is stuck leaves the others a place. */
  readonly laneRunsMax?: number
  /** How often and when a run that failed is tried again; absent, or undefined: as most are. */
  retryOf?(run: Run, failure: AppError): Retry | undefined | Promise<Retry | undefined>
  run(context: RunContext): Promise<RunOutcome>
  /**
   * Called in the transaction that ends a run as failed for good or cancelled: what follows from it becomes true with it.
   * What the handler ends itself, by `finish` or `fail` of the lease, it knows.
   */
  ended?(tx: Transaction, run: Run): Promise<void>
}

export interface RunContext {
  readonly run: Run
  readonly lease: Lease
  /** Aborted when the lease is lost, the run is cancelled or the node stops. */
  readonly signal: AbortSignal
}

/** The right to work on a run. Held by one attempt at a time; the fence rises with every attempt. */
export interface Lease {
  readonly fence: number
  /** Inside a transaction: locks the run row and proves that this attempt still owns it. @throws AppError 'job.fenced' */
  assertHeld(tx: Transaction): Promise<void>
  /** Replaces the run's progress (shown to people, read back by a later attempt). Fenced. */
  saveProgress(progress: Readonly<Record<string, unknown>>): Promise<void>
  /** Marks the run as sealed: from here it is always finished, never cancelled. Inside the sealing transaction. */
  seal(tx: Transaction): Promise<void>
  /** Finishes the run inside the transaction that makes its result true. `run` then returns `'finished'`. */
  finish(tx: Transaction, result: Readonly<Record<string, unknown>>): Promise<void>
  /**
   * Puts the run off: not a failure. One that has done nothing is taken over by its schedule's next tick, one that
   * `hasBegun` is not. `run` then returns `'finished'`.
   */
  postpone(reason: string, until: Date, options?: { readonly hasBegun?: boolean }): Promise<void>
  /** Ends the run as failed for good, a sealed one too, inside the transaction. `run` then returns `'finished'`. */
  fail(tx: Transaction, error: AppError): Promise<void>
}

/** `finished`: the handler has called `lease.finish`. A thrown AppError with `retry` is tried again with back-off. */
export type RunOutcome = 'finished'

/** What decides when a run that is due is begun. */
export interface RunOrder {
  /** Runs of a higher one first; 0 when nothing is said. */
  readonly priority?: number
  /**
   * Runs of one lane are worked on so many at a time, whatever they are for and on whatever node; without `runsMax` only
   * as the handler says.
   */
  readonly lane?: { readonly name: string; readonly runsMax?: number | undefined }
}

export interface NewRun extends RunOrder {
  readonly kind: string
  /** The export, schedule or batch it works for. */
  readonly subjectId: string
  /** What makes it unique: the schedule's tick, or a text for runs by hand. */
  readonly tick: string
  readonly dueAt: Date
  /** The only node that has what the run needs: it waits for that one. Absent: any will do. */
  readonly nodeId?: string | undefined
  readonly principalId: PrincipalId
  readonly sandboxId: SandboxId
  readonly payload: Readonly<Record<string, unknown>>
}

interface RunBase {
  readonly id: RunId
  readonly kind: string
  readonly subjectId: string
  readonly tick: string
  readonly principalId: PrincipalId
  readonly sandboxId: SandboxId
  readonly payload: Readonly<Record<string, unknown>>
  readonly progress: Readonly<Record<string, unknown>>
  readonly attempt: number
  readonly createdAt: Date
  readonly updatedAt: Date
  readonly startedAt: Date | undefined
}

/** A run is exactly one of these. */
export type Run = RunBase &
  (
    | { readonly state: 'queued'; readonly dueAt: Date }
    | { readonly state: 'running' | 'sealed'; readonly leasedUntil: Date }
    | {
        readonly state: 'waiting'
        readonly retryAt: Date
        readonly code: ErrorCode
        readonly message: string
      }
    | {
        readonly state: 'succeeded'
        readonly finishedAt: Date
        readonly result: Readonly<Record<string, unknown>>
      }
    | {
        readonly state: 'failed'
        readonly finishedAt: Date
        readonly code: ErrorCode
        readonly message: string
      }
    | { readonly state: 'cancelled'; readonly finishedAt: Date; readonly by: PrincipalId }
  )

/** What one of the runs of a tick works for. */
export interface Share {
  readonly subjectId: string
  readonly payload: Readonly<Record<string, unknown>>
}

export interface Schedule extends RunOrder {
  readonly kind: string
  readonly subjectId: string
  readonly rule: ScheduleRule
  readonly principalId: PrincipalId
  readonly sandboxId: SandboxId
  readonly isEnabled: boolean
  /** Each tick makes a run for each; absent: one for the subject. */
  readonly shares?: readonly Share[]
  /** A tick whose run has not begun is taken over by the next. */
  readonly isCoalesced?: boolean
}

/**
 * Ticks are `startAt + k × every`, or each month's, on `startAt`'s day and at its time in UTC (the last day of a month
 * that has not this one), or the minutes a five-field cron expression names on the wall clocks of its time zone
 * (absent: UTC) from `startAt` on; up to and without `endAt`. Missed ticks become one run, named by the newest of them.
 * Ticks before a schedule was made are not owed, except that of `once`, and a start that has just passed: they come at
 * once.
 */
export type ScheduleRule =
  | { readonly kind: 'once'; readonly startAt: Date }
  | { readonly kind: 'every'; readonly startAt: Date; readonly everyMs: number; readonly endAt?: Date }
  | { readonly kind: 'monthly'; readonly startAt: Date; readonly endAt?: Date }
  | {
      readonly kind: 'cron'
      readonly startAt: Date
      readonly expression: string
      readonly timeZone?: string
      readonly endAt?: Date
    }
