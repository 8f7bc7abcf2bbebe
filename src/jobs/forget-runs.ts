import type { Clock } from '#base/clock.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { deleteEndedRuns, deleteGoneParts } from '#metadata/run-retention.ts'

/** Of one statement: locks are short. */
const atOnceMax = 1_000

/**
 * Removes runs that ended longer ago than they are kept, and what is left of parts that runs have given up; how many rows.
 * Exports' runs stay, and a query's as long as its entry in the log. Idempotent, and several nodes may do it at a time.
 * @throws what `signal` was aborted with
 */
export async function forgetRuns(options: {
  readonly metadata: Metadata
  readonly clock: Clock
  readonly retentionMs: number
  readonly signal: AbortSignal
}): Promise<number> {
  const { metadata, clock, retentionMs, signal } = options
  const before = new Date(clock.now().getTime() - retentionMs)
  let total = 0
  for (const remove of [deleteEndedRuns, deleteGoneParts]) {
    for (let count = atOnceMax; count === atOnceMax;) {
      signal.throwIfAborted()
      count = await remove(metadata.db, { before, limit: atOnceMax })
      total += count
    }
  }
  return total
}
