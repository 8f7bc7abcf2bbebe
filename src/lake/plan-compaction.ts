import type { DataFile } from './iceberg/manifest.ts'

/** Files of one day that are to become fewer, sorted together. */
export interface CompactionGroup {
  readonly day: number | null
  readonly files: readonly DataFile[]
}

export interface CompactionRule {
  readonly targetBytes: number
  /** So many small files of a day are no trouble yet. */
  readonly filesMin: number
  /** What one rewriting takes at most; the engine sorts it. */
  readonly groupBytesMax: number
}

export const defaultCompaction: CompactionRule = {
  targetBytes: 256 * 1024 * 1024,
  filesMin: 4,
  groupBytesMax: 4 * 1024 * 1024 * 1024,
}

/** A file of this part of the target is large enough. */
const smallPart = 0.75

/** Which files to rewrite together: the small ones of each day, older days first. Pure. */
export function planCompaction(files: readonly DataFile[], rule: CompactionRule): readonly CompactionGroup[] {
  const byDay = new Map<number | null, DataFile[]>()
  for (const file of files) {
    if (file.bytes >= rule.targetBytes * smallPart) continue
    byDay.set(file.day, [...(byDay.get(file.day) ?? []), file])
  }
  const days = [...byDay].toSorted(([left], [right]) => (left ?? -Infinity) - (right ?? -Infinity))
  return days.flatMap(([day, small]) =>
    bins(small, rule.groupBytesMax)
      .filter((bin) => bin.length >= Math.max(2, rule.filesMin))
      .map((bin) => ({ day, files: bin })),
  )
}

function bins(files: readonly DataFile[], bytesMax: number): DataFile[][] {
  const filled: DataFile[][] = [[]]
  let bytes = 0
  for (const file of files) {
    if (bytes + file.bytes > bytesMax && bytes > 0) {
      filled.push([])
      bytes = 0
    }
    filled.at(-1)?.push(file)
    bytes += file.bytes
  }
  return filled
}
