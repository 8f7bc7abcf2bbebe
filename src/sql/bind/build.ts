import type { TextPosition } from '#base/errors.ts'
import {
  booleanType,
  integerType,
  longType,
  sameType,
  stringType,
  structType,
  type DataType,
} from '#types/data-type.ts'
import type { CallExtras, FunctionEntry, Signature } from '../functions/entry.ts'
import type { BoundCall, BoundExpression, BoundLiteral } from './bound.ts'
import { foldCast } from './fold.ts'
import { distinctlyNamed } from '#types/distinct-names.ts'

/** Makers of bound expressions. They simplify what is known at once: constants, fields of structs just made. */

export const nullOf = (type: DataType): BoundLiteral => ({ kind: 'literal', type, value: null })
export const booleanOf = (value: boolean): BoundLiteral => ({ kind: 'literal', type: booleanType, value })
export const integerOf = (value: number): BoundLiteral => ({ kind: 'literal', type: integerType, value })
export const longOf = (value: bigint | number): BoundLiteral => ({
  kind: 'literal',
  type: longType,
  value: BigInt(value),
})
export const stringOf = (value: string): BoundLiteral => ({ kind: 'literal', type: stringType, value })

export function isNullLiteral(expression: BoundExpression): boolean {
  return expression.kind === 'literal' && expression.value === null
}

/** The value as the type wanted; constants are converted here. */
export function castTo(value: BoundExpression, type: DataType): BoundExpression {
  if (sameType(value.type, type)) return value
  if (value.kind === 'literal') {
    if (value.value === null) return nullOf(type)
    const folded = foldCast(value, type)
    if (folded) return { kind: 'literal', ...folded }
  }
  return { kind: 'cast', value, type }
}

/** A struct's field, of a type known. */
export function fieldOf(base: BoundExpression, name: string, type: DataType): BoundExpression {
  if (base.kind === 'struct') {
    const index = base.type.fields.findIndex((field) => field.name === name)
    const value = base.values[index]
    if (value) return value
  }
  if (isNullLiteral(base)) return nullOf(type)
  if (base.kind === 'case') {
    const parts = [...base.branches.map(({ then }) => then), base.otherwise]
    if (parts.every((part) => part.kind === 'struct' || part.kind === 'case' || isNullLiteral(part))) {
      return {
        kind: 'case',
        branches: base.branches.map(({ when, then }) => ({ when, then: fieldOf(then, name, type) })),
        otherwise: fieldOf(base.otherwise, name, type),
        type,
      }
    }
  }
  return { kind: 'field', base, name, type }
}

export interface Member {
  readonly name: string
  readonly value: BoundExpression
}

/** A struct of members in their order; of a name that comes again, in any case, the next is `name_2`. */
export function structOf(members: readonly Member[]): BoundExpression {
  const fields = distinctlyNamed(members.map(({ name, value }) => ({ name, type: value.type })))
  return { kind: 'struct', values: members.map(({ value }) => value), type: structType(fields) }
}

export function caseOf(
  branches: readonly { readonly when: BoundExpression; readonly then: BoundExpression }[],
  otherwise: BoundExpression,
): BoundExpression {
  const type = branches.find(({ then }) => then.type.kind !== 'void')?.then.type ?? otherwise.type
  return {
    kind: 'case',
    branches: branches.map(({ when, then }) => ({ when, then: castTo(then, type) })),
    otherwise: castTo(otherwise, type),
    type,
  }
}

/** A call whose arguments have the right types already. */
export function callOf(
  entry: FunctionEntry,
  signature: Signature,
  values: readonly BoundExpression[],
  extras: CallExtras = {},
  at?: TextPosition,
): BoundCall {
  const { gives } = signature
  const type =
    typeof gives === 'function'
      ? gives(
          values.map((value) => value.type),
          values,
        )
      : gives
  return {
    kind: 'call',
    entry,
    lowering: signature.lowering,
    arguments: values,
    type,
    isDistinct: false,
    ignoresNulls: false,
    filter: undefined,
    orderBy: [],
    over: undefined,
    at,
    ...extras,
  }
}
