/**
 * What a promise gives, unless the signal is aborted first: then throws its reason at once, or what `reasonOf` makes of
 * it. The promise goes on unheard.
 */
export async function untilAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
  reasonOf: (signal: AbortSignal) => unknown = ({ reason }) => reason as unknown,
): Promise<T> {
  if (signal.aborted) {
    promise.catch(() => {}) // Nobody waits for it any more.
    throw reasonOf(signal)
  }
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => aborted.reject(reasonOf(signal))
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
