import { decimalType, doubleType, longType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { on, once, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'

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
  // Nothing is behind these places, and a double does not hold all digits.
  if (type.kind === 'decimal' && places >= type.scale) return call.cast(value, type, call.type)
  return call.cast(`round_even(${asDouble(call)}, ${places})`, doubleType, call.type)
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

function asDouble({ values: [value = ''], types: [type = longType], cast }: PrintedCall): string {
  return cast(value, type, doubleType)
}

function rounded(call: PrintedCall): string {
  const {
    values: [value = ''],
    types: [type = longType],
  } = call
  const places = placesOf(call.arguments[1])
  if (type.kind === 'decimal') return `CAST(round(${value}, ${places}) AS ${duckdbType(call.type)})`
  if (isIntegral(type)) return places >= 0 ? value : `CAST(round(${value}, ${places}) AS ${duckdbType(type)})`
  if (places < 0) return call.cast(`round(${value}, ${places})`, type, type)
  // 1.005 is a little less in binary: Spark rounds the digits that are shown.
  const scale = Math.min(places, 20)
  const shown = (v: string): string =>
    `CASE WHEN abs(${v}) < 1e15 THEN CAST(CAST(CAST(${v} AS VARCHAR) AS DECIMAL(38, ${scale})) AS ${duckdbType(type)}) ELSE ${v} END`
  return once(value, shown)
}

/** `ceil` and `floor`: whole numbers are long, decimals stay decimals; with places always decimals or doubles. */
function towards(name: 'ceil' | 'floor', step: 1 | -1): Signature[] {
  const toPlaces = ({ values: [value = ''], type, ...call }: PrintedCall): string => {
    const places = placesOf(call.arguments[1])
    const unit = `CAST(1e${-places} AS ${duckdbType(type)})`
    const compare = step === 1 ? '>' : '<'
    const sign = step === 1 ? '+' : '-'
    const moved = once(value, (v) => {
      const near = `CAST(round(${v}, ${places}) AS ${duckdbType(type)})`
      return `CASE WHEN ${v} ${compare} ${near} THEN ${near} ${sign} ${unit} ELSE ${near} END`
    })
    return `CAST(${moved} AS ${duckdbType(type)})`
  }
  return [
    on(
      ['numeric'],
      ([type = longType]) =>
        type.kind === 'decimal' ? decimalType(Math.min(type.precision - type.scale + 1, 38), 0) : longType,
      ({ values: [value = ''], types: [type = longType], type: given, cast }) => {
        if (isIntegral(type)) return cast(value, type, longType)
        if (given.kind === 'decimal') return `CAST(${name}(${value}) AS ${duckdbType(given)})`
        return cast(`${name}(${value})`, type, longType)
      },
    ),
    on(['decimal', 'integer'], roundedType, toPlaces),
    on(['double', 'integer'], (_types, values) => roundedType([doubleAsDecimal], values), toPlaces, {
      converts: () => [doubleAsDecimal, undefined],
    }),
  ]
}

/** What Spark makes of a double where a decimal is needed. */
const doubleAsDecimal = decimalType(30, 15)
