import type { DataType } from '#types/data-type.ts'
import { boundedDecimal, decimalOf, isFractional, isIntegral, wider } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { once } from './define.ts'
import { onceEach } from './once-each.ts'

type Decimal = Extract<DataType, { kind: 'decimal' }>

const widths: Readonly<Record<string, number>> = { byte: 8, short: 16, integer: 32, long: 64 }

/** Whole numbers wrap around in Spark; the engine would refuse. The value is of a type that holds it exactly. */
export function wrapped(value: string, type: DataType): string {
  const bits = BigInt(widths[type.kind] ?? 64)
  const half = 2n ** (bits - 1n)
  return `CAST((((${value}) + ${half}) & ${2n ** bits - 1n}) - ${half} AS ${engineNames[type.kind] ?? 'BIGINT'})`
}

/** A type of the engine that holds any sum, difference or product of two values of the type. */
export function roomFor(type: DataType): string {
  return type.kind === 'long' ? 'HUGEINT' : 'BIGINT'
}

const engineNames: Readonly<Record<string, string>> = {
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INTEGER',
  long: 'BIGINT',
}

/** How large an operand can be, in bits without the sign: to leave out the wrap where nothing can overflow. */
export function bitsOf(value: BoundExpression | undefined): number {
  if (!value) return 63
  if (value.kind === 'literal' && value.value !== null && isIntegral(value.type)) {
    const magnitude = BigInt(value.value)
    return (magnitude < 0n ? -magnitude : magnitude).toString(2).length
  }
  if (value.kind === 'cast') return Math.min(bitsOf(value.value), bitsOfType(value.type))
  return bitsOfType(value.type)
}

/** How many bits a whole number of the type has beside its sign. */
export function bitsOfType(type: DataType): number {
  return (widths[type.kind] ?? 64) - 1
}

/** The decimal a number is in decimal arithmetic: a constant is as wide as its digits. */
export function operandDecimal(value: BoundExpression | undefined, type: DataType): Decimal {
  // Bytes are the only whole numbers that Spark does not look at.
  if (value?.kind === 'literal' && value.value !== null && isIntegral(type) && type.kind !== 'byte') {
    const digits = String(value.value).replace('-', '').length
    return { kind: 'decimal', precision: digits, scale: 0 }
  }
  return decimalOf(type) ?? { kind: 'decimal', precision: 38, scale: 18 }
}

/** Spark's type of arithmetic on two numbers, decimals by the given rule. */
export function arithmeticType(
  types: readonly DataType[],
  values: readonly BoundExpression[],
  rule: (left: Decimal, right: Decimal) => DataType,
): DataType {
  const [left = voidKind, right = voidKind] = types
  if (isFractional(left) || isFractional(right)) return wider(left, right) ?? { kind: 'double' }
  if (left.kind !== 'decimal' && right.kind !== 'decimal') return wider(left, right) ?? { kind: 'long' }
  return rule(operandDecimal(values[0], left), operandDecimal(values[1], right))
}

const voidKind: DataType = { kind: 'void' }

export const decimalRules = {
  sum: (left: Decimal, right: Decimal) => {
    const scale = Math.max(left.scale, right.scale)
    return boundedDecimal(
      Math.max(left.precision - left.scale, right.precision - right.scale) + scale + 1,
      scale,
    )
  },
  product: (left: Decimal, right: Decimal) =>
    boundedDecimal(left.precision + right.precision + 1, left.scale + right.scale),
  quotient: (left: Decimal, right: Decimal) => {
    const scale = Math.max(6, left.scale + right.precision + 1)
    return boundedDecimal(left.precision - left.scale + right.scale + scale, scale)
  },
  remainder: (left: Decimal, right: Decimal) => {
    const scale = Math.max(left.scale, right.scale)
    return boundedDecimal(Math.min(left.precision - left.scale, right.precision - right.scale) + scale, scale)
  },
} as const

/**
 * The quotient of two decimals, rounded half up: by the engine where the digits needed fit its 38. NULL for a divisor of 0.
 */
