import { native, type NativeFunction } from './native.ts'

/**
 * Decimals with more digits than the engine computes with, as texts. Products and quotients are the digits without the
 * point, of which so many stand behind it: the engine is slow at reading long decimals.
 */
export const decimalFunctions: readonly NativeFunction[] = [
  native('native_decimal_product', ['text', 'text', 'integer'], 'text', (left, right, scale) => {
    const [one, other] = [unscaled(left), unscaled(right)]
    return String(rescaled(one.value * other.value, one.scale + other.scale, scale))
  }),
  /** NULL for a divisor of 0. */
  native('native_decimal_quotient', ['text', 'text', 'integer'], 'text', (left, right, scale) => {
    const [one, other] = [unscaled(left), unscaled(right)]
    if (other.value === 0n) return null
    const shift = scale + other.scale - one.scale
    const [above, below] =
      shift >= 0 ? [one.value * tens(shift), other.value] : [one.value, other.value * tens(-shift)]
    return String(halfUp(above, below))
  }),
  native('native_decimal_remainder', ['text', 'text', 'integer'], 'text', (left, right, scale) => {
    const [one, other] = [unscaled(left), unscaled(right)]
    if (other.value === 0n) return null
    const digits = ({ value, scale: own }: Unscaled) => value * tens(scale - own)
    return String(digits(one) % digits(other))
  }),
  /** The whole part of a quotient, of which a bigint has the last 64 bits. */
  native('native_decimal_whole_quotient', ['text', 'text'], 'long', (left, right) => {
    const [one, other] = [unscaled(left), unscaled(right)]
    if (other.value === 0n) return null
    const scale = Math.max(one.scale, other.scale)
    const digits = ({ value, scale: own }: Unscaled) => value * tens(scale - own)
    return BigInt.asIntN(64, digits(one) / digits(other))
  }),
]

/** No decimal has more digits than twice 38. */
const powers = Array.from({ length: 80 }, (_unused, power) => 10n ** BigInt(power))

function tens(power: number): bigint {
  return powers[power] ?? 10n ** BigInt(power)
}

interface Unscaled {
  readonly value: bigint
  readonly scale: number
}

/** Of a text as the engine writes decimals. */
function unscaled(text: string): Unscaled {
  const point = text.indexOf('.')
  if (point < 0) return { value: BigInt(text), scale: 0 }
  return { value: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 }
}

function rescaled(value: bigint, from: number, to: number): bigint {
  return to >= from ? value * tens(to - from) : halfUp(value, tens(from - to))
}

/** Halves are rounded away from zero. */
function halfUp(above: bigint, below: bigint): bigint {
  const [size, divisor] = [absolute(above), absolute(below)]
  const quotient = (2n * size + divisor) / (2n * divisor)
  return above < 0n === below < 0n ? quotient : -quotient
}

function absolute(value: bigint): bigint {
  return value < 0n ? -value : value
}
