/** ASCII digits into bytes. Each function returns the position behind what it wrote; room must be there. */

const zero = 0x30
const e8 = 100_000_000

/** A whole number from 0 to 2 ** 53. */
export function writeDigits(bytes: Uint8Array, at: number, value: number): number {
  if (value >= e8) {
    const high = Math.floor(value / e8)
    return writePadded(bytes, writeDigits(bytes, at, high), value - high * e8, 8)
  }
  return writePadded(bytes, at, value, digitCount(value))
}

/** The last `width` digits of a whole number below 2 ** 31, zeros in front. */
export function writePadded(bytes: Uint8Array, at: number, value: number, width: number): number {
  let rest = value | 0
  for (let position = at + width - 1; position >= at; position--) {
    const tenth = (rest / 10) | 0
    bytes[position] = zero + rest - tenth * 10
    rest = tenth
  }
  return at + width
}

/** Any whole number whose size is at most 2 ** 53. */
export function writeInteger(bytes: Uint8Array, at: number, value: number): number {
  if (value >= 0) return writeDigits(bytes, at, value)
  bytes[at] = 0x2d
  return writeDigits(bytes, at + 1, -value)
}

/** An unscaled number of a decimal, its size at most 2 ** 53. */
export function writeDecimal(bytes: Uint8Array, at: number, unscaled: number, scale: number): number {
  let from = at
  if (unscaled < 0) bytes[from++] = 0x2d
  const size = Math.abs(unscaled)
  if (scale === 0) return writeDigits(bytes, from, size)
  const digits = writeDigits(bytes, from, size)
  const missing = scale + 1 - (digits - from)
  if (missing > 0) {
    bytes.copyWithin(from + missing, from, digits)
    bytes.fill(zero, from, from + missing)
  }
  const end = digits + Math.max(0, missing)
  bytes.copyWithin(end - scale + 1, end - scale, end)
  bytes[end - scale] = 0x2e
  return end + 1
}

/** Days since 1970 that are years 1 to 9999. */
export const firstPlainDay = -719_162
export const lastPlainDay = 2_932_896

/** `2018-01-18`, for plain days. @see http://howardhinnant.github.io/date_algorithms.html (civil_from_days) */
export function writeDate(bytes: Uint8Array, at: number, days: number): number {
  const shifted = days + 719_468 // Days since 0000-03-01, so that a leap day ends its year.
  const era = (shifted / 146_097) | 0
  const dayOfEra = shifted - era * 146_097
  const yearOfEra =
    ((dayOfEra - ((dayOfEra / 1_460) | 0) + ((dayOfEra / 36_524) | 0) - ((dayOfEra / 146_096) | 0)) / 365) | 0
  const dayOfYear = dayOfEra - (365 * yearOfEra + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0))
  const shiftedMonth = ((5 * dayOfYear + 2) / 153) | 0
  const day = dayOfYear - (((153 * shiftedMonth + 2) / 5) | 0) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  let position = writePadded(bytes, at, year, 4)
  bytes[position++] = 0x2d
  position = writePadded(bytes, position, month, 2)
  bytes[position++] = 0x2d
  return writePadded(bytes, position, day, 2)
}

/** `06:55:53.123`, without a fraction when there is none. */
export function writeTime(bytes: Uint8Array, at: number, microsOfDay: number): number {
  const seconds = Math.floor(microsOfDay / 1_000_000)
  let fraction = microsOfDay - seconds * 1_000_000
  let position = writePadded(bytes, at, (seconds / 3_600) | 0, 2)
  bytes[position++] = 0x3a
  position = writePadded(bytes, position, ((seconds / 60) | 0) % 60, 2)
  bytes[position++] = 0x3a
  position = writePadded(bytes, position, seconds % 60, 2)
  if (fraction === 0) return position
  bytes[position++] = 0x2e
  let width = 6
  for (; fraction % 10 === 0; width--) fraction /= 10
  return writePadded(bytes, position, fraction, width)
}

function digitCount(value: number): number {
  if (value < 10_000) {
    if (value < 100) return value < 10 ? 1 : 2
    return value < 1_000 ? 3 : 4
  }
  if (value < 1_000_000) return value < 100_000 ? 5 : 6
  return value < 10_000_000 ? 7 : 8
}
