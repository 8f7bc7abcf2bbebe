import { parseExpression } from './expression.ts'
import type { Expression } from './expression-syntax.ts'
import { plainCall } from './plain-call.ts'
import type { TokenReader } from './token-reader.ts'
import { parseCastTo, parseType } from './type.ts'

export function parseCase(reader: TokenReader): Expression {
  const at = reader.at
  reader.expectWord('CASE')
  const operand = reader.isWord('WHEN') ? undefined : parseExpression(reader)
  const branches: { when: Expression; then: Expression }[] = []
  while (reader.takeWord('WHEN')) {
    const when = parseExpression(reader)
    reader.expectWord('THEN')
    branches.push({ when, then: parseExpression(reader) })
  }
  if (branches.length === 0) throw reader.unexpected('WHEN')
  const otherwise = reader.takeWord('ELSE') ? parseExpression(reader) : undefined
  reader.expectWord('END')
  return { kind: 'case', operand, branches, otherwise, at }
}

export function parseCast(reader: TokenReader): Expression {
  const at = reader.at
  const isTried = reader.isWord('TRY_CAST')
  reader.next()
  return reader.inParentheses(() => {
    const value = parseExpression(reader)
    reader.expectWord('AS')
    const cast = parseCastTo(reader, value, at)
    return isTried && cast.kind === 'cast' ? { ...cast, isTried } : cast
  })
}

export function parseExtract(reader: TokenReader): Expression {
  const at = reader.at
  reader.next()
  return reader.inParentheses(() => {
    const part = reader.identifier('a part of a time').name
    reader.expectWord('FROM')
    return { kind: 'extract', part, value: parseExpression(reader), at }
  })
}

export function isTypedArray(reader: TokenReader): boolean {
  const next = reader.peek(1)
  return next.kind === 'symbol' && (next.text === '<' || next.text === '[')
}

/** `ARRAY<INT>[1, 2]`, and `ARRAY[1, 2]`. */
export function parseTypedArray(reader: TokenReader): Expression {
  const at = reader.at
  const next = reader.peek(1)
  const type = next.kind === 'symbol' && next.text === '<' ? parseType(reader) : undefined
  if (!type) reader.next()
  reader.expectSymbol('[')
  const items = reader.isSymbol(']') ? [] : reader.list(() => parseExpression(reader))
  reader.expectSymbol(']')
  const value = plainCall('array', items, at)
  return type ? { kind: 'cast', value, type, at } : value
}

export function parseLambda(reader: TokenReader): Expression {
  const at = reader.at
  // Any word may be a parameter: `(left, right) -> …`.
  const name = (): string => reader.fieldName().name
  const parameters = reader.isSymbol('(') ? reader.inParentheses(() => reader.list(name)) : [name()]
  reader.expectSymbol('->')
  return { kind: 'lambda', parameters, body: parseExpression(reader), at }
}
