import { dayOfMicros, microsOfDay, microsOfText } from './iceberg/civil-time.ts'
import type { DataFile } from './iceberg/manifest.ts'
import type { DayRange } from './iceberg/manifest-list.ts'
import { type BoundValue, decimalScale, decodeBound, unscaled } from './iceberg/single-value.ts'
import type { Predicate } from './lake.ts'

/**
 * What a predicate says about a file's bounds. Only a file that certainly has no row for it is skipped: wherever the
 * engine's way to compare could differ from ours (a double against a 64-bit integer), equality counts as a match.
 */
export interface FilePredicate {
  readonly fieldId: number
  /** Whether rows with values from `lower` to `upper` may match; an absent bound is open. */
  mayMatch(lower: Buffer | undefined, upper: Buffer | undefined): boolean
  /** The same for days since 1970, if the column is the one partitioned by. */
  readonly mayMatchDays: ((first: number, last: number) => boolean) | undefined
}

interface Comparison {
  /** The sign of bound − value. */
  readonly compare: (bound: BoundValue) => number
  /** Whether the engine, too, tells the two apart wherever `compare` does. */
  readonly isExact: boolean
}

/** Undefined when nothing can be told from the value: then no file may be skipped. */
export function filePredicate(
  predicate: Predicate,
  column: { readonly id: number; readonly type: string; readonly isDayColumn: boolean },
): FilePredicate | undefined {
  const compared = comparison(column.type, predicate.value)
  if (!compared) return undefined
  const { compare, isExact } = compared
  const { operator } = predicate
  const isStrict = isExact && (operator === '<' || operator === '>')
  const mayBeAbove = (upper: BoundValue): boolean => (isStrict ? compare(upper) > 0 : compare(upper) >= 0)
  const mayBeBelow = (lower: BoundValue): boolean => (isStrict ? compare(lower) < 0 : compare(lower) <= 0)
  const mayMatch = (lower: BoundValue | undefined, upper: BoundValue | undefined): boolean =>
    (operator === '>' || operator === '>=' || lower === undefined || mayBeBelow(lower)) &&
    (operator === '<' || operator === '<=' || upper === undefined || mayBeAbove(upper))

  const micros = isTime(column.type) ? microsOf(predicate.value) : undefined
  const day = micros === undefined ? undefined : dayOfMicros(micros)
  return {
    fieldId: column.id,
    mayMatch: (lower, upper) =>
      mayMatch(lower && decodeBound(column.type, lower), upper && decodeBound(column.type, upper)),
    mayMatchDays:
      column.isDayColumn && day !== undefined
        ? (first, last) =>
            (operator === '>' || operator === '>=' || first <= day) &&
            (operator === '<' || operator === '<=' || last >= day)
        : undefined,
  }
}

/** Whether a file of the days may hold a matching row. */
export function mayMatchDays(predicates: readonly FilePredicate[], days: DayRange): boolean {
  // Rows without a day never match a comparison with it; but times without end have no day either.
  if (days.containsNull || days.first === undefined || days.last === undefined) return true
  const { first, last } = days
  return predicates.every((predicate) => predicate.mayMatchDays?.(first, last) ?? true)
}

export function mayMatchFile(predicates: readonly FilePredicate[], file: DataFile): boolean {
  return predicates.every((predicate) => {
    // A comparison with NULL is never true.
    if (file.nullCounts.get(predicate.fieldId) === file.rowCount) return false
    if (file.day !== null && !(predicate.mayMatchDays?.(file.day, file.day) ?? true)) return false
    return predicate.mayMatch(
      file.lowerBounds.get(predicate.fieldId),
      file.upperBounds.get(predicate.fieldId),
    )
  })
}

function comparison(type: string, value: Predicate['value']): Comparison | undefined {
  switch (type) {
    case 'boolean':
      return typeof value === 'boolean' ? numbers(Number(value), Number, true) : undefined
    case 'string':
      if (typeof value !== 'string') return undefined
      return { compare: (bound) => Buffer.compare(bound as Buffer, Buffer.from(value)), isExact: true }
    case 'date':
      return days(value)
    case 'timestamp':
    case 'timestamptz':
      return times(value)
    case 'int':
      return integers(value, (bound) => BigInt(bound as number))
    case 'long':
      return integers(value)
    case 'float':
      return typeof value === 'boolean' ? undefined : numbers(Math.fround(numberOf(value)), Number, false)
    case 'double':
      return typeof value === 'boolean'
        ? undefined
        : numbers(numberOf(value), Number, typeof value === 'number')
    default:
      return type.startsWith('decimal') ? decimals(value, decimalScale(type)) : undefined
  }
}

/** Doubles may have been rounded on the way, by the engine in another place than here. */
const roundingMax = 1e-14

function numbers(
  value: number,
  numberOfBound: (bound: BoundValue) => number,
  isExact: boolean,
): Comparison | undefined {
  if (Number.isNaN(value)) return undefined // Larger than all to some, different from all to others.
  const compare = (bound: BoundValue): number => {
    const number = numberOfBound(bound)
    const isNear = Math.abs(number - value) <= roundingMax * Math.max(Math.abs(number), Math.abs(value))
    return isNear && !isExact ? 0 : signOf(number, value)
  }
  return { compare, isExact }
}

function integers(
  value: Predicate['value'],
  wholeOf: (bound: BoundValue) => bigint = (bound) => bound as bigint,
): Comparison | undefined {
  if (typeof value === 'boolean') return undefined
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return numbers(value, Number, false)
  // A text with a fraction may become a whole number, or none at all.
  if (typeof value === 'string' && !/^-?\d+$/.test(value)) return undefined
  const whole = BigInt(value)
  return { compare: (bound) => signOf(wholeOf(bound), whole), isExact: true }
}

function decimals(value: Predicate['value'], scale: number): Comparison | undefined {
  if (typeof value === 'boolean') return undefined
  const exact = typeof value === 'number' ? undefined : unscaled(String(value), decimalScaleMax)
  if (exact === undefined) {
    return numbers(numberOf(value), (bound) => Number(bound) / 10 ** scale, false)
  }
  const factor = 10n ** BigInt(decimalScaleMax - scale)
  return { compare: (bound) => signOf((bound as bigint) * factor, exact), isExact: true }
}

/** More digits after the point than any decimal has. */
const decimalScaleMax = 76

function times(value: Predicate['value']): Comparison | undefined {
  const micros = microsOf(value)
  return micros === undefined
    ? undefined
    : { compare: (bound) => signOf(bound as bigint, micros), isExact: true }
}

/** Of a time only the day is compared: whether the engine drops the rest is its affair. */
function days(value: Predicate['value']): Comparison | undefined {
  const micros = microsOf(value)
  if (micros === undefined) return undefined
  const day = dayOfMicros(micros)
  return { compare: (bound) => signOf(bound as number, day), isExact: microsOfDay(day) === micros }
}

function microsOf(value: Predicate['value']): bigint | undefined {
  return typeof value === 'string' ? microsOfText(value) : undefined
}

function isTime(type: string): boolean {
  return type === 'date' || type === 'timestamp' || type === 'timestamptz'
}

function numberOf(value: string | number | bigint | boolean): number {
  return typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value)
}

function signOf<T extends number | bigint>(left: T, right: T): number {
  return left < right ? -1 : left > right ? 1 : 0
}
