const base = 10_000
/** With more digits behind the point, these to a multiple of four could be more than a number holds. */
const scaleMax = 12
const groups = new Uint16Array(8)

/** PostgreSQL's numeric: digits to the base 10 000, the first with the weight of its power. Returns the position behind. */
export function putNumeric(bytes: Uint8Array, at: number, unscaled: number, scale: number): number {
  if (scale > scaleMax) return putBigNumeric(bytes, at, BigInt(unscaled), scale)
  const size = Math.abs(unscaled)
  const one = 10 ** scale
  let whole = Math.floor(size / one)
  if (whole * one > size) whole -= 1 // The division was rounded up.
  const fractionGroups = (scale + 3) >> 2
  let fraction = (size - whole * one) * 10 ** (4 * fractionGroups - scale)
  let first = groups.length
  for (let count = 0; count < fractionGroups; count++) {
    const rest = Math.floor(fraction / base)
    groups[--first] = fraction - rest * base
    fraction = rest
  }
  let weight = -1
  for (; whole > 0; weight++) {
    const rest = Math.floor(whole / base)
    groups[--first] = whole - rest * base
    whole = rest
  }
  let end = groups.length
  while (end > first && groups[end - 1] === 0) end--
  for (; first < end && groups[first] === 0; first++) weight--
  const digits = putHead(bytes, at, { count: end - first, weight, isNegative: unscaled < 0, scale })
  let position = digits
  for (; first < end; first++) position = putInt16(bytes, position, groups[first]!)
  return position
}

/** The same for numbers of any size. */
export function putBigNumeric(bytes: Uint8Array, at: number, unscaled: bigint, scale: number): number {
  const isNegative = unscaled < 0n
  const text = String(isNegative ? -unscaled : unscaled).padStart(scale + 1, '0')
  const whole = text.slice(0, text.length - scale)
  const fraction = text.slice(text.length - scale)
  const groupsOf4 = (digits: string): number[] => (digits.match(/.{4}/g) ?? []).map(Number)
  const left = groupsOf4(whole.padStart(Math.ceil(whole.length / 4) * 4, '0'))
  const right = groupsOf4(fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0'))
  const digits = [...left, ...right]
  let weight = left.length - 1
  while (digits.length > 0 && digits[0] === 0) {
    digits.shift()
    weight--
  }
  while (digits.at(-1) === 0) digits.pop()
  let position = putHead(bytes, at, { count: digits.length, weight, isNegative, scale })
  for (const digit of digits) position = putInt16(bytes, position, digit)
  return position
}

function putHead(
  bytes: Uint8Array,
  at: number,
  {
    count,
    weight,
    isNegative,
    scale,
  }: {
    readonly count: number
    readonly weight: number
    readonly isNegative: boolean
    readonly scale: number
  },
): number {
  putInt16(bytes, at, count)
  putInt16(bytes, at + 2, count === 0 ? 0 : weight)
  putInt16(bytes, at + 4, isNegative ? 0x4000 : 0)
  return putInt16(bytes, at + 6, scale)
}

function putInt16(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >> 8
  bytes[at + 1] = value
  return at + 2
}
