import { decimalType, doubleType, longType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { on, once, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { pointed } from './numbers.ts'

/** Rounding to places: halves go away from zero (`bround`: to the even neighbour), as the decimal digits shown say. */
export const mathRoundingFunctions: readonly FunctionEntry[] = [
  scalar('round', ...rounding(rounded)),
  scalar('bround', ...rounding(roundedEven)),
  scalar('ceil ceiling', ...towards('ceil', 1)),
  scalar('floor', ...towards('floor', -1)),
]

function roundedEven(call: PrintedCall): string {
  const [value = ''] = call.values
  const [type = longType] = call.types
  const places = placesOf(call.arguments[1])
  if (type.kind === 'decimal' && call.type.kind === 'decimal') {
    // Nothing is behind these places.
    if (places >= type.scale) return call.cast(value, type, call.type)
    return decimalToEven(value, places, type.scale, call.type)
  }
  // With so many digits in front of them a double has none behind these places. A zero keeps no sign.
  const most = 2 ** 53 / 10 ** places
  const shown = (v: string): string =>
    `CASE WHEN abs(${v}) < ${most.toExponential()} THEN round_even(${v}, ${places}) + 0 ELSE ${v} END`
  return call.cast(once(call.cast(value, type, doubleType), shown), doubleType, call.type)
}

type Decimal = Extract<DataType, { kind: 'decimal' }>

function decimalToEven(value: string, places: number, scale: number, type: Decimal): string {
  return byWholeNumbers(value, { places, scale, type }, (whole, unit) => {
    const rest = `abs(${whole} % ${unit})`
    const isUp = `${rest} > ${unit} - ${rest} OR ${rest} = ${unit} - ${rest} AND (${whole} // ${unit}) % 2 <> 0`
    return `CASE WHEN ${isUp} THEN sign(${whole}) ELSE 0 END`
  })
}

interface Cut {
  readonly places: number
  /** Of the value, more than `places`. */
  readonly scale: number
  readonly type: Decimal
}

/** A decimal cut off behind the places, and the step that its digits give: a double would not hold all of them. */
function byWholeNumbers(
  value: string,
  { places, scale, type }: Cut,
  stepOf: (whole: string, unit: string) => string,
): string {
  const cut = scale - places
  // No decimal has so many digits.
  if (cut > 38) return `CASE WHEN ${value} IS NOT NULL THEN CAST(0 AS ${duckdbType(type)}) END`
  const unit = `CAST('1${'0'.repeat(cut)}' AS HUGEINT)`
  const digits = once(
    `CAST(replace(CAST(${value} AS VARCHAR), '.', '') AS HUGEINT)`,
    (whole) => `${whole} // ${unit} + ${stepOf(whole, unit)}`,
  )
  return places >= 0
    ? pointed(digits, type)
    : `TRY_CAST(${digits} * CAST('1${'0'.repeat(-places)}' AS HUGEINT) AS ${duckdbType(type)})`
}

/** The engine makes 0 of all that has no more digits before the point than are rounded away. */
function roundedDecimal(value: string, { precision, scale }: Decimal, places: number, type: Decimal): string {
  const target = duckdbType(type)
  if (places >= 0 || -places < precision - scale) return `CAST(round(${value}, ${places}) AS ${target})`
  if (1 - places > 38) return `CASE WHEN ${value} IS NOT NULL THEN CAST(0 AS ${target}) END`
  const wide = decimalType(Math.min(1 - places + scale, 38), Math.min(scale, 37 + places))
  return `CAST(round(CAST(${value} AS ${duckdbType(wide)}), ${places}) AS ${target})`
}

function rounding(printKnown: (call: PrintedCall) => string): Signature[] {
  const print = (call: PrintedCall): string => {
    const places = call.arguments[1]
    const isUnknown = places?.kind === 'literal' && places.value === null
    return isUnknown ? `CAST(NULL AS ${duckdbType(call.type)})` : printKnown(call)
  }
  const isVoid = ([type]: readonly DataType[]): boolean => type?.kind === 'void'
  return [
    on(['double', 'integer'], doubleType, print, { optional: 1, fits: isVoid }),
    on(['numeric', 'integer'], roundedType, print, { optional: 1 }),
  ]
}

/** Places are a constant; 0 when not given. */
function placesOf(places: BoundExpression | undefined): number {
  return places?.kind === 'literal' ? Number(places.value) : 0
}

function roundedType(
  [type = longType]: readonly DataType[],
  [, places]: readonly BoundExpression[],
): DataType {
  if (type.kind !== 'decimal') return type
  const wanted = placesOf(places)
  const whole = type.precision - type.scale + 1
  if (wanted < 0) return decimalType(Math.min(Math.max(whole, 1 - wanted), 38), 0)
  const scale = Math.min(type.scale, wanted)
  return decimalType(Math.min(whole + scale, 38), scale)
}

function rounded(call: PrintedCall): string {
  const {
    values: [value = ''],
    types: [type = longType],
  } = call
  const places = placesOf(call.arguments[1])
  if (type.kind === 'decimal' && call.type.kind === 'decimal') {
    return roundedDecimal(value, type, places, call.type)
  }
  if (isIntegral(type)) return places >= 0 ? value : `CAST(round(${value}, ${places}) AS ${duckdbType(type)})`
  if (places < 0) {
    // The engine makes 0 of what is not finite; a zero keeps no sign.
    return once(value, (v) => `CASE WHEN isfinite(${v}) THEN round(${v}, ${places}) + 0 ELSE ${v} END`)
  }
  // 1.005 is a little less in binary: Spark rounds the digits that are shown. Reading decimals of more than 18 digits
  // takes the engine a hundred times as long.
  const scale = Math.min(places, 20)
  const digits = (precision: number, v: string): string =>
    `CAST(${call.cast(v, doubleType, decimalType(precision, scale))} AS ${duckdbType(type)})`
  const shown = (v: string): string => {
    const short = scale < 18 ? `WHEN abs(${v}) < 1e${Math.min(18 - scale, 15)} THEN ${digits(18, v)} ` : ''
    const long = scale > 3 ? `WHEN abs(${v}) < 1e15 THEN ${digits(38, v)} ` : ''
    return `CASE ${short}${long}ELSE ${v} END`
  }
  return once(value, shown)
}

/** PostgreSQL's, for the entry `trunc`, which is also a date's. */
export const truncatedNumbers: readonly Signature[] = towards('trunc', 0)

/** `ceil` and `floor`: whole numbers are long, decimals stay decimals; with places always decimals or doubles. */
function towards(name: 'ceil' | 'floor' | 'trunc', step: 1 | 0 | -1): Signature[] {
  const toPlaces = ({ values: [value = ''], types: [from], type, ...call }: PrintedCall): string => {
    if (from?.kind !== 'decimal' || type.kind !== 'decimal') return value
    const places = placesOf(call.arguments[1])
    if (places >= from.scale) return call.cast(value, from, type)
    return byWholeNumbers(value, { places, scale: from.scale, type }, (whole, unit) => {
      if (step === 0) return '0'
      return `CASE WHEN ${whole} % ${unit} ${step > 0 ? '>' : '<'} 0 THEN ${step} ELSE 0 END`
    })
  }
  return [
    on(
      ['numeric'],
      ([type = longType]) => (type.kind === 'decimal' ? wholeDecimal(type) : longType),
      ({ values: [value = ''], types: [type = longType], type: given, cast }) => {
        if (isIntegral(type)) return cast(value, type, longType)
        if (given.kind === 'decimal') return `CAST(${name}(${value}) AS ${duckdbType(given)})`
        return cast(`${name}(${value})`, type, longType)
      },
    ),
    on(['decimal', 'integer'], roundedType, toPlaces),
    on(['any', 'integer'], (_types, values) => roundedType([floatAsDecimal], values), toPlaces, {
      converts: () => [floatAsDecimal, undefined],
      fits: ([type]) => type?.kind === 'float',
    }),
    on(['double', 'integer'], (_types, values) => roundedType([doubleAsDecimal], values), toPlaces, {
      converts: () => [doubleAsDecimal, undefined],
    }),
  ]
}

/** One digit more, for what is rounded up; whole numbers stay as they are. */
function wholeDecimal(type: Decimal): DataType {
  return type.scale === 0 ? type : decimalType(Math.min(type.precision - type.scale + 1, 38), 0)
}

/** What Spark makes of a double where a decimal is needed. */
const floatAsDecimal = decimalType(14, 7)
const doubleAsDecimal = decimalType(30, 15)
