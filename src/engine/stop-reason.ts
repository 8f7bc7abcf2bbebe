import { AppError } from '#base/errors.ts'

/** What an aborted signal means: its reason when that is one of ours, else a cancel. */
export function stopReason(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason
  if (reason instanceof AppError) return reason
  return new AppError('query.cancelled', 'The statement was cancelled.', { cause: reason })
}
