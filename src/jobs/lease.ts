import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { lockRun, notifyJobs, type RunRow, updateHeldRun } from '#metadata/jobs.ts'
import type { Metadata, Transaction } from '#metadata/metadata.ts'
import type { Lease } from './jobs.ts'

/** The lease an attempt works under. Every write checks the fence: an attempt that lost its run changes nothing. */
export function leaseOf(row: RunRow, { metadata, clock }: { metadata: Metadata; clock: Clock }): Lease {
  const holder = { runId: row.id, fence: row.fence }

  async function locked(tx: Transaction): Promise<RunRow> {
    const current = await lockRun(tx, row.id)
    const isHeld =
      current && current.fence === row.fence && (current.state === 'running' || current.state === 'sealed')
    if (!isHeld) throw fenced(holder.fence)
    return current
  }

  return {
    fence: row.fence,
    assertHeld: async (tx) => {
      await locked(tx)
    },
    saveProgress: async (progress) => {
      const change = { progress: JSON.stringify(progress), updated_at: clock.now() }
      if (!(await updateHeldRun(metadata.db, holder, change))) throw fenced(holder.fence)
    },
    seal: async (tx) => {
      requireWanted(await locked(tx), 'sealed')
      await updateHeldRun(tx, holder, { state: 'sealed', is_sealed: true, updated_at: clock.now() })
    },
    finish: async (tx, result) => {
      await locked(tx)
      const now = clock.now()
      await updateHeldRun(tx, holder, {
        state: 'succeeded',
        result: JSON.stringify(result),
        code: null,
        message: null,
        leased_until: null,
        updated_at: now,
        finished_at: now,
      })
      await notifyJobs(tx, `done:${row.id}`)
    },
    postpone: async (reason, until, { hasBegun = false } = {}) => {
      const code = hasBegun ? 'job.paused' : 'job.postponed'
      const change = { state: 'waiting', due_at: until, code, message: reason } as const
      await metadata.transaction(async (tx) => {
        requireWanted(await locked(tx), 'put off')
        await updateHeldRun(tx, holder, { ...change, leased_until: null, updated_at: clock.now() })
      })
    },
    fail: async (tx, error) => {
      await locked(tx)
      const now = clock.now()
      await updateHeldRun(tx, holder, {
        state: 'failed',
        code: error.code,
        message: error.message,
        leased_until: null,
        updated_at: now,
        finished_at: now,
      })
      await notifyJobs(tx, `done:${row.id}`)
    },
  }
}

/** Whoever asked it to stop waits for no later attempt. */
function requireWanted(row: RunRow, step: string): void {
  if (row.is_sealed) return
  if (row.cancel_requested_by !== null)
    throw new AppError('job.cancelled', `The run was cancelled before it was ${step}.`)
  if (row.pause_requested_by !== null)
    throw new AppError('job.paused', `The run was paused before it was ${step}.`)
}

export function fenced(fence: number): AppError {
  return new AppError('job.fenced', `Attempt ${fence} does not hold the run any more; another one may.`)
}
