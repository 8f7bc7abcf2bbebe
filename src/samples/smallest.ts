/** Keeps the first of many texts in their order, in bounded memory; each once. */
export function createSmallest(count: number) {
  let kept: string[] = []
  let seen = new Set<string>()
  const shrink = () => {
    kept = kept.toSorted().slice(0, count)
    seen = new Set(kept)
  }
  return {
    add(text: string): void {
      if (seen.has(text)) return
      seen.add(text)
      kept.push(text)
      if (kept.length >= count * 2) shrink()
    },
    list(): readonly string[] {
      shrink()
      return kept
    },
  }
}
