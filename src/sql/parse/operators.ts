import type { BinaryOperator, Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** How strongly operators bind, weakest first. Predicates (IS, IN, LIKE, BETWEEN) stand with the comparisons. */
export const strength = {
  or: 1,
  and: 2,
  not: 3,
  comparison: 4,
  bitOr: 5,
  bitXor: 6,
  bitAnd: 7,
  shift: 8,
  sum: 9,
  product: 10,
  zone: 11,
  sign: 12,
  path: 13,
} as const

export const symbolOperators: Readonly<Record<string, readonly [BinaryOperator, number]>> = {
  '=': ['=', strength.comparison],
  '==': ['=', strength.comparison],
  '<>': ['<>', strength.comparison],
  '!=': ['<>', strength.comparison],
  '<': ['<', strength.comparison],
  '<=': ['<=', strength.comparison],
  '>': ['>', strength.comparison],
  '>=': ['>=', strength.comparison],
  '<=>': ['<=>', strength.comparison],
  '|': ['|', strength.bitOr],
  '^': ['^', strength.bitXor],
  '&': ['&', strength.bitAnd],
  '+': ['+', strength.sum],
  '-': ['-', strength.sum],
  '||': ['||', strength.sum],
  '*': ['*', strength.product],
  '/': ['/', strength.product],
  '%': ['%', strength.product],
}

export const likeSymbols: Readonly<
  Record<string, Pick<Extract<Expression, { kind: 'like' }>, 'operator' | 'isNegated'>>
> = {
  '~~': { operator: 'like', isNegated: false },
  '~~*': { operator: 'ilike', isNegated: false },
  '!~~': { operator: 'like', isNegated: true },
  '!~~*': { operator: 'ilike', isNegated: true },
  '~': { operator: 'posix', isNegated: false },
  '~*': { operator: 'iposix', isNegated: false },
  '!~': { operator: 'posix', isNegated: true },
  '!~*': { operator: 'iposix', isNegated: true },
}

/** `<<`, `>>` and `>>>`: signs without a space between; in types they are brackets, so they are no symbols of their own. */
export function shiftOperator(reader: TokenReader): BinaryOperator | undefined {
  const isSame = (sign: '<' | '>', distance: number): boolean => {
    const token = reader.peek(distance)
    return token.kind === 'symbol' && token.text === sign && token.at.offset === reader.at.offset + distance
  }
  if (isSame('<', 0)) return isSame('<', 1) ? '<<' : undefined
  if (!isSame('>', 0) || !isSame('>', 1)) return undefined
  return isSame('>', 2) ? '>>>' : '>>'
}
