import { AppError } from '#base/errors.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import { sparkName } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { BoundCall, BoundExpression, BoundQueryTree } from '../../bind/bound.ts'
import { someExpression } from '../../bind/walk.ts'
import type { PrintedCall } from '../../functions/entry.ts'
import { castText } from './cast.ts'
import { tryCastText } from './try-cast.ts'
import { printLiteral } from './literal.ts'
import { printOrderBy, printOver } from './print-window.ts'

/** What printing an expression needs of the query around it. */
export interface PrintPlace {
  readonly printQuery: (tree: BoundQueryTree) => string
}

/** Engine text of an expression, safe to stand in any place. */
export function printExpression(expression: BoundExpression, place: PrintPlace): string {
  const print = (inner: BoundExpression): string => printExpression(inner, place)
  switch (expression.kind) {
    case 'literal':
      return printLiteral(expression)
    case 'column':
      return `${expression.relation.alias}.${quoteIdentifier(expression.column.key)}`
    case 'parameter':
      return `$${expression.index}`
    case 'lambdaVariable':
      return expression.name
    case 'lambda':
      return `lambda ${expression.parameters.join(', ')}: ${print(expression.body)}`
    case 'field':
      return `struct_extract(${print(expression.base)}, ${quoteLiteral(expression.name)})`
    case 'struct': {
      const members = expression.values.map(
        (value, index) => `${quoteIdentifier(expression.type.fields[index]?.name ?? '')} := ${print(value)}`,
      )
      return `struct_pack(${members.join(', ')})`
    }
    case 'cast':
      return (expression.isTried === true ? tryCastText : castText)(
        print(expression.value),
        expression.value.type,
        expression.type,
      )
    case 'case': {
      const branches = expression.branches.map(({ when, then }) => `WHEN ${print(when)} THEN ${print(then)} `)
      return `(CASE ${branches.join('')}ELSE ${print(expression.otherwise)} END)`
    }
    case 'inQuery':
      return `(${print(expression.value)} IN (${place.printQuery(expression.query)}))`
    case 'exists':
      return `EXISTS (${place.printQuery(expression.query)})`
    case 'scalarQuery':
      return `(${place.printQuery(expression.query)})`
    case 'call':
      return printCall(expression, place)
  }
}

function printCall(call: BoundCall, place: PrintPlace): string {
  try {
    return textOf(call, place)
  } catch (error) {
    // What a function finds wrong with its constants is wrong where it stands.
    throw error instanceof AppError && call.at ? error.at(call.at) : error
  }
}

function textOf(call: BoundCall, place: PrintPlace): string {
  const { lowering } = call
  const printed = printedCall(call, place)
  switch (lowering.kind) {
    case 'duckdb':
      return typed(lowering.print(printed), call)
    case 'rows':
      return lowering.list(printed)
    default:
      throw new Error(
        `Broken invariant: ${call.entry.names[0] ?? ''}(${call.arguments.map((value) => sparkName(value.type)).join(', ')}) was not carried out at binding`,
      )
  }
}

/** Of NULL as it is written the engine makes a NULL without a type. What only other calls look into has none to give. */
function typed(text: string, { type, arguments: values }: BoundCall): string {
  if (type.kind === 'void') return text
  const isNull = (value: BoundExpression): boolean => value.kind === 'literal' && value.value === null
  const mayLoseType = values.some((value) => someExpression(value, isNull))
  return mayLoseType ? `CAST(${text} AS ${duckdbType(type)})` : text
}

function printedCall(call: BoundCall, place: PrintPlace): PrintedCall {
  return {
    values: call.arguments.map((value) => printExpression(value, place)),
    types: call.arguments.map((value) => value.type),
    type: call.type,
    arguments: call.arguments,
    isDistinct: call.isDistinct,
    ignoresNulls: call.ignoresNulls,
    orderBy:
      call.orderBy.length === 0
        ? ''
        : ` ${printOrderBy(call.orderBy, place, { isOfDistinct: call.isDistinct })}`,
    filter: call.filter && printExpression(call.filter, place),
    over: call.over ? printOver(call.over, place) : '',
    isWindow: call.over !== undefined,
    print: (value) => printExpression(value, place),
    cast: castText,
  }
}
