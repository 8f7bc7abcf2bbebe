import type { BoundCall, BoundExpression, BoundLiteral } from './bound.ts'
import { foldArithmetic, foldDays, foldMicros } from './fold.ts'

/**
 * Arithmetic on constants, computed once: `60 * 30`, `current_date - 90`. Planning skips files only by constants.
 * What cannot be computed here is left to the engine.
 */
export function foldCall(call: BoundCall): BoundExpression {
  const [left, right] = call.arguments
  if (left?.kind !== 'literal' || right?.kind !== 'literal' || call.arguments.length !== 2) return call
  const folded = foldOperator(call, left, right)
  return folded ? { kind: 'literal', ...folded } : call
}

function foldOperator(call: BoundCall, left: BoundLiteral, right: BoundLiteral) {
  const [operator] = call.entry.names
  if (operator !== '+' && operator !== '-' && operator !== '*') return undefined
  if (operator === '*' || call.type.kind === right.type.kind)
    return foldArithmetic(operator, left, right, call.type)
  const sign = operator === '+' ? 1 : -1
  if (call.type.kind === 'date' && left.type.kind === 'date' && right.type.kind === 'integer') {
    return foldDays(left, right, sign)
  }
  if (call.type.kind === 'timestamp' && left.type.kind === 'timestamp' && right.type.kind === 'interval') {
    const [months = '0', days = '0', micros = '0'] = String(right.value).split(' ')
    // Months are not of one length: the engine knows the calendar.
    if (months !== '0' || left.value === null || right.value === null) return undefined
    return foldMicros(left, BigInt(sign) * (BigInt(days) * 86_400_000_000n + BigInt(micros)))
  }
  return undefined
}
