import { AppError } from '#base/errors.ts'

/** What an aborted signal means: its reason when that is one of ours, else a cancel. */
export function stopReason(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason
  if (reason instanceof AppError) return reason
  return new AppError('query.cancelled', 'The statement was cancelled.', { cause: reason })
}

/** The caller of an aborted statement need not wait until the engine has noticed. */
export async function untilAbort<T>(signal: AbortSignal, answer: Promise<T>): Promise<T> {
  if (signal.aborted) {
    answer.catch(() => {}) // Nobody waits for it any more.
    throw stopReason(signal)
  }
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(stopReason(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([answer, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
