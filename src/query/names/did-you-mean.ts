import { nearest } from '#base/nearest.ts'

/** A hint with the names that may have been meant; undefined when none is near. */
export function suggested(name: string, candidates: Iterable<string>): string | undefined {
  const near = nearest(name, candidates)
  return near.length === 0 ? undefined : `Did you mean ${near.join(' or ')}?`
}
