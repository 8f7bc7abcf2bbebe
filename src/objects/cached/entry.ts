import type { CachedObject } from '../file-cache.ts'

/** What the cache knows of one object. */
export interface Entry {
  readonly key: string
  readonly path: string
  readonly bytes: number
  /** Of the object; unknown for what a former process fetched, until somebody asks for it. */
  name: string | undefined
  /** While above 0 the file stays. */
  leases: number
  /** Whether the file is there, as far as we know. */
  isPresent: boolean
  /** Of the file when it was last found right; absent: never in this life of the process. */
  seen: string | undefined
  /** When the file's own time was last set, by which the order of use survives a restart. */
  touchedAt: number
  work: Work | undefined
}

/** Something that is being done to the file; nothing else may be meanwhile. */
export interface Work {
  readonly kind: 'bringing' | 'removing'
  readonly done: Promise<void>
  readonly controller: AbortController
}

export function newEntry(
  place: { readonly key: string; readonly path: string; readonly bytes: number },
  state: { readonly name?: string; readonly isPresent: boolean },
): Entry {
  return { ...place, name: undefined, leases: 0, seen: undefined, touchedAt: 0, work: undefined, ...state }
}

/** Its file may not be removed now. */
export function isHeld(entry: Entry): boolean {
  return entry.leases > 0 || entry.work !== undefined
}

export function heldBytes(entries: Iterable<Entry>): number {
  return bytesOf(Array.from(entries).filter(isHeld))
}

/** Of those that are there, or will be: not of those that are just leaving. */
export function keptBytes(entries: Iterable<Entry>): number {
  return bytesOf(Array.from(entries).filter((entry) => entry.leases > 0 || entry.work?.kind !== 'removing'))
}

/**
 * What to remove so that at most `bytesMax` are kept, the least recently used first.
 * @param entries in the order of their last use
 */
export function victims(entries: readonly Entry[], bytesMax: number): readonly Entry[] {
  let bytes = keptBytes(entries)
  const chosen: Entry[] = []
  for (const entry of entries) {
    if (bytes <= bytesMax) break
    if (isHeld(entry)) continue
    chosen.push(entry)
    bytes -= entry.bytes
  }
  return chosen
}

export function bytesOf(objects: Iterable<Pick<CachedObject, 'bytes'>>): number {
  let bytes = 0
  for (const object of objects) bytes += object.bytes
  return bytes
}
