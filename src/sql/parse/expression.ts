import { AppError } from '#base/errors.ts'
import {
  binaryType,
  booleanType,
  dateType,
  stringType,
  timestampNtzType,
  timestampType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import { tokenText } from '../scan/token.ts'
import { parseCall } from './call.ts'
import { parseInterval } from './interval.ts'
import { numberLiteral } from './literal.ts'
import { parseQuery } from './query.ts'
import type { BinaryOperator, Expression, UnaryOperator } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { parseType } from './type.ts'

/** How strongly operators bind, weakest first. Predicates (IS, IN, LIKE, BETWEEN) stand with the comparisons. */
const strength = {
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
  sign: 11,
  path: 12,
} as const

const symbolOperators: Readonly<Record<string, readonly [BinaryOperator, number]>> = {
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

const likeSymbols: Readonly<
  Record<string, { readonly operator: 'like' | 'ilike'; readonly isNegated: boolean }>
> = {
  '~~': { operator: 'like', isNegated: false },
  '~~*': { operator: 'ilike', isNegated: false },
  '!~~': { operator: 'like', isNegated: true },
  '!~~*': { operator: 'ilike', isNegated: true },
}

export function parseExpression(reader: TokenReader): Expression {
  return parseStronger(reader, 0)
}

/** What may stand on one side of a comparison. */
export function parseOperand(reader: TokenReader): Expression {
  return parseStronger(reader, strength.comparison)
}

/** The Pratt loop: a prefix, then whatever binds more strongly than what is to the left. */
function parseStronger(reader: TokenReader, than: number): Expression {
  return reader.nested(() => {
    let left = parsePrefix(reader)
    for (;;) {
      const extended = parseInfix(reader, left, than)
      if (!extended) return left
      left = extended
    }
  })
}

function parsePrefix(reader: TokenReader): Expression {
  const at = reader.at
  const unary = (operator: UnaryOperator, bound: number): Expression => ({
    kind: 'unary',
    operator,
    value: parseStronger(reader, bound),
    at,
  })
  if (reader.takeWord('NOT') || reader.takeSymbol('!')) return unary('not', strength.not - 1)
  if (reader.takeSymbol('-')) return negative(unary('-', strength.sign - 1))
  if (reader.takeSymbol('+')) return unary('+', strength.sign - 1)
  if (reader.takeSymbol('~')) return unary('~', strength.sign - 1)
  return parsePrimary(reader)
}

/** `-1` is a literal, so that it can be a constant argument and the smallest bigint can be written. */
function negative(expression: Expression): Expression {
  if (expression.kind !== 'unary' || expression.value.kind !== 'literal') return expression
  const { value, type } = expression.value
  const literal = { ...expression.value, text: `-${expression.value.text}`, at: expression.at }
  if (typeof value === 'number' || typeof value === 'bigint') return { ...literal, value: -value }
  if (type.kind === 'decimal' && typeof value === 'string') {
    if (value === '9223372036854775808') return { ...literal, type: { kind: 'long' }, value: -(2n ** 63n) }
    return { ...literal, value: `-${value}` }
  }
  return expression
}

function parseInfix(reader: TokenReader, left: Expression, than: number): Expression | undefined {
  const token = reader.current
  const at = left.at
  if (token.kind === 'symbol') {
    const path = parsePath(reader, left)
    if (path) return path
    const shift = shiftOperator(reader)
    const operator = shift ? ([shift, strength.shift] as const) : symbolOperators[token.text]
    if (operator) {
      const [name, bound] = operator
      if (bound <= than) return undefined
      for (let length = shift?.length ?? 1; length > 0; length--) reader.next()
      return { kind: 'binary', operator: name, left, right: parseStronger(reader, bound), at }
    }
    const like = likeSymbols[token.text]
    if (like && strength.comparison > than) {
      reader.next()
      return { kind: 'like', ...like, value: left, ...pattern(reader), at }
    }
    return undefined
  }
  if (token.kind !== 'word') return undefined
  const word = (operator: BinaryOperator, bound: number): Expression | undefined => {
    if (bound <= than) return undefined
    reader.next()
    return { kind: 'binary', operator, left, right: parseStronger(reader, bound), at }
  }
  switch (token.upper) {
    case 'OR':
      return word('or', strength.or)
    case 'AND':
      return word('and', strength.and)
    case 'DIV':
      return word('div', strength.product)
    default:
      return strength.comparison > than ? parsePredicate(reader, left) : undefined
  }
}

/** `<<`, `>>` and `>>>`: signs without a space between; in types they are brackets, so they are no symbols of their own. */
function shiftOperator(reader: TokenReader): BinaryOperator | undefined {
  const isSame = (sign: '<' | '>', distance: number): boolean => {
    const token = reader.peek(distance)
    return token.kind === 'symbol' && token.text === sign && token.at.offset === reader.at.offset + distance
  }
  if (isSame('<', 0)) return isSame('<', 1) ? '<<' : undefined
  if (!isSame('>', 0) || !isSame('>', 1)) return undefined
  return isSame('>', 2) ? '>>>' : '>>'
}

/** What stands behind a value without an operator: `.field`, `[index]`, `::type`. */
function parsePath(reader: TokenReader, base: Expression): Expression | undefined {
  const at = base.at
  if (reader.isSymbol('.') && !(reader.peek(1).kind === 'symbol')) {
    reader.next()
    const name = reader.fieldName()
    if (base.kind === 'name' && reader.isSymbol('(')) {
      throw new AppError(
        'query.unsupported',
        `There are no functions in namespaces: ${base.name}.${name.name}.`,
        {
          position: at,
        },
      )
    }
    return { kind: 'field', base, name: name.name, at: name.at }
  }
  if (reader.takeSymbol('[')) {
    const index = parseExpression(reader)
    reader.expectSymbol(']')
    return { kind: 'element', base, index, at }
  }
  if (reader.takeSymbol('::')) return { kind: 'cast', value: base, type: parseType(reader), at }
  return undefined
}

function parsePredicate(reader: TokenReader, value: Expression): Expression | undefined {
  const at = value.at
  if (reader.takeWord('IS')) {
    const isNegated = reader.takeWord('NOT')
    if (reader.takeWords('DISTINCT', 'FROM')) {
      return {
        kind: 'isDistinct',
        left: value,
        right: parseStronger(reader, strength.comparison),
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
    const low = parseStronger(reader, strength.comparison)
    reader.expectWord('AND')
    return { kind: 'between', value, low, high: parseStronger(reader, strength.comparison), isNegated, at }
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

function pattern(reader: TokenReader): { pattern: Expression; escape: Expression | undefined } {
  const pattern = parseStronger(reader, strength.comparison)
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

/** Whether a query stands here, perhaps behind opening parentheses. */
export function beginsQuery(reader: TokenReader): boolean {
  let distance = 0
  for (;;) {
    const token = reader.peek(distance)
    if (token.kind === 'symbol' && token.text === '(') {
      distance++
      continue
    }
    if (token.kind !== 'word') return false
    const next = reader.peek(distance + 1)
    // A column may be called `values` or `with`.
    if (token.upper === 'SELECT') return !(next.kind === 'symbol' && [')', ',', '.'].includes(next.text))
    if (token.upper === 'WITH') return next.kind === 'word' || next.kind === 'quoted'
    return token.upper === 'VALUES' && (next.kind !== 'symbol' || next.text === '(')
  }
}

function parsePrimary(reader: TokenReader): Expression {
  const token = reader.current
  const at = token.at
  switch (token.kind) {
    case 'number':
      reader.next()
      return numberLiteral(token.text, at)
    case 'string': {
      reader.next()
      let value = token.text
      for (let next = reader.current; next.kind === 'string'; next = reader.current) {
        value += next.text
        reader.next()
      }
      return { kind: 'literal', type: stringType, value, text: value, at }
    }
    case 'variable':
      reader.next()
      return { kind: 'variable', name: token.text, at }
    case 'parameter':
      reader.next()
      return { kind: 'parameter', index: token.index, at }
    case 'quoted': {
      if (isLambda(reader)) return parseLambda(reader)
      reader.next()
      return { kind: 'name', name: token.text, quote: token.quote, at }
    }
    case 'symbol':
      if (token.text === '(') return parseParenthesis(reader)
      if (token.text === '*') return parseStar(reader, [])
      throw reader.unexpected('an expression')
    case 'word':
      return parseWord(reader, token.upper)
    case 'dollars':
    case 'end':
      throw reader.unexpected('an expression')
  }
}

function parseParenthesis(reader: TokenReader): Expression {
  const at = reader.at
  if (isLambda(reader)) return parseLambda(reader)
  if (beginsQuery(reader) && reader.peek(1).kind === 'word') {
    return reader.inParentheses(() => ({ kind: 'subquery', query: parseQuery(reader), at }))
  }
  if (beginsQuery(reader)) {
    // `((SELECT …) UNION …)` is a query, `((SELECT …) + 1)` an expression: try the first.
    const before = reader.index
    try {
      return reader.inParentheses(() => ({ kind: 'subquery', query: parseQuery(reader), at }))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      reader.rewind(before)
    }
  }
  const items = reader.inParentheses(() => reader.list(() => parseNamed(reader)))
  const [first] = items
  if (items.length === 1 && first && first.kind !== 'named') return first
  return { kind: 'row', items, at }
}

/** `value` or `value AS name`. */
export function parseNamed(reader: TokenReader): Expression {
  const value = parseExpression(reader)
  if (!reader.takeWord('AS')) {
    // `struct(a b)`: an alias without AS.
    const alias = value.kind === 'lambda' ? undefined : reader.optionalAlias()
    return alias === undefined ? value : { kind: 'named', value, name: alias, at: value.at }
  }
  return { kind: 'named', value, name: reader.identifier('the name of a field').name, at: value.at }
}

function parseStar(reader: TokenReader, qualifier: readonly string[]): Expression {
  const at = reader.at
  reader.expectSymbol('*')
  const except: string[] = []
  if (reader.isWord('EXCEPT', 'EXCLUDE') && isOpening(reader, 1) && !beginsQueryAt(reader, 2)) {
    reader.next()
    except.push(...reader.inParentheses(() => reader.list(() => reader.identifier('a column').name)))
  } else if (reader.takeWord('EXCLUDE')) {
    except.push(reader.identifier('a column').name)
  }
  return { kind: 'star', qualifier, except, at }
}

function beginsQueryAt(reader: TokenReader, distance: number): boolean {
  const token = reader.peek(distance)
  return token.kind === 'word' && ['SELECT', 'WITH', 'VALUES'].includes(token.upper)
}

function isOpening(reader: TokenReader, distance: number): boolean {
  const token = reader.peek(distance)
  return token.kind === 'symbol' && token.text === '('
}

/** `x ->` or `(x, y) ->`. */
function isLambda(reader: TokenReader): boolean {
  let distance = 0
  if (isOpening(reader, 0)) {
    for (distance = 1; ; distance += 2) {
      if (!['word', 'quoted'].includes(reader.peek(distance).kind)) return false
      const separator = reader.peek(distance + 1)
      if (separator.kind !== 'symbol') return false
      if (separator.text === ')') break
      if (separator.text !== ',') return false
    }
    distance += 2
  } else {
    distance = 1
  }
  const arrow = reader.peek(distance)
  return arrow.kind === 'symbol' && arrow.text === '->'
}

function parseLambda(reader: TokenReader): Expression {
  const at = reader.at
  const name = (): string => reader.identifier('the name of a lambda parameter').name
  const parameters = reader.isSymbol('(') ? reader.inParentheses(() => reader.list(name)) : [name()]
  reader.expectSymbol('->')
  return { kind: 'lambda', parameters, body: parseExpression(reader), at }
}

const timeTypes = {
  DATE: dateType,
  TIMESTAMP: timestampType,
  TIMESTAMP_LTZ: timestampType,
  TIMESTAMP_NTZ: timestampNtzType,
}

function parseWord(reader: TokenReader, upper: string): Expression {
  const token = reader.current
  const at = token.at
  const literal = (type: DataType, value: boolean | null): Expression => {
    reader.next()
    return { kind: 'literal', type, value, text: tokenText(token), at }
  }
  const next = reader.peek(1)
  switch (upper) {
    case 'NULL':
      return literal(voidType, null)
    case 'TRUE':
      return literal(booleanType, true)
    case 'FALSE':
      return literal(booleanType, false)
    case 'CASE':
      return parseCase(reader)
    case 'CAST':
    case 'TRY_CAST':
      if (isOpening(reader, 1)) return parseCast(reader)
      break
    case 'EXTRACT':
      if (isOpening(reader, 1)) return parseExtract(reader)
      break
    case 'EXISTS':
      if (isOpening(reader, 1) && (beginsQueryAt(reader, 2) || isOpening(reader, 2))) {
        reader.next()
        return reader.inParentheses(() => ({ kind: 'exists', query: parseQuery(reader), at }))
      }
      break
    case 'INTERVAL':
      if (next.kind === 'string' || next.kind === 'number' || (next.kind === 'symbol' && next.text === '-')) {
        reader.next()
        return parseInterval(reader)
      }
      break
    case 'X':
      if (next.kind === 'string') {
        reader.next()
        return binaryLiteral(reader)
      }
      break
    case 'DATE':
    case 'TIMESTAMP':
    case 'TIMESTAMP_LTZ':
    case 'TIMESTAMP_NTZ':
      if (next.kind === 'string') {
        reader.next()
        reader.next()
        const value: Expression = { kind: 'literal', type: stringType, value: next.text, text: next.text, at }
        return { kind: 'cast', value, type: timeTypes[upper], at }
      }
      break
    case 'SELECT':
    case 'FROM':
    case 'WHERE':
      throw reader.unexpected('an expression')
    default:
  }
  if (isLambda(reader)) return parseLambda(reader)
  if (upper === 'ARRAY' && isTypedArray(reader)) return parseTypedArray(reader)
  if (isOpening(reader, 1)) return parseCall(reader)
  const star = parseQualifiedStar(reader)
  if (star) return star
  // A query grouped by `window(…)` has a column of that name; no expression begins with the clause.
  if (reader.takeWord('WINDOW')) return { kind: 'name', name: tokenText(token), quote: undefined, at }
  const { name } = reader.identifier('an expression')
  return { kind: 'name', name, quote: undefined, at }
}

function isTypedArray(reader: TokenReader): boolean {
  const next = reader.peek(1)
  return next.kind === 'symbol' && (next.text === '<' || next.text === '[')
}

/** `ARRAY<INT>[1, 2]`, and `ARRAY[1, 2]`. */
function parseTypedArray(reader: TokenReader): Expression {
  const at = reader.at
  const next = reader.peek(1)
  const type = next.kind === 'symbol' && next.text === '<' ? parseType(reader) : undefined
  if (!type) reader.next()
  reader.expectSymbol('[')
  const items = reader.isSymbol(']') ? [] : reader.list(() => parseExpression(reader))
  reader.expectSymbol(']')
  const value: Expression = {
    kind: 'call',
    name: 'array',
    arguments: items,
    isDistinct: false,
    filter: undefined,
    orderBy: [],
    ignoresNulls: false,
    over: undefined,
    at,
  }
  return type ? { kind: 'cast', value, type, at } : value
}

/** `X'1F'`: bytes as hex digits. */
function binaryLiteral(reader: TokenReader): Expression {
  const at = reader.at
  const text = tokenText(reader.next()).slice(1, -1)
  if (!/^[0-9a-f]*$/i.test(text)) {
    throw new AppError('query.syntax', `X'${text}' has a sign that is no hex digit.`, { position: at })
  }
  return { kind: 'literal', type: binaryType, value: text.length % 2 === 0 ? text : `0${text}`, text, at }
}

/** `a.*` and `a.b.*`. */
function parseQualifiedStar(reader: TokenReader): Expression | undefined {
  const qualifier: string[] = []
  for (let distance = 0; ; distance += 2) {
    const token = reader.peek(distance)
    const dot = reader.peek(distance + 1)
    if (token.kind === 'symbol' && token.text === '*' && distance > 0) {
      reader.rewind(reader.index + distance)
      return parseStar(reader, qualifier)
    }
    if (token.kind !== 'word' && token.kind !== 'quoted') return undefined
    if (dot.kind !== 'symbol' || dot.text !== '.') return undefined
    qualifier.push(token.text)
  }
}

function parseCase(reader: TokenReader): Expression {
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

function parseCast(reader: TokenReader): Expression {
  const at = reader.at
  reader.next()
  return reader.inParentheses(() => {
    const value = parseExpression(reader)
    reader.expectWord('AS')
    return { kind: 'cast', value, type: parseType(reader), at }
  })
}

function parseExtract(reader: TokenReader): Expression {
  const at = reader.at
  reader.next()
  return reader.inParentheses(() => {
    const part = reader.identifier('a part of a time').name
    reader.expectWord('FROM')
    return { kind: 'extract', part, value: parseExpression(reader), at }
  })
}
