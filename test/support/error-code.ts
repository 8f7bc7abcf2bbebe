import { AppError } from '../../src/base/errors.ts'

/** What the work is refused with; undefined when it is done. */
export function errorCodeOf(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error.code
    throw error
  }
}
