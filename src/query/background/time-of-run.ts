import { AppError } from '#base/errors.ts'
import type { RunContext } from '#jobs/jobs.ts'
import type { RunTask } from './run-task.ts'
import type { QueryServiceOptions } from '../services.ts'
import { delayMsOf, tellAlert } from './tell-alert.ts'

/** Stops the run when its time is over, and tells when it is late. */
export function timeOfRun(
  services: Pick<QueryServiceOptions, 'clock' | 'limits' | 'logger' | 'metadata' | 'notify'>,
  { run, signal }: Pick<RunContext, 'run' | 'signal'>,
  task: RunTask,
): Disposable & { readonly signal: AbortSignal } {
  const { clock, limits, logger, metadata } = services
  const over = new AbortController()
  const ended = new AbortController()
  const passed = clock.now().getTime() - (run.startedAt ?? run.createdAt).getTime()
  const after = (spanMs: number, work: () => void | Promise<void>) => {
    clock.sleep(Math.max(0, spanMs), ended.signal).then(work, () => {}) // It ended before.
  }
  after(limits.batchTimeoutMs - passed, () =>
    over.abort(
      new AppError('query.timeout', `The query ran longer than ${limits.batchTimeoutMs / 1000} s.`, {
        hint: 'Ask for less at a time, or raise limits.batchTimeoutMs.',
      }),
    ),
  )
  const tellDelay = async () => {
    const delayMs = await delayMsOf(metadata.db, run)
    after(delayMs - passed, async () => {
      await metadata.transaction((tx) => tellAlert(services, tx, { run, event: { type: 'delay', ...task } }))
    })
  }
  tellDelay().catch((error: unknown) => logger.log('warn', 'query.alert_failed', { runId: run.id, error }))
  return {
    signal: AbortSignal.any([signal, over.signal]),
    [Symbol.dispose]: () => ended.abort(),
  }
}
