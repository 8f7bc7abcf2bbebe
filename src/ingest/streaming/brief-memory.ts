import { AppError } from '#base/errors.ts'

/**
 * Answers that may be a second old: a sender asks the same thing thousands of times in one. A refusal is an answer, too;
 * failures that may pass are not kept.
 */
export interface BriefMemory<T> {
  /** An answer that needs no waiting for. Undefined: `get` has it, or says why there is none. */
  known(key: string): T | undefined
  get(key: string, make: () => Promise<T>): Promise<T>
}

interface Kept<T> {
  readonly madeAt: number
  readonly answer: Promise<T>
  /** Once it has come. */
  value: T | undefined
}

const ageMsMax = 1_000
const entriesMax = 10_000

export function createBriefMemory<T>(nowMs: () => number = () => performance.now()): BriefMemory<T> {
  const kept = new Map<string, Kept<T>>()
  const fresh = (key: string): Kept<T> | undefined => {
    const known = kept.get(key)
    return known && nowMs() - known.madeAt < ageMsMax ? known : undefined
  }
  return {
    known: (key) => fresh(key)?.value,
    get: async (key, make) => {
      const known = fresh(key)
      if (known) return await known.answer
      if (kept.size >= entriesMax) kept.clear()
      const made: Kept<T> = { madeAt: nowMs(), answer: make(), value: undefined }
      kept.set(key, made)
      try {
        return (made.value = await made.answer)
      } catch (error) {
        const isAnswer = error instanceof AppError && !error.meaning.retry && error.code !== 'internal'
        if (!isAnswer && kept.get(key) === made) kept.delete(key)
        throw error
      }
    },
  }
}
