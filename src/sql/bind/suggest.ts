/** `Did you mean …?` with the nearest names, or nothing when none is near: half of a short name's letters, too, stay. */
export function suggestion(name: string, candidates: Iterable<string>): string | undefined {
  const lower = name.toLowerCase()
  const limit = Math.max(1, Math.floor(name.length / 3))
  const near = [...new Set(candidates)]
    .map((candidate) => ({ candidate, distance: distance(lower, candidate.toLowerCase(), limit) }))
    .filter(
      ({ candidate, distance }) =>
        distance <= limit && distance * 2 <= Math.max(lower.length, candidate.length),
    )
    .sort((one, other) => one.distance - other.distance)
    .slice(0, 3)
    .map(({ candidate }) => candidate)
  return near.length === 0 ? undefined : `Did you mean ${near.join(' or ')}?`
}

/** Insertions, deletions, replacements and swaps of neighbours between two words, up to a limit. */
function distance(left: string, right: string, limit: number): number {
  if (Math.abs(left.length - right.length) > limit) return limit + 1
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= left.length; i++) {
    const row = [i]
    for (let j = 1; j <= right.length; j++) {
      const isSame = left[i - 1] === right[j - 1]
      let best = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + (isSame ? 0 : 1),
      )
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1)
      }
      row.push(best)
    }
    rows.push(row)
  }
  return rows[left.length]?.[right.length] ?? limit + 1
}
