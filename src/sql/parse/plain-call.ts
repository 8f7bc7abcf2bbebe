import type { TextPosition } from '#base/errors.ts'
import type { CallExpression, Expression } from './expression-syntax.ts'

/** A call of which nothing but the arguments is said. */
export function plainCall(name: string, given: readonly Expression[], at: TextPosition): CallExpression {
  return {
    kind: 'call',
    name,
    arguments: given,
    isDistinct: false,
    filter: undefined,
    orderBy: [],
    ignoresNulls: false,
    over: undefined,
    at,
  }
}
