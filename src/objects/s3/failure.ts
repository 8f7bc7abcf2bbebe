import { AppError } from '#base/errors.ts'
import { CorruptAnswer, type Failures, LostAnswer } from '../remote/failure.ts'

/** Said by us where the store takes no condition. */
export class NameTaken extends Error {
  override readonly name = 'NameTaken'
}

/** A refusal or an accident of one request, as far as it can be told from the SDK's error. */
export interface S3Failure {
  /** `SlowDown`, `ECONNRESET`, `TimeoutError`. */
  readonly code: string
  /** Absent when there was no answer. */
  readonly status: number | undefined
  readonly requestId: string | undefined
}

const passing = new Set([
  'BadDigest', // The body was damaged on its way there.
  'ConditionalRequestConflict', // Another writer of the same name is just being decided upon.
  'IncompleteBody',
  'InternalError',
  'OperationAborted',
  'RequestTimeTooSkewed', // The SDK has learnt the store's time from this answer.
  'RequestTimeout',
  'ServiceUnavailable',
  'SlowDown',
  'ThrottlingException',
  'TooManyRequestsException',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
])
const damaged = new Set([
  'BadDigest',
  'CorruptAnswer',
  'XAmzContentChecksumMismatch',
  'XAmzContentSHA256Mismatch',
])

/** Undefined for errors that are none of the store's: ours, or a broken invariant. */
export function failureOf(error: unknown): S3Failure | undefined {
  if (!(error instanceof Error) || error instanceof AppError) return undefined
  if (error instanceof CorruptAnswer || error instanceof LostAnswer) {
    return { code: error.name, status: undefined, requestId: undefined }
  }
  if (error instanceof NameTaken) return { code: error.name, status: 412, requestId: undefined }
  const { $metadata, $response, code, name } = error as Error & {
    readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
    readonly $response?: unknown
    readonly code?: unknown
  }
  const system = typeof code === 'string' ? code : undefined
  const isOurs = $metadata || $response || system !== undefined || network.has(name)
  if (!isOurs) return undefined
  return {
    // Without a body, as for HEAD, the SDK knows only the number.
    code: name === 'Error' ? (system ?? name) : name,
    status: $metadata?.httpStatusCode,
    requestId: $metadata?.requestId,
  }
}

const network = new Set(['TimeoutError', 'CredentialsProviderError', 'AbortError'])

/** Whether the same request may fare better in a moment. */
function isPassing({ code, status }: S3Failure): boolean {
  if (passing.has(code)) return true
  if (code === 'CredentialsProviderError') return false
  return status === undefined || status === 408 || status === 429 || status >= 500 || status < 300
}

export function isMissing(failure: S3Failure | undefined): boolean {
  return failure?.status === 404 && failure.code !== 'NoSuchBucket' && failure.code !== 'NoSuchUpload'
}

export function isRefusedCondition(failure: S3Failure | undefined): boolean {
  return failure?.status === 412
}

/** An upload that was completed or aborted is not there any more. */
export function isUploadGone(failure: S3Failure | undefined): boolean {
  return failure?.code === 'NoSuchUpload'
}

/** In the words of who uses the store: which key, what happened, what to do; never a secret. */
function storeError(
  failure: S3Failure,
  place: { readonly location: string; readonly name: string },
): AppError {
  const { code, status, requestId } = failure
  const { location } = place
  const what = place.name === '' ? location : `${location} at ${JSON.stringify(place.name)}`
  const said = status === undefined ? code : `${code}, HTTP ${status}`
  const options = {
    // The SDK's own error may hold what was signed.
    cause: new Error(`${said}${requestId === undefined ? '' : `, request ${requestId}`}`),
    detail: { store: location, ...(place.name === '' ? {} : { object: place.name }), code },
  }
  if (code === 'CredentialsProviderError') {
    return new AppError('store.refused', `There are no credentials for ${location}.`, {
      ...options,
      hint: 'Set s3.accessKeyId and s3.secretAccessKey, or give this machine a role that may use the bucket.',
    })
  }
  if (code === 'NoSuchBucket' || (status === 404 && place.name === '')) {
    return new AppError('store.refused', `The bucket of ${location} does not exist.`, {
      ...options,
      hint: 'Create the bucket, or correct the location; Sluice makes no buckets.',
    })
  }
  if (status === 301 || code === 'PermanentRedirect' || code === 'AuthorizationHeaderMalformed') {
    return new AppError('store.refused', `${location} is in another region than s3.region says (${said}).`, {
      ...options,
      hint: "Set s3.region to the bucket's region.",
    })
  }
  if (damaged.has(code)) {
    return new AppError(
      'store.corrupt',
      `What ${what} gives or takes does not match its checksum (${said}).`,
      {
        ...options,
        hint: 'The bytes were changed on the way or at the store, again and again: look at the network and the store.',
      },
    )
  }
  if (status === 507 || /QuotaExceeded|StorageFull/.test(code)) {
    return new AppError('store.full', `${location} is full (${said}).`, {
      ...options,
      hint: 'Raise its quota or free some space there; the next try goes on. Nothing half-written is visible.',
    })
  }
  // An upload that is gone, or a name that is free again since it was refused, bears another try.
  const mayFareBetter = isPassing(failure) || isUploadGone(failure) || isRefusedCondition(failure)
  if (status !== undefined && status >= 400 && status < 500 && !mayFareBetter) {
    return new AppError('store.refused', `${what} refuses the request (${said}).`, {
      ...options,
      hint: 'Look whether the credentials are right and may list, read, write and delete below the prefix.',
    })
  }
  return new AppError('store.unreachable', `${what} does not answer as it should (${said}).`, {
    ...options,
    hint: 'Look whether the endpoint is right and healthy; the next try goes on.',
  })
}

export const s3Failures: Failures<S3Failure> = { of: failureOf, isPassing, error: storeError }
