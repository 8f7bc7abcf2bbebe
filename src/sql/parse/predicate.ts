import { parseExpression, parseOperand } from './expression.ts'
import { beginsQuery } from './look-ahead.ts'
import { parsePrimary } from './primary.ts'
import { parseQuery } from './query.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

export function parsePredicate(reader: TokenReader, value: Expression): Expression | undefined {
  const at = value.at
  if (reader.takeWord('IS')) {
    const isNegated = reader.takeWord('NOT')
    if (reader.takeWords('DISTINCT', 'FROM')) {
      return {
        kind: 'isDistinct',
        left: value,
        right: parseOperand(reader),
        isNegated,
        at,
      }
    }
    for (const what of ['null', 'true', 'false', 'unknown'] as const) {
      if (reader.takeWord(what.toUpperCase())) return { kind: 'is', value, what, isNegated, at }
    }
    throw reader.unexpected('NULL, TRUE, FALSE or DISTINCT FROM')
  }
  const before = reader.index
  const isNegated = reader.takeWord('NOT')
  if (reader.takeWord('BETWEEN')) {
    const low = parseOperand(reader)
    reader.expectWord('AND')
    return { kind: 'between', value, low, high: parseOperand(reader), isNegated, at }
  }
  if (reader.takeWord('IN')) return parseIn(reader, value, isNegated)
  if (reader.takeWord('LIKE'))
    return { kind: 'like', operator: 'like', value, ...pattern(reader), isNegated, at }
  if (reader.takeWord('ILIKE'))
    return { kind: 'like', operator: 'ilike', value, ...pattern(reader), isNegated, at }
  if (reader.takeWord('RLIKE', 'REGEXP')) {
    return { kind: 'like', operator: 'rlike', value, ...pattern(reader), isNegated, at }
  }
  reader.rewind(before)
  return undefined
}

export function pattern(reader: TokenReader): { pattern: Expression; escape: Expression | undefined } {
  const pattern = parseOperand(reader)
  return { pattern, escape: reader.takeWord('ESCAPE') ? parsePrimary(reader) : undefined }
}

function parseIn(reader: TokenReader, value: Expression, isNegated: boolean): Expression {
  return reader.inParentheses((): Expression => {
    if (beginsQuery(reader))
      return { kind: 'inQuery', value, query: parseQuery(reader), isNegated, at: value.at }
    return {
      kind: 'inList',
      value,
      list: reader.list(() => parseExpression(reader)),
      isNegated,
      at: value.at,
    }
  })
}
