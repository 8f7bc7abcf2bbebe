import { AppError } from '#base/errors.ts'

/**
 * Answers that may be a second old: a sender asks the same thing thousands of times in one. A refusal is an answer, too;
 * failures that may pass are not kept.
 */
export interface BriefMemory<T> {
  get(key: string, make: () => Promise<T>): Promise<T>
}

const ageMsMax = 1_000
const entriesMax = 10_000

export function createBriefMemory<T>(nowMs: () => number = () => performance.now()): BriefMemory<T> {
  const kept = new Map<string, { readonly madeAt: number; readonly answer: Promise<T> }>()
  return {
    get: async (key, make) => {
      const known = kept.get(key)
      if (known && nowMs() - known.madeAt < ageMsMax) return await known.answer
      if (kept.size >= entriesMax) kept.clear()
      const answer = make()
      kept.set(key, { madeAt: nowMs(), answer })
      try {
        return await answer
      } catch (error) {
        const isAnswer = error instanceof AppError && !error.meaning.retry && error.code !== 'internal'
        if (!isAnswer && kept.get(key)?.answer === answer) kept.delete(key)
        throw error
      }
    },
  }
}
