type Part = string | number | boolean | null

/** Counts by keys of several parts. */
export interface Tally {
  add(key: readonly Part[], by?: number): void
  /** Counts each who once per key; all of one come one after the other. */
  once(key: readonly Part[], who: number): void
  /** What is counted under a key. */
  of(...key: readonly Part[]): number
  /** The keys with their counts behind, in the order of the keys. */
  rows(): Part[][]
}

export function createTally(): Tally {
  const counts = new Map<string, { readonly key: readonly Part[]; count: number; last: number }>()
  const entryOf = (key: readonly Part[]) => {
    const id = JSON.stringify(key)
    let entry = counts.get(id)
    if (!entry) {
      entry = { key, count: 0, last: -1 }
      counts.set(id, entry)
    }
    return entry
  }
  return {
    add: (key, by = 1) => {
      entryOf(key).count += by
    },
    once: (key, who) => {
      const entry = entryOf(key)
      if (entry.last !== who) entry.count += 1
      entry.last = who
    },
    of: (...key) => counts.get(JSON.stringify(key))?.count ?? 0,
    rows: () =>
      [...counts.values()]
        .toSorted((one, other) => compareKeys(one.key, other.key))
        .map(({ key, count }) => [...key, count]),
  }
}

function compareKeys(one: readonly Part[], other: readonly Part[]): number {
  for (const [index, part] of one.entries()) {
    const against = other[index] ?? null
    if (part === against) continue
    return (part ?? '') < (against ?? '') ? -1 : 1
  }
  return 0
}
