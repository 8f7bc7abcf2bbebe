import { AppError } from '#base/errors.ts'
import type { FindingCode } from './finding.ts'

/** What is found of an object that the store does not give as it was written; undefined for any other failure. */
export function unreadable(failure: unknown): readonly [code: FindingCode, message: string] | undefined {
  if (!(failure instanceof AppError)) return undefined
  if (failure.code === 'object.missing') return ['file.missing', 'It was there a moment ago and is gone.']
  if (failure.code === 'store.corrupt') return ['file.changed', failure.message]
  return undefined
}
