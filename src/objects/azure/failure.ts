import { AppError } from '#base/errors.ts'
import { CorruptAnswer, type Failures, LostAnswer } from '../remote/failure.ts'

/** A refusal or an accident of one request, as far as it can be told from the SDK's error. */
export interface AzureFailure {
  /** `ServerBusy`, `ECONNRESET`. */
  readonly code: string
  /** Absent when there was no answer. */
  readonly status: number | undefined
  readonly requestId: string | undefined
}

const passing = new Set([
  'AccountBeingCreated',
  'InternalError',
  'Md5Mismatch',
  'OperationTimedOut',
  'ServerBusy',
])
const damaged = new Set(['CorruptAnswer', 'Md5Mismatch'])

interface SdkError extends Error {
  readonly code?: unknown
  readonly statusCode?: number
  readonly details?: { readonly errorCode?: string }
  readonly response?: { readonly headers?: { get(name: string): string | undefined } }
}

export function failureOf(error: unknown): AzureFailure | undefined {
  if (!(error instanceof Error) || error instanceof AppError) return undefined
  if (error instanceof CorruptAnswer || error instanceof LostAnswer) {
    return { code: error.name, status: undefined, requestId: undefined }
  }
  const { code, statusCode, details, response, name, message } = error as SdkError
  // The SDK's own words for a body that ends early; they come without a code.
  if (/received less data than required/i.test(message))
    return { code: 'LostAnswer', status: undefined, requestId: undefined }
  const said = response?.headers?.get('x-ms-error-code') ?? details?.errorCode ?? code
  if (typeof said !== 'string' && statusCode === undefined && name !== 'RestError' && name !== 'AbortError')
    return undefined
  return {
    code: typeof said === 'string' ? said : name,
    status: statusCode,
    requestId: response?.headers?.get('x-ms-request-id'),
  }
}

function isPassing({ code, status }: AzureFailure): boolean {
  if (passing.has(code)) return true
  return status === undefined || status === 408 || status === 429 || status >= 500 || status < 300
}

export function isMissing(failure: AzureFailure | undefined): boolean {
  return failure?.status === 404 && failure.code !== 'ContainerNotFound'
}

/** Somebody's blob has the name. */
export function isTaken({ status, code }: AzureFailure): boolean {
  return status === 412 || code === 'BlobAlreadyExists' || code === 'UnauthorizedBlobOverwrite'
}

/** The blocks are part of a blob by now, or were given up. */
export function areBlocksGone({ code }: AzureFailure): boolean {
  return code === 'InvalidBlockList'
}

export function mayFareBetter(failure: AzureFailure): boolean {
  return isPassing(failure) || isTaken(failure) || areBlocksGone(failure)
}

/** The store itself could not read what it was to copy. */
export function isSourceRefused(failure: AzureFailure | undefined): boolean {
  return failure?.code === 'CannotVerifyCopySource' || failure?.code === 'NoAuthenticationInformation'
}

function storeError(
  failure: AzureFailure,
  place: { readonly location: string; readonly name: string },
): AppError {
  const { code, status, requestId } = failure
  const { location } = place
  const what = place.name === '' ? location : `${location} at ${JSON.stringify(place.name)}`
  const said = status === undefined ? code : `${code}, HTTP ${status}`
  const options = {
    // The SDK's own error holds the request, and what it was signed with.
    cause: new Error(`${said}${requestId === undefined ? '' : `, request ${requestId}`}`),
    detail: { store: location, ...(place.name === '' ? {} : { object: place.name }), code },
  }
  if (code === 'ContainerNotFound' || (status === 404 && place.name === '')) {
    return new AppError('store.refused', `The container of ${location} does not exist.`, {
      ...options,
      hint: 'Create the container, or correct the location; Sluice makes no containers.',
    })
  }
  if (code === 'ENOTFOUND' && place.name === '') {
    return new AppError('store.unreachable', `The storage account of ${location} is not known (${said}).`, {
      ...options,
      hint: "Correct the account's name, or look whether names are resolved here.",
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
  if (status === 507 || code === 'AccountLimitExceeded') {
    return new AppError('store.full', `${location} is full (${said}).`, {
      ...options,
      hint: 'Raise its quota or free some space there; the next try goes on. Nothing half-written is visible.',
    })
  }
  if (status !== undefined && status >= 400 && status < 500 && !mayFareBetter(failure)) {
    return new AppError('store.refused', `${what} refuses the request (${said}).`, {
      ...options,
      hint: 'Look whether the credentials are right, have not expired, and may list, read, write and delete in the container.',
    })
  }
  return new AppError('store.unreachable', `${what} does not answer as it should (${said}).`, {
    ...options,
    hint: 'Look whether the endpoint is right and healthy; the next try goes on.',
  })
}

export const azureFailures: Failures<AzureFailure> = { of: failureOf, isPassing, error: storeError }
