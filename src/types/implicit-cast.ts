import {
  arrayType,
  decimalType,
  doubleType,
  mapType,
  sameType,
  stringType,
  structType,
  timestampType,
  type DataType,
  type Field,
} from './data-type.ts'
import { widerInterval } from './intervals.ts'

/**
 * Spark's rules of implicit conversion (non-ANSI): which type two values meet in. `undefined` means they do not meet.
 */

const integralOrder = ['byte', 'short', 'integer', 'long'] as const
const numericOrder = [...integralOrder, 'float', 'double'] as const

export function isIntegral(type: DataType): boolean {
  return integralOrder.some((kind) => kind === type.kind)
}

export function isNumeric(type: DataType): boolean {
  return type.kind === 'decimal' || numericOrder.some((kind) => kind === type.kind)
}

export function isFractional(type: DataType): boolean {
  return type.kind === 'float' || type.kind === 'double'
}

export function isTemporal(type: DataType): boolean {
  return type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'timestamp_ntz'
}

export function isAtomic(type: DataType): boolean {
  return type.kind !== 'array' && type.kind !== 'map' && type.kind !== 'struct'
}

/** The decimal that holds every value of an integral type. */
export function decimalOf(type: DataType): Extract<DataType, { kind: 'decimal' }> | undefined {
  const decimal = (precision: number, scale = 0) => ({ kind: 'decimal', precision, scale }) as const
  switch (type.kind) {
    case 'decimal':
      return type
    case 'byte':
      return decimal(3)
    case 'short':
      return decimal(5)
    case 'integer':
      return decimal(10)
    case 'long':
      return decimal(20)
    default:
      return undefined
  }
}

/** The type of both without loss: what CASE, coalesce, arrays, IN and set operations widen to, strings excepted. */
export function widerWithoutStrings(left: DataType, right: DataType): DataType | undefined {
  if (sameType(left, right)) return left
  if (left.kind === 'void') return right
  if (right.kind === 'void') return left
  const numeric = widerNumeric(left, right)
  if (numeric) return numeric
  if (left.kind === 'interval' && right.kind === 'interval') return widerInterval(left, right)
  if (isTemporal(left) && isTemporal(right)) {
    if (left.kind === 'date') return right
    if (right.kind === 'date') return left
    return timestampType
  }
  return widerComplex(left, right, widerWithoutStrings)
}

/** As `widerWithoutStrings`, and a string meets every simple value but binary and boolean in a string. */
export function wider(left: DataType, right: DataType): DataType | undefined {
  const type = widerWithoutStrings(left, right)
  if (type) return type
  if (left.kind === 'string' && promotesToString(right)) return stringType
  if (right.kind === 'string' && promotesToString(left)) return stringType
  return widerComplex(left, right, wider)
}

export function widerOf(
  types: readonly DataType[],
  meet: (left: DataType, right: DataType) => DataType | undefined = wider,
): DataType | undefined {
  const [first, ...rest] = types
  if (!first) return undefined
  // Strings first, so that the outcome does not depend on the order.
  const hasString = types.some((type) => type.kind === 'string') && meet === wider
  const start: DataType | undefined = hasString ? wider(stringType, first) : first
  return rest.reduce<DataType | undefined>((type, next) => type && meet(type, next), start)
}

/** What the two sides of a comparison are compared as: a string is read as what the other side is. */
export function comparedAs(left: DataType, right: DataType): DataType | undefined {
  if (left.kind === 'string' && right.kind !== 'string') return stringComparedAs(right)
  if (right.kind === 'string' && left.kind !== 'string') return stringComparedAs(left)
  const type = widerWithoutStrings(left, right)
  if (type) return type
  // A boolean is compared with a number as 1 or 0.
  if (left.kind === 'boolean' && isNumeric(right)) return right
  if (right.kind === 'boolean' && isNumeric(left)) return left
  return widerComplex(left, right, comparedAs)
}

function stringComparedAs(other: DataType): DataType | undefined {
  if (other.kind === 'void') return stringType
  if (other.kind === 'decimal') return doubleType
  return isAtomic(other) ? other : undefined
}

