/** Answers, each good for one revision of what it was made from; those asked for longest ago go first. */
export interface AnswerCache<T> {
  /**
   * The answer of that revision, made when there is none.
   * @param revision read after the question came; `make` reads what it tells of
   */
  get(key: string, revision: string, make: () => Promise<T>): Promise<T>
}

interface Kept<T> {
  readonly revision: string
  readonly answer: Promise<T>
  weight: number
}

/** @param options.weightOf in the unit of `weightMax`; one each when absent */
export function createAnswerCache<T>(options: {
  readonly weightMax: number
  readonly weightOf?: (answer: T) => number
}): AnswerCache<T> {
  const { weightMax, weightOf = () => 1 } = options
  const kept = new Map<string, Kept<T>>()
  let weight = 0
  const drop = (key: string) => {
    weight -= kept.get(key)?.weight ?? 0
    kept.delete(key)
  }
  return {
    get: async (key, revision, make) => {
      const known = kept.get(key)
      if (known?.revision === revision) {
        kept.delete(key)
        kept.set(key, known)
        return await known.answer
      }
      drop(key)
      const entry: Kept<T> = { revision, answer: make(), weight: 0 }
      kept.set(key, entry)
      try {
        const answer = await entry.answer
        if (kept.get(key) === entry) {
          entry.weight = weightOf(answer)
          weight += entry.weight
        }
        for (const oldest of kept.keys()) {
          if (weight <= weightMax) break
          drop(oldest)
        }
        return answer
      } catch (error) {
        if (kept.get(key) === entry) drop(key)
        throw error
      }
    },
  }
}
