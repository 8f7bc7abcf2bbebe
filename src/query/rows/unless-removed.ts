import { AppError } from '#base/errors.ts'
import type { Scope } from '../scope.ts'

/** Reverts of one dataset come one after the other: so many do not get between a plan and its files. */
const triesMax = 5

/**
 * Plans and opens what is read. Rows that are taken out of a table for good take the files of older snapshots with them:
 * whoever had planned to read these, and has given nothing yet, begins again with the table as it is now.
 */
export async function unlessRemoved<T>(
  { journal, step }: Pick<Scope, 'journal' | 'step'>,
  open: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await open()
    } catch (error) {
      if (!isRemoved(error) || attempt === triesMax) throw error
      await journal.unpin(step)
    }
  }
}

/**
 * Runs what reads files of the lake. The engine does not tell a file that is gone from one that it may not read, so what
 * failed is asked for its files again.
 */
export async function orMissing<T>(work: () => Promise<T>, lease: () => Promise<Disposable>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    using _again = await lease()
    throw error
  }
}

/** Of a file that is damaged or a snapshot that was asked for by name it is true again each time. */
function isRemoved(error: unknown): boolean {
  return error instanceof AppError && (error.code === 'lake.corrupt' || error.code === 'source.removed')
}
