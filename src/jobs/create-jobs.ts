import { assert } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import { newUuidId, type PrincipalId, type RunId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import { untilAborted } from '#base/until-aborted.ts'
import {
  deleteSchedule,
  hasEnded,
  insertRun,
  jobsChannel,
  lockRun,
  notifyJobs,
  selectRun,
  selectRuns,
  updateCancelledRun,
  updatePausedRun,
  updatePutOff,
  updateRetries,
  updateResumedRun,
} from '#metadata/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { JobHandler, Jobs, Run } from './jobs.ts'
import { runOfRow } from './run-of-row.ts'
import { orderColumns, putSchedule } from './ticks.ts'
import { Workers } from './workers.ts'

/** Runs one answer lists at most. */
const runsMax = 1_000

export interface JobsOptions {
  readonly metadata: Metadata
  readonly clock: Clock
  /** The same in every life of this node. */
  readonly nodeId: string
  /** Another in every life of it. */
  readonly incarnation: string
  readonly logger: Logger
  /** How often to look for runs nobody was woken for. */
  readonly passMs?: number
  /** How long a node that died keeps its runs from others. */
  readonly leaseMs?: number
}

export function createJobs(options: JobsOptions): Jobs {
  const { metadata, clock } = options
  const handlers = new Map<string, JobHandler>()
  const watchers = new Set<(runId: RunId | undefined) => void>()
  const workers = new Workers({
    ...options,
    passMs: options.passMs ?? 60_000,
    leaseMs: options.leaseMs ?? 30_000,
    handlers,
  })
  let listening: AsyncDisposable | undefined

  function heard(payload: string): void {
    const [word, id] = payload.split(':', 2) as [string, RunId | undefined]
    if (word === 'cancel' && id !== undefined) workers.stop(id, 'cancelled')
    else if (word === 'pause' && id !== undefined) workers.stop(id, 'paused')
    else workers.wake()
    // An empty payload comes after a reconnect: whatever was notified meanwhile is lost, so everybody looks.
    if (word === 'done' || word === '') for (const watcher of watchers) watcher(id)
  }

  async function run(runId: RunId): Promise<Run | undefined> {
    const row = await selectRun(metadata.db, runId)
    return row && runOfRow(row)
  }

  /** Calls back when the run may have finished; nobody needs to have started for it. */
  async function watch(onMaybe: (runId: RunId | undefined) => void): Promise<AsyncDisposable> {
    listening ??= await metadata.listen(jobsChannel, heard)
    watchers.add(onMaybe)
    return { [Symbol.asyncDispose]: async () => void watchers.delete(onMaybe) }
  }

  async function cancel(runId: RunId, by: PrincipalId): Promise<void> {
    await metadata.transaction(async (tx) => {
      const row = await lockRun(tx, runId)
      if (!row || row.is_sealed || hasEnded(row)) return
      const isOver = row.state === 'queued' || row.state === 'waiting'
      await updateCancelledRun(tx, runId, { by, now: clock.now(), isOver })
      const handler = isOver ? handlers.get(row.kind) : undefined
      const over = handler?.ended && (await lockRun(tx, runId))
      if (over) await handler.ended?.(tx, runOfRow(over))
      await notifyJobs(tx, `${isOver ? 'done' : 'cancel'}:${runId}`)
    })
  }

  async function pause(runId: RunId, by: PrincipalId): Promise<void> {
    await metadata.transaction(async (tx) => {
      const row = await lockRun(tx, runId)
      if (!row || row.is_sealed || hasEnded(row)) return
      const isAside = row.state === 'queued' || row.state === 'waiting'
      await updatePausedRun(tx, runId, { by, now: clock.now(), isAside })
      if (!isAside) await notifyJobs(tx, `pause:${runId}`)
    })
  }

  async function resume(runId: RunId): Promise<void> {
    await metadata.transaction(async (tx) => {
      if (!(await lockRun(tx, runId))) return
      await updateResumedRun(tx, runId, clock.now())
      await notifyJobs(tx, 'ring')
    })
  }

  async function finished(runId: RunId, { signal }: { readonly signal: AbortSignal }): Promise<Run> {
    let isHeard = Promise.withResolvers<void>()
    await using _watching = await watch((id) => {
      if (id === undefined || id === runId) isHeard.resolve()
    })
    for (;;) {
      signal.throwIfAborted()
      isHeard = Promise.withResolvers<void>()
      const current = await run(runId)
      assert(current, `run ${runId} is waited for and does not exist`)
      if (hasEnded(current)) return current
      await untilAborted(isHeard.promise, signal)
    }
  }

  return {
    nodeId: options.nodeId,
    register: (handler) => {
      assert(!handlers.has(handler.kind), `two handlers of ${handler.kind}`)
      handlers.set(handler.kind, handler)
    },
    start: async () => {
      listening ??= await metadata.listen(jobsChannel, heard)
      await workers.start()
    },
    enqueue: async (tx, newRun) => {
      const now = clock.now()
      return await insertRun(tx, {
        id: newUuidId('run'),
        kind: newRun.kind,
        subject_id: newRun.subjectId,
        tick: newRun.tick,
        due_at: newRun.dueAt,
        principal_id: newRun.principalId,
        sandbox_id: newRun.sandboxId,
        payload: JSON.stringify(newRun.payload),
        ...orderColumns(newRun),
        node_id: newRun.nodeId ?? null,
        created_at: now,
        updated_at: now,
      })
    },
    ring: () => {
      workers.wake()
      // Other nodes hear it this way; a doorbell that fails is made good by the pass.
      notifyJobs(metadata.db, 'ring').catch((error: unknown) =>
        options.logger.log('debug', 'job.ring.lost', { error }),
      )
    },
    run,
    runs: async (filter) =>
      (await selectRuns(metadata.db, { ...filter, limit: Math.min(filter.limit ?? 100, runsMax) })).map(
        runOfRow,
      ),
    cancel,
    pause,
    resume,
    retryNow: (tx, kind, subjectId) => updateRetries(tx, { kind, subjectId, now: clock.now() }),
    resumePutOff: (tx, kind, sandboxId) => updatePutOff(tx, { kind, sandboxId, now: clock.now() }),
    putSchedule: async (tx, schedule) => {
      await putSchedule(tx, schedule, clock.now())
      await notifyJobs(tx, 'ring')
    },
    removeSchedule: (tx, kind, subjectId) => deleteSchedule(tx, kind, subjectId),
    finished,
    [Symbol.asyncDispose]: async () => {
      await workers[Symbol.asyncDispose]()
      await listening?.[Symbol.asyncDispose]()
    },
  }
}
