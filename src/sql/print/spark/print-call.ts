import { AppError } from '#base/errors.ts'
import type { BoundCall, BoundExpression } from '../../bind/bound.ts'
import { listOfRows } from './generators.ts'
import { operators, type PrintedCall } from './operators.ts'
import { pieces } from './pieces.ts'
import { type PrintPlace, printExpression } from './print-expression.ts'
import { printOrderBy, printOver } from './print-window.ts'
import { specialCalls } from './special-calls.ts'

/** A call as Spark writes it: the dialect's functions are Spark's, so most keep their name. */
export function printCall(call: BoundCall, place: PrintPlace): string {
  const print = (value: BoundExpression): string => printExpression(value, place)
  const printed: PrintedCall = { call, values: call.arguments.map(print) }
  const { entry, lowering } = call
  const [name = ''] = entry.names
  if (lowering.kind === 'rows') return listOfRows(printed)
  if (name.startsWith('#')) return printPiece(printed, place)
  const operator = operators[name]
  if (operator) return operator(printed)
  const { text, isCast } = headOf(printed, place)
  const tail = `${text}${filterOf(call, place)}${ignoresNulls(call) ? ' IGNORE NULLS' : ''}${overOf(call, place)}`
  return isCast === undefined ? tail : isCast(tail)
}

interface Head {
  readonly text: string
  /** What stands around the call with its window. */
  readonly isCast?: (text: string) => string
}

function headOf(printed: PrintedCall, place: PrintPlace): Head {
  const { call } = printed
  const [name = ''] = call.entry.names
  const isCondition = call.filter !== undefined && call.over !== undefined
  const values = isCondition ? printed.values.map((value) => onlyWhere(value, call, place)) : printed.values
  const special = specialCalls[name]
  if (special) {
    const orderBy = call.orderBy.length === 0 ? '' : printOrderBy(call.orderBy, place)
    const said = special({ call, values }, orderBy)
    if (said !== undefined) return typeof said === 'string' ? { text: said } : said
  }
  if (call.orderBy.length > 0) {
    throw new AppError('query.unsupported', `On Spark ${name} takes no ORDER BY.`, {
      position: call.at,
      hint: 'Sort what it gives, or SET engine = duckdb.',
    })
  }
  return { text: `${name}(${call.isDistinct ? 'DISTINCT ' : ''}${values.join(', ')})` }
}

/** Spark filters no window: what is left out is NULL there, which aggregates pass over. */
function onlyWhere(value: string, { filter }: BoundCall, place: PrintPlace): string {
  return filter ? `(CASE WHEN ${printExpression(filter, place)} THEN ${value} END)` : value
}

function filterOf({ filter, over }: BoundCall, place: PrintPlace): string {
  return filter && !over ? ` FILTER (WHERE ${printExpression(filter, place)})` : ''
}

/** Where a function says it by an argument, that argument is left out by `specialCalls`. */
function ignoresNulls(call: BoundCall): boolean {
  if (call.ignoresNulls) return true
  const place = call.entry.names[0] === 'nth_value' ? 2 : -1
  const flag = call.arguments[place]
  return flag?.kind === 'literal' && flag.value === true
}

function overOf(call: BoundCall, place: PrintPlace): string {
  return call.over ? printOver(call.over, place, call.entry.kind === 'window') : ''
}

/** A part of an Adobe-defined function. */
function printPiece({ call, values }: PrintedCall, place: PrintPlace): string {
  const { over, lowering } = call
  const [name = ''] = call.entry.names
  const needsOrder = /^#(?:row_number|lag|lead|first|last)/.test(name)
  const steps = call.arguments[1]
  if (/^#(?:lag|lead)/.test(name) && (steps?.kind !== 'literal' || steps.value === null)) {
    throw new AppError('query.unsupported', 'On Spark how many rows away one looks is a constant.', {
      hint: 'Write the number itself, or SET engine = duckdb.',
    })
  }
  const window = over ? printOver(over, place, needsOrder) : ''
  const piece = pieces(name)
  if (piece) return piece(values, window)
  if (lowering.kind !== 'duckdb') throw new Error(`Broken invariant: ${name} has a text`)
  // What both engines write the same way.
  return lowering.print({
    values,
    types: call.arguments.map((value) => value.type),
    type: call.type,
    arguments: call.arguments,
    isDistinct: false,
    ignoresNulls: false,
    orderBy: '',
    filter: undefined,
    over: window,
    isWindow: over !== undefined,
    print: () => {
      throw new Error(`Broken invariant: ${name} looks into no argument`)
    },
    cast: () => {
      throw new Error(`Broken invariant: ${name} converts nothing`)
    },
  })
}
