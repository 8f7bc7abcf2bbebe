/** A number as its digits: `0.DIGITS × 10^point`, without zeros at the beginning. */
export interface DecimalDigits {
  readonly isNegative: boolean
  readonly digits: string
  readonly point: number
}

/** Of a text such as `-12.50` or `1.0E-7`. @throws Error for what is no number */
export function digitsOf(text: string): DecimalDigits {
  const [all, sign, whole = '', fraction = '', power = '0'] =
    /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  if (all === undefined || whole + fraction === '') throw new Error(`${text} is no number.`)
  const digits = (whole + fraction).replace(/^0+/, '')
  const zeros = whole.length + fraction.length - digits.length
  return { isNegative: sign === '-', digits, point: whole.length - zeros + Number(power) }
}

/**
 * Of a double all the digits that it has in binary, as far as they can matter; of a whole one, as Java, those that tell it
 * from its neighbours.
 */
export function exactDigitsOf(value: number): DecimalDigits {
  const plain = Math.abs(value)
  const text = Number.isInteger(plain) ? String(plain) : plain.toFixed(100)
  return { ...digitsOf(text), isNegative: value < 0 || Object.is(value, -0) }
}

/** With so many digits behind the point; halves go up, or to the even neighbour. */
export function roundedTo(number: DecimalDigits, places: number, halves: 'up' | 'even'): DecimalDigits {
  const kept = number.point + places
  if (kept >= number.digits.length) return number
  if (kept < 0) return { ...number, digits: '', point: 0 }
  const [head, first, rest] = [
    number.digits.slice(0, kept),
    number.digits.charAt(kept),
    number.digits.slice(kept + 1),
  ]
  const isHalf = first === '5' && /^0*$/.test(rest)
  const isOdd = Number(head.at(-1) ?? '0') % 2 === 1
  const goesUp = isHalf ? halves === 'up' || isOdd : first >= '5'
  if (!goesUp) return { ...number, digits: head }
  const raised = (BigInt(head === '' ? '0' : head) + 1n).toString()
  return { ...number, digits: raised, point: number.point + raised.length - head.length }
}

/** The digits before the point, and those behind it, as many as there are. */
export function wholeAndFraction({
  digits,
  point,
}: DecimalDigits): readonly [whole: string, fraction: string] {
  if (point <= 0) return ['', '0'.repeat(-point) + digits]
  return [digits.slice(0, point).padEnd(point, '0'), digits.slice(point)]
}

/** `1234567` as `1,234,567`. */
export function grouped(whole: string, size: number): string {
  if (size <= 0) return whole
  const first = whole.length % size || size
  const groups = [whole.slice(0, first)]
  for (let at = first; at < whole.length; at += size) groups.push(whole.slice(at, at + size))
  return groups.join(',')
}