export function decimalQuotient(
  left: { readonly text: string; readonly type: Decimal },
  right: { readonly text: string; readonly type: Decimal },
  type: Decimal,
): string {
  const shift = type.scale + right.type.scale
  const numeratorDigits = left.type.precision + shift
  if (numeratorDigits > 38 || right.type.precision + right.type.scale > 38) {
    return pointed(
      `native_decimal_quotient(${asText(left.text)}, ${asText(right.text)}, ${type.scale})`,
      type,
    )
  }
  const whole = (text: string, own: Decimal, by: number): string =>
    `CAST(CAST(${text} AS DECIMAL(38, ${own.scale})) * CAST(1${'0'.repeat(by)} AS DECIMAL(${by + 1}, 0)) AS HUGEINT)`
  const pair = `{n: ${whole(left.text, left.type, shift)}, d: ${whole(right.text, right.type, right.type.scale)}}`
  const rounded = once(
    pair,
    (v) =>
      `CASE WHEN ${v}.d <> 0 THEN ${v}.n // ${v}.d + CASE WHEN 2 * abs(${v}.n % ${v}.d) >= abs(${v}.d) THEN CASE WHEN (${v}.n < 0) = (${v}.d < 0) THEN 1 ELSE -1 END ELSE 0 END END`,
  )
  return pointed(rounded, type)
}

/** The rest of a division of decimals: by the engine where its 38 digits hold both. NULL for a divisor of 0. */
export function decimalRemainder(
  left: { readonly text: string; readonly type: Decimal },
  right: { readonly text: string; readonly type: Decimal },
  type: Decimal,
): string {
  const scale = Math.max(left.type.scale, right.type.scale)
  const whole = Math.max(...[left, right].map((side) => side.type.precision - side.type.scale))
  if (whole + scale <= 38) return `(${left.text} % nullif(${right.text}, 0))`
  return pointed(`native_decimal_remainder(${asText(left.text)}, ${asText(right.text)}, ${scale})`, type)
}

/** Whole digits with the point where the type has it. NULL where there are too many. */
export function pointed(digits: string, { precision, scale }: Decimal): string {
  const unit = scale === 0 ? '1' : `CAST(1e-${scale} AS DECIMAL(${scale}, ${scale}))`
  const whole = `TRY_CAST(TRY_CAST(${digits} AS HUGEINT) AS DECIMAL(${precision}, 0))`
  return `CAST(${whole} * ${unit} AS DECIMAL(${precision}, ${scale}))`
}

/**
 * The product of two decimals: by the engine where its 38 digits hold it; NULL where the type cannot hold it.
 */
export function decimalProduct(
  left: { readonly text: string; readonly type: Decimal },
  right: { readonly text: string; readonly type: Decimal },
  type: Decimal,
): string {
  const engineType = `DECIMAL(${type.precision}, ${type.scale})`
  const scale = left.type.scale + right.type.scale
  const digits = left.type.precision + right.type.precision
  if (digits <= 38) {
    // The engine gives two numbers of 18 digits a product of 18, and fails where it has more.
    const isNarrow = digits > 18 && left.type.precision <= 18 && right.type.precision <= 18
    const first = isNarrow ? `CAST(${left.text} AS DECIMAL(19, ${left.type.scale}))` : left.text
    return `CAST((${first} * ${right.text}) AS ${engineType})`
  }
  return onceEach([left.text, right.text], (one = '', other = '') => {
    const near = `CAST(${one} AS DOUBLE) * CAST(${other} AS DOUBLE)`
    const long = pointed(`native_decimal_product(${asText(one)}, ${asText(other)}, ${type.scale})`, type)
    if (scale > 37) return long
    return `(CASE WHEN abs(${near}) < 1e${37 - scale} THEN TRY_CAST(${one} * ${other} AS ${engineType}) ELSE ${long} END)`
  })
}

function asText(text: string): string {
  return `CAST(${text} AS VARCHAR)`
}
