import { AppError, type ErrorCode } from '#base/errors.ts'
import { shortened } from '#base/shown-text.ts'
import type { BatchError } from '#datasets/datasets.ts'

/** The codes of ingestion that clients of the reference platform know. */
export const ingestCodes = {
  emptyFile: 'INGEST-106-400',
  emptyHeader: 'INGEST-118-400',
  tooManyRejects: 'INGEST-1212-400',
  corruptRow: 'INGEST-1401-400',
  requiredMissing: 'INGEST-1555-400',
  /** Rows were refused and the batch keeps no reasons. */
  noDiagnostics: 'INGEST-1211-400',
  failedByClient: 'batch.failed_by_client',
} as const

/** The number in a code of a refused row. */
export const isRefused = /^INGEST-(\d+)-\d+$/

/** A file that cannot be read as what it is said to be: no row of its batch is loaded. */
export function invalidFile(
  fileName: string,
  problem: string,
  options: { readonly hint?: string | undefined; readonly code?: string; readonly cause?: unknown } = {},
): AppError {
  return new AppError('ingest.invalid', `The file ${shownName(fileName)} ${problem}.`, {
    hint: options.hint,
    cause: options.cause,
    ...(options.code === undefined ? {} : { detail: { batchCode: options.code } }),
  })
}

/** How a failure stands in the batch. */
export function batchErrorOf(error: AppError, rowCount = 0): BatchError {
  const code = error.detail?.['batchCode']
  return {
    code: typeof code === 'string' ? code : error.code,
    description: error.hint === undefined ? error.message : `${error.message} ${error.hint}`,
    rowCount,
  }
}

export function shownName(fileName: string): string {
  return JSON.stringify(shortened(fileName, 200))
}

export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is AppError {
  return error instanceof AppError && codes.includes(error.code)
}
