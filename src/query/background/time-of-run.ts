import type { RunContext } from '#jobs/jobs.ts'
import { limitedTime } from './limited-time.ts'
import type { RunTask } from './run-task.ts'
import type { QueryServiceOptions } from '../services.ts'
import { delayMsOf, tellAlert } from './tell-alert.ts'

/** Stops the run when its time is over, and tells when it is late. */
export function timeOfRun(
  services: Pick<QueryServiceOptions, 'clock' | 'limits' | 'logger' | 'metadata' | 'notify'>,
  context: Pick<RunContext, 'run' | 'signal'>,
  task: RunTask,
): Disposable & { readonly signal: AbortSignal } {
  const { clock, logger, metadata } = services
  const { run } = context
  const ended = new AbortController()
  const passedMs = clock.now().getTime() - (run.startedAt ?? run.createdAt).getTime()
  const time = limitedTime(services, context)
  const tellDelay = async () => {
    const delayMs = await delayMsOf(metadata.db, run)
    const isLate = await clock.sleep(Math.max(0, delayMs - passedMs), ended.signal).then(
      () => true,
      () => false, // It ended before.
    )
    if (!isLate) return
    await metadata.transaction((tx) => tellAlert(services, tx, { run, event: { type: 'delay', ...task } }))
  }
  tellDelay().catch((error: unknown) => logger.log('warn', 'query.alert_failed', { runId: run.id, error }))
  return {
    signal: time.signal,
    [Symbol.dispose]: () => {
      time[Symbol.dispose]()
      ended.abort()
    },
  }
}
