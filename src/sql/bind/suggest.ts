import { mistyped } from '#base/nearest.ts'

/** `Did you mean …?` with the nearest names, or nothing when none is near. */
export function suggestion(name: string, candidates: Iterable<string>): string | undefined {
  const near = mistyped(name, new Set(candidates)).slice(0, 3)
  return near.length === 0 ? undefined : `Did you mean ${near.join(' or ')}?`
}
