/** The candidates that look like a mistyped `name`, the nearest first. */
export function nearest(name: string, candidates: Iterable<string>, { countMax = 3 } = {}): string[] {
  return compared(name, candidates)
    .filter(({ candidate, isMistyped }) => isMistyped || isPart(name.toLowerCase(), candidate.toLowerCase()))
    .sort((one, other) => one.distance - other.distance || (one.candidate < other.candidate ? -1 : 1))
    .slice(0, countMax)
    .map(({ candidate }) => candidate)
}

/** Those of the candidates that differ in few letters, the nearest first, else in their own order. */
export function mistyped(name: string, candidates: Iterable<string>): string[] {
  return compared(name, candidates)
    .filter(({ isMistyped }) => isMistyped)
    .sort((one, other) => one.distance - other.distance)
    .map(({ candidate }) => candidate)
}

interface Compared {
  readonly candidate: string
  readonly distance: number
  /** Whether it is near enough: of a short name half of the letters, too, stay. */
  readonly isMistyped: boolean
}

function compared(name: string, candidates: Iterable<string>): Compared[] {
  const wanted = name.toLowerCase()
  const distanceMax = Math.max(1, Math.floor(wanted.length / 3))
  return [...candidates].map((candidate) => {
    const distance = distanceTo(candidate.toLowerCase(), wanted, distanceMax)
    const isMistyped = distance <= distanceMax && distance * 2 <= Math.max(wanted.length, candidate.length)
    return { candidate, distance, isMistyped }
  })
}

/** Of words so unlike in length only their lengths are compared: a name of a megabyte is far from any. */
function distanceTo(candidate: string, wanted: string, distanceMax: number): number {
  const longer = Math.abs(candidate.length - wanted.length)
  return longer > distanceMax ? longer : editDistance(wanted, candidate)
}

const partLengthMin = 4

function isPart(wanted: string, candidate: string): boolean {
  return wanted.length >= partLengthMin && candidate.includes(wanted)
}

/** Insertions, deletions, replacements and swaps of neighbours from one to the other. */
function editDistance(one: string, other: string): number {
  let before: number[] = []
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      const isSwap = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
      const swapped = isSwap ? (before[j - 2] ?? 0) + 1 : replaced
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[other.length] ?? 0
}