/** Whether Spark would convert a value of `from` to `to` on its own where a function asks for `to`. */
export function castsImplicitly(from: DataType, to: DataType): boolean {
  if (sameType(from, to) || from.kind === 'void') return true
  if (isNumeric(to)) return isNumeric(from) || from.kind === 'string'
  switch (to.kind) {
    case 'string':
      return isAtomic(from) && !isOldInterval(from)
    case 'date':
    case 'timestamp':
    case 'timestamp_ntz':
      return isTemporal(from) || from.kind === 'string'
    case 'binary':
      return from.kind === 'string'
    case 'array':
      return from.kind === 'array' && castsImplicitly(from.element, to.element)
    case 'map':
      return from.kind === 'map' && castsImplicitly(from.key, to.key) && castsImplicitly(from.value, to.value)
    case 'struct':
      return (
        from.kind === 'struct' &&
        from.fields.length === to.fields.length &&
        from.fields.every((field, index) => {
          const target = to.fields[index]
          return target !== undefined && castsImplicitly(field.type, target.type)
        })
      )
    default:
      return false
  }
}

/** Whether CAST from one to the other exists at all; a value that does not fit becomes NULL. */
export function castsExplicitly(from: DataType, to: DataType): boolean {
  if (sameType(from, to) || from.kind === 'void') return true
  if (to.kind === 'void') return false
  if (to.kind === 'string') return true
  if (!isAtomic(from) || !isAtomic(to)) {
    if (from.kind === 'array' && to.kind === 'array') return castsExplicitly(from.element, to.element)
    if (from.kind === 'map' && to.kind === 'map') {
      return castsExplicitly(from.key, to.key) && castsExplicitly(from.value, to.value)
    }
    if (from.kind !== 'struct' || to.kind !== 'struct') return false
    return (
      from.fields.length === to.fields.length &&
      from.fields.every((field, index) => {
        const target = to.fields[index]
        return target !== undefined && castsExplicitly(field.type, target.type)
      })
    )
  }
  if (from.kind === 'string') return true
  if (from.kind === 'interval') return to.kind === 'interval' || (!!from.span && isIntegral(to))
  if (to.kind === 'interval') return !!to.span && isIntegral(from)
  if (isNumeric(from) || from.kind === 'boolean') {
    return (
      isNumeric(to) ||
      to.kind === 'boolean' ||
      to.kind === 'timestamp' ||
      (to.kind === 'binary' && isIntegral(from))
    )
  }
  if (isTemporal(from)) return isTemporal(to) || isNumeric(to) || to.kind === 'boolean'
  return false
}

export function widerDecimal(
  left: { readonly precision: number; readonly scale: number },
  right: { readonly precision: number; readonly scale: number },
): DataType {
  const scale = Math.max(left.scale, right.scale)
  const whole = Math.max(left.precision - left.scale, right.precision - right.scale)
  // What two values have in common keeps the digits before the point; the fraction gives way, to nothing if need be.
  return decimalType(Math.min(whole + scale, 38), Math.min(scale, 38 - whole))
}

/** A decimal cut to 38 digits: the fraction gives way, but keeps 6 digits if it had them. */
export function boundedDecimal(precision: number, scale: number): DataType {
  if (precision <= 38) return decimalType(precision, scale)
  const whole = precision - scale
  return decimalType(38, Math.max(38 - whole, Math.min(scale, 6)))
}

function widerNumeric(left: DataType, right: DataType): DataType | undefined {
  if (!isNumeric(left) || !isNumeric(right)) return undefined
  if (left.kind === 'decimal' || right.kind === 'decimal') {
    const [one, other] = [decimalOf(left), decimalOf(right)]
    return one && other ? widerDecimal(one, other) : doubleType
  }
  const rank = (type: DataType): number => numericOrder.findIndex((kind) => kind === type.kind)
  return rank(left) > rank(right) ? left : right
}

function promotesToString(type: DataType): boolean {
  return isAtomic(type) && type.kind !== 'binary' && type.kind !== 'boolean' && !isOldInterval(type)
}

/** It is no simple value for Spark. */
function isOldInterval(type: DataType): boolean {
  return type.kind === 'interval' && !type.span
}

function widerComplex(
  left: DataType,
  right: DataType,
  meet: (left: DataType, right: DataType) => DataType | undefined,
): DataType | undefined {
  if (left.kind === 'array' && right.kind === 'array') {
    const element = meet(left.element, right.element)
    return element && arrayType(element)
  }
  if (left.kind === 'map' && right.kind === 'map') {
    const key = meet(left.key, right.key)
    const value = meet(left.value, right.value)
    return key && value && mapType(key, value)
  }
  if (left.kind === 'struct' && right.kind === 'struct' && left.fields.length === right.fields.length) {
    const fields: Field[] = []
    for (const [index, field] of left.fields.entries()) {
      const other = right.fields[index]
      if (!other || other.name.toLowerCase() !== field.name.toLowerCase()) return undefined
      const type = meet(field.type, other.type)
      if (!type) return undefined
      fields.push({ name: field.name, type })
    }
    return structType(fields)
  }
  return undefined
}
