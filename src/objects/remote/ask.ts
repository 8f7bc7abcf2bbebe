import { backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { type Failures, LostAnswer } from './failure.ts'
import type { RemotePolicy } from './policy.ts'

/** A place on another machine, and how it is asked. */
export interface Remote<F> {
  /** `s3://bucket/prefix`: for people, never a secret. */
  readonly location: string
  readonly policy: RemotePolicy
  readonly clock: Clock
  readonly failures: Failures<F>
}

export interface Asking {
  /** For people, in errors. */
  readonly name: string
  readonly signal: AbortSignal
  /** Of the request's body. */
  readonly bodyBytes?: number
  /** When the store has more to do than to answer. */
  readonly answerMsMax?: number
}

/**
 * Sends a request that may be sent twice, again and again while the failure may pass, within the policy.
 * @throws what `signal` was aborted with; AppError 'store.…'; the store's own error when `isExpected` says so
 */
export async function ask<F, T>(
  remote: Remote<F>,
  asking: Asking,
  send: (signal: AbortSignal) => Promise<T>,
  isExpected: (failure: F) => boolean = () => false,
): Promise<T> {
  const { failures, policy, location } = remote
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(remote, asking, send)
    } catch (error) {
      const failure = failures.of(error)
      if (!failure || isExpected(failure)) throw error
      if (tries >= policy.triesMax || !failures.isPassing(failure)) {
        throw failures.error(failure, { location, name: asking.name })
      }
      await waitAgain(remote, tries, asking.signal)
    }
  }
}

/** @throws what `signal` was aborted with; the store's own error; LostAnswer when the answer takes too long */
export async function askOnce<T>(
  { policy }: { readonly policy: RemotePolicy },
  { signal, bodyBytes = 0, answerMsMax = policy.answerMsMax }: Asking,
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const late = new AbortController()
  const timer = setTimeout(
    () => late.abort(new LostAnswer('No answer in time.')),
    answerMsMax + Math.ceil(bodyBytes / policy.bodyBytesPerMs),
  )
  try {
    return await send(AbortSignal.any([signal, late.signal]))
  } catch (error) {
    signal.throwIfAborted() // The caller asked for this: report that, not the client's wording.
    if (late.signal.aborted) throw late.signal.reason
    throw error
  } finally {
    clearTimeout(timer)
  }
}

export async function waitAgain(
  { policy, clock }: Pick<Remote<unknown>, 'policy' | 'clock'>,
  tries: number,
  signal: AbortSignal,
): Promise<void> {
  const backoff = { firstMs: policy.firstWaitMs, maxMs: policy.maxWaitMs, jitter: 0.5 }
  try {
    await clock.sleep(backoffMs(backoff, tries), signal)
  } catch (error) {
    signal.throwIfAborted()
    throw error
  }
}
