import { AppError } from '#base/errors.ts'

/** What an aborted signal means to whoever waits: its reason when that is one of ours, else a cancel. */
export function stopReason(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason
  return reason instanceof AppError
    ? reason
    : new AppError('query.cancelled', 'The statement was cancelled.', { cause: reason })
}

/** Runs work that the signal may stop, and reports the stop rather than how the work put it. */
export async function stoppable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw stopReason(signal)
  try {
    return await work()
  } catch (error) {
    if (signal.aborted) throw stopReason(signal)
    throw error
  }
}
