import { native, type NativeFunction } from './native.ts'

/** How many characters must be put in, taken out or replaced to make one text of another. */
export const levenshteinFunctions: readonly NativeFunction[] = [
  native('native_levenshtein', ['text', 'text'], 'integer', (one, other) => {
    const [short = [], long = []] = [Array.from(one), Array.from(other)].toSorted(
      (left, right) => left.length - right.length,
    )
    let row = Array.from({ length: short.length + 1 }, (_unused, index) => index)
    for (const [index, sign] of long.entries()) {
      const next = [index + 1]
      for (const [place, own] of short.entries()) {
        const replaced = (row[place] ?? 0) + (own === sign ? 0 : 1)
        next.push(Math.min(replaced, (row[place + 1] ?? 0) + 1, (next[place] ?? 0) + 1))
      }
      row = next
    }
    return row.at(-1) ?? 0
  }),
]
