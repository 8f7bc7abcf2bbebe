/** Draws that depend on a seed and a key alone, not on what was drawn before. */
export interface Dice {
  /** From 0 up to, not including, 1. */
  next(): number
  /** From 0 up to, not including, `count`. */
  below(count: number): number
  chance(share: number): boolean
  pick<const List extends readonly [unknown, ...unknown[]]>(list: List): List[number]
  uuid(): string
}

export function createDice(seed: number, ...key: readonly (string | number)[]): Dice {
  let state = hash(`${seed}/${key.join('/')}`)
  // Mulberry32: small, fast, and good enough for invented people.
  const word = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const next = () => word() / 4_294_967_296
  const below = (count: number) => Math.floor(next() * count)
  return {
    next,
    below,
    chance: (share) => next() < share,
    pick: (list) => list[below(list.length)] ?? list[0],
    uuid: () => {
      const hex = Array.from({ length: 4 }, () => word().toString(16).padStart(8, '0')).join('')
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
    },
  }
}

/** FNV-1a, its bits mixed once more: keys differ in their last digits. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}
