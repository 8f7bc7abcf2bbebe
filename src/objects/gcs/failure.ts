import { AppError } from '#base/errors.ts'
import { CorruptAnswer, type Failures, LostAnswer } from '../remote/failure.ts'

export interface GcsFailure {
  /** `rateLimitExceeded`, `ECONNRESET`, `HTTP 503`. */
  readonly code: string
  /** Absent when there was no answer. */
  readonly status: number | undefined
}

/** An answer that is no success. */
export class GcsRefusal extends Error {
  override readonly name = 'GcsRefusal'
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(`${code}, HTTP ${status}`)
    this.status = status
    this.code = code
  }
}

export function failureOf(error: unknown): GcsFailure | undefined {
  if (error instanceof GcsRefusal) return { code: error.code, status: error.status }
  if (error instanceof CorruptAnswer || error instanceof LostAnswer)
    return { code: error.name, status: undefined }
  if (!(error instanceof Error) || error instanceof AppError) return undefined
  // What the network did, as Node's client tells it.
  const cause = error.cause instanceof Error ? error.cause : error
  const { code } = cause as { readonly code?: unknown }
  if (typeof code === 'string') return { code, status: undefined }
  const isNetwork = error instanceof TypeError && /fetch failed|terminated/.test(error.message)
  return isNetwork ? { code: 'LostAnswer', status: undefined } : undefined
}

function isPassing({ status, code }: GcsFailure): boolean {
  if (code === 'rateLimitExceeded' || code === 'userRateLimitExceeded') return true
  return status === undefined || status === 408 || status === 429 || status >= 500
}

export function isMissing(failure: GcsFailure | undefined): boolean {
  return failure?.status === 404
}

export function isTaken({ status }: GcsFailure): boolean {
  return status === 412
}

function storeError(
  { code, status }: GcsFailure,
  { location, name }: { readonly location: string; readonly name: string },
): AppError {
  const what = name === '' ? location : `${location} at ${JSON.stringify(name)}`
  const said = status === undefined ? code : `${code}, HTTP ${status}`
  const options = { detail: { store: location, ...(name === '' ? {} : { object: name }), code } }
  if (status === 404) {
    return new AppError('store.refused', `The bucket of ${location} does not exist.`, {
      ...options,
      hint: 'Create the bucket, or correct the location; Sluice makes no buckets.',
    })
  }
  if (code === 'CorruptAnswer' || (status === 400 && /hash|md5|crc/i.test(code))) {
    return new AppError(
      'store.corrupt',
      `What ${what} gives or takes does not match its checksum (${said}).`,
      {
        ...options,
        hint: 'The bytes were changed on the way or at the store, again and again: look at the network and the store.',
      },
    )
  }
  if (status !== undefined && status >= 400 && status < 500 && !isPassing({ code, status })) {
    return new AppError('store.refused', `${what} refuses the request (${said}).`, {
      ...options,
      hint: 'Look whether the service account may list, read, create and delete objects of the bucket.',
    })
  }
  return new AppError('store.unreachable', `${what} does not answer as it should (${said}).`, {
    ...options,
    hint: 'Look whether the endpoint is right and healthy; the next try goes on.',
  })
}

export const gcsFailures: Failures<GcsFailure> = { of: failureOf, isPassing, error: storeError }
