import { booleanType, integerType, longType, type DataType } from '#types/data-type.ts'
import type { BoundCall, BoundExpression, BoundFrame, BoundSort, BoundWindow } from '../../bind/bound.ts'
import { callOf } from '../../bind/build.ts'

/**
 * The pieces the Adobe-defined functions are made of. They stand in no statement, so they are no part of the dialect:
 * each is a call with an entry of its own.
 */
type Print = (values: readonly string[], over: string) => string

function piece(name: string, type: DataType, print: Print) {
  return (values: readonly BoundExpression[], over?: BoundWindow): BoundCall =>
    callOf(
      { names: [name], kind: over ? 'window' : 'adobe', signatures: [] },
      {
        takes: [],
        gives: type,
        lowering: { kind: 'duckdb', print: (call) => print(call.values, call.over) },
      },
      values,
      { over },
    )
}

const microsPiece = piece('#micros', longType, ([time = '']) => `epoch_us(${time})`)
const differencePiece = piece('#difference', longType, ([one = '', other = '']) => `(${one} - ${other})`)
const isKnownPiece = piece('#is_known', booleanType, ([value = '']) => `(${value} IS NOT NULL)`)
const isTruePiece = piece('#is_true', booleanType, ([value = '']) => `coalesce(${value}, false)`)
const rowNumberPiece = piece('#row_number', longType, (_, over) => `row_number()${over}`)
const countPiece = piece(
  '#count_true',
  integerType,
  ([value = ''], over) => `CAST(sum(CAST(${value} AS INTEGER))${over} AS INTEGER)`,
)
const latestPiece = piece('#latest', longType, ([value = ''], over) => `max(${value})${over}`)

/** A timestamp as microseconds since 1970. */
export const microsOf = (time: BoundExpression): BoundCall => microsPiece([time])
export const differenceOf = (one: BoundExpression, other: BoundExpression): BoundCall =>
  differencePiece([one, other])
export const isKnown = (value: BoundExpression): BoundCall => isKnownPiece([value])
/** NULL is false. */
export const isTrue = (value: BoundExpression): BoundCall => isTruePiece([value])
export const rowNumber = (over: BoundWindow): BoundCall => rowNumberPiece([], over)
/** How many rows of the frame satisfy a condition that is never NULL. */
export const countTrue = (condition: BoundExpression, over: BoundWindow): BoundCall =>
  countPiece([condition], over)
/** The largest of some whole numbers. */
export const latestOf = (value: BoundExpression, over: BoundWindow): BoundCall => latestPiece([value], over)

/** A condition in the engine's words, about values; `make` gets their texts. */
export function condition(
  name: string,
  values: readonly BoundExpression[],
  make: (values: readonly string[]) => string,
): BoundCall {
  return piece(name, booleanType, (texts) => `(${make(texts)})`)(values)
}

/** A value computed from values, in the engine's words. */
export function computed(
  name: string,
  type: DataType,
  values: readonly BoundExpression[],
  make: (values: readonly string[]) => string,
): BoundCall {
  return piece(name, type, (texts) => make(texts))(values)
}

/** The value where the condition holds, else NULL. */
export function where(value: BoundExpression, isSo: BoundExpression): BoundExpression {
  return piece(
    '#where',
    value.type,
    ([text = '', test = '']) => `(CASE WHEN ${test} THEN ${text} END)`,
  )([value, isSo])
}

/** The first or last value of the frame that is not NULL. */
export function knownValue(side: 'first' | 'last', value: BoundExpression, over: BoundWindow): BoundCall {
  return piece(
    `#${side}_known`,
    value.type,
    ([text = ''], over) => `${side}_value(${text} IGNORE NULLS)${over}`,
  )([value], over)
}

export interface Step {
  readonly direction: 'lag' | 'lead'
  readonly shift: BoundExpression
  readonly ignoresNulls: boolean
}

/** The row of the smallest or largest place in the frame. */
export function furthest(
  side: 'first' | 'last',
  value: BoundExpression,
  place: BoundExpression,
  over: BoundWindow,
): BoundCall {
  return piece(
    `#${side}_by_place`,
    value.type,
    ([text = '', place = ''], over) => `arg_${side === 'first' ? 'min' : 'max'}(${text}, ${place})${over}`,
  )([value, place], over)
}

/** The value so many rows before or behind. */
export function stepped(
  value: BoundExpression,
  { direction, shift, ignoresNulls }: Step,
  over: BoundWindow,
): BoundCall {
  const word = ignoresNulls ? ' IGNORE NULLS' : ''
  return piece(
    `#${direction}${word}`,
    value.type,
    ([text = '', steps = ''], over) => `${direction}(${text}, ${steps}${word})${over}`,
  )([value, shift], over)
}

export const unboundedPreceding = { kind: 'unboundedPreceding' } as const
export const unboundedFollowing = { kind: 'unboundedFollowing' } as const
export const currentRow = { kind: 'currentRow' } as const

/** All rows up to this one. */
export const backward: BoundFrame = { unit: 'rows', start: unboundedPreceding, end: currentRow }
/** This row and all behind it. */
export const forward: BoundFrame = { unit: 'rows', start: currentRow, end: unboundedFollowing }

export const ascending = (value: BoundExpression): BoundSort => ({
  value,
  isDescending: false,
  nulls: 'first',
})

/** The window's rows in its order; without ORDER BY, in the order of time. */
export function ordered(over: BoundWindow, time: BoundExpression | undefined): BoundWindow {
  return over.orderBy.length > 0 || !time ? over : { ...over, orderBy: [ascending(time)] }
}

export function framed(over: BoundWindow, frame: BoundFrame | undefined): BoundWindow {
  return { ...over, frame }
}
