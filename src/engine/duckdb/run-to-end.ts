import { setTimeout as sleep } from 'node:timers/promises'
import type { DuckDBConnection, DuckDBPendingResult, DuckDBResult } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import { callsNatives } from './natives.ts'

/** Of a statement's time so far, what may pass before its end is seen. */
const waitShare = 1 / 16
const waitMsMin = 1
const waitMsMax = 8

/**
 * Runs a statement on the engine's own threads alone and looks now and then whether it has ended. The engine's way to run
 * one has the calling thread work, too, and ask for more without a pause while another has all there is to do, which was a
 * fifth of the processor time of a copy into files by day. So the instance must have `external_threads = 0`.
 *
 * A look that finds an error waits, and with it all of the process, until the statement's threads have stopped. One of them
 * may wait for a function that runs in JavaScript, which is what looks; and so may the start itself, where a scan's bound is
 * computed by one. So a text that calls any is run in the engine's way, from its start by another thread. Where others'
 * statements run beside, none is looked at.
 */
export async function runToEnd(connection: DuckDBConnection, sql: string): Promise<DuckDBResult> {
  const prepared = await connection.prepare(sql)
  try {
    if (callsNatives(sql)) return await prepared.run()
    const pending = prepared.start()
    await ended(pending)
    return await pending.getResult()
  } finally {
    // While it is there, so is the instance with all its memory.
    prepared.destroySync()
  }
}

async function ended(pending: DuckDBPendingResult): Promise<void> {
  const startedAt = performance.now()
  try {
    while (isRunning(pending)) {
      const waitMs = (performance.now() - startedAt) * waitShare
      await sleep(Math.min(Math.max(waitMs, waitMsMin), waitMsMax))
    }
  } catch (error) {
    // Else the instance, with its threads, would be there until somebody collects what is left of the statement.
    await pending.getResult().catch(() => {})
    throw error
  }
}

/** @throws what ended it */
function isRunning(pending: DuckDBPendingResult): boolean {
  const raw = pending['pending_result']
  const { ERROR, RESULT_NOT_READY, NO_TASKS_AVAILABLE } = duckdb.PendingState
  const state = duckdb.pending_execute_check_state(raw)
  // There is no state for what has ended well: it is told of as a failure that has no message.
  const problem = state === ERROR ? duckdb.pending_error(raw) : ''
  if (problem !== '') throw new Error(problem)
  return state === RESULT_NOT_READY || state === NO_TASKS_AVAILABLE
}
