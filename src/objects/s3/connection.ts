import type * as Sdk from '@aws-sdk/client-s3'
import { backoffMs } from '#base/backoff.ts'
import type { Clock } from '#base/clock.ts'
import { failureOf, isPassing, LostAnswer, type S3Failure, storeError } from './failure.ts'
import type { S3Policy } from './s3-config.ts'

/** One bucket, and how it is asked. */
export interface Connection {
  readonly sdk: typeof Sdk
  readonly client: Sdk.S3Client
  readonly bucket: string
  /** `s3://bucket/prefix` */
  readonly location: string
  readonly policy: S3Policy
  readonly clock: Clock
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
 * @throws what `signal` was aborted with; AppError 'store.…'; the SDK's error when `isExpected` says so
 */
export async function ask<T>(
  connection: Connection,
  asking: Asking,
  send: (signal: AbortSignal) => Promise<T>,
  isExpected: (failure: S3Failure) => boolean = () => false,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(connection, asking, send)
    } catch (error) {
      const failure = failureOf(error)
      if (!failure || isExpected(failure)) throw error
      if (tries >= connection.policy.triesMax || !isPassing(failure)) {
        throw storeError(failure, { location: connection.location, name: asking.name })
      }
      await waitAgain(connection, tries, asking.signal)
    }
  }
}

/** @throws what `signal` was aborted with; the SDK's error; LostAnswer when the answer takes too long */
export async function askOnce<T>(
  { policy }: Connection,
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
    signal.throwIfAborted() // The caller asked for this: report that, not the SDK's wording.
    if (late.signal.aborted) throw late.signal.reason
    throw error
  } finally {
    clearTimeout(timer)
  }
}

export async function waitAgain(
  { policy, clock }: Connection,
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
