import { AppError } from '#base/errors.ts'
import type { RunContext } from '#jobs/jobs.ts'
import type { QueryServiceOptions } from '../services.ts'

/** Stops a run when its time is over, counted from its first attempt. */
export function limitedTime(
  { clock, limits }: Pick<QueryServiceOptions, 'clock' | 'limits'>,
  { run, signal }: Pick<RunContext, 'run' | 'signal'>,
): Disposable & { readonly signal: AbortSignal } {
  const over = new AbortController()
  const ended = new AbortController()
  const passedMs = clock.now().getTime() - (run.startedAt ?? run.createdAt).getTime()
  clock.sleep(Math.max(0, limits.batchTimeoutMs - passedMs), ended.signal).then(
    () =>
      over.abort(
        new AppError('query.timeout', `The query ran longer than ${limits.batchTimeoutMs / 1000} s.`, {
          hint: 'Ask for less at a time, or raise limits.batchTimeoutMs.',
        }),
      ),
    () => {}, // It ended before.
  )
  return {
    signal: AbortSignal.any([signal, over.signal]),
    [Symbol.dispose]: () => ended.abort(),
  }
}
