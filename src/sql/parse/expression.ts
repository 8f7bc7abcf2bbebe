import { AppError } from '#base/errors.ts'
import { byteType, integerType, longType, shortType } from '#types/data-type.ts'
import { likeSymbols, shiftOperator, strength, symbolOperators } from './operators.ts'
import { parsePredicate, pattern, quantified } from './predicate.ts'
import { plainCall } from './plain-call.ts'
import { parsePrimary } from './primary.ts'
import type { BinaryOperator, Expression, UnaryOperator } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { parseSuffixCast } from './type.ts'

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
  if (reader.takeSymbol('-')) return smallest(reader, at) ?? negative(unary('-', strength.sign - 1))
  if (reader.takeSymbol('+')) return unary('+', strength.sign - 1)
  if (reader.takeSymbol('~')) return unary('~', strength.sign - 1)
  return parsePrimary(reader)
}

/** `-9223372036854775808L`, `-32768S` and `-128Y`, whose digits alone are none. */
function smallest(reader: TokenReader, at: Expression['at']): Expression | undefined {
  const token = reader.current
  if (token.kind !== 'number') return undefined
  const number = smallestNumbers[token.text.toUpperCase()]
  if (!number) return undefined
  reader.next()
  return { kind: 'literal', ...number, text: `-${token.text}`, at }
}

const smallestNumbers: Readonly<
  Record<string, Pick<Extract<Expression, { kind: 'literal' }>, 'type' | 'value'>>
> = {
  '9223372036854775808L': { type: longType, value: -(2n ** 63n) },
  '32768S': { type: shortType, value: -32768 },
  '128Y': { type: byteType, value: -128 },
}

const smallestOf: Readonly<Record<string, number | bigint>> = {
  byte: -128,
  short: -32768,
  integer: -(2 ** 31),
  long: -(2n ** 63n),
}

/** `-1` is a literal, so that it can be a constant argument and the smallest whole numbers can be written. */
function negative(expression: Expression): Expression {
  if (expression.kind !== 'unary' || expression.value.kind !== 'literal') return expression
  const { value, type } = expression.value
  const literal = { ...expression.value, text: `-${expression.value.text}`, at: expression.at }
  if (value === 2n ** 31n && !/l$/i.test(literal.text)) {
    return { ...literal, type: integerType, value: -Number(value) }
  }
  // The smallest ones have no opposite: that wraps, where it is computed.
  if (type.kind in smallestOf && value === smallestOf[type.kind]) return expression
  if (typeof value === 'number' || typeof value === 'bigint') return { ...literal, value: -value }
  if (type.kind === 'decimal' && typeof value === 'string') {
    if (value === '9223372036854775808') return { ...literal, type: longType, value: -(2n ** 63n) }
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
      const isIn = quantified(reader, left, name)
      if (isIn) return isIn
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
    case 'AT':
      return isWordAt(reader, 1, 'TIME') && isWordAt(reader, 2, 'ZONE') && strength.zone > than
        ? inZone(reader, left)
        : undefined
    case 'COLLATE':
      return isCollation(reader) ? collated(reader, left) : undefined
    default:
      return strength.comparison > than ? parsePredicate(reader, left) : undefined
  }
}

function isWordAt(reader: TokenReader, distance: number, upper: string): boolean {
  const token = reader.peek(distance)
  return token.kind === 'word' && token.upper === upper
}

/** `time AT TIME ZONE zone` is a call, as in PostgreSQL. */
function inZone(reader: TokenReader, time: Expression): Expression {
  for (let length = 3; length > 0; length--) reader.next()
  const zone = parseStronger(reader, strength.zone)
  return plainCall('timezone', [zone, time], time.at)
}

/** Texts are compared by their code points, which all of these mean. */
const binaryCollations: readonly string[] = ['C', 'POSIX', 'UCS_BASIC', 'UTF8_BINARY']

/** Whether COLLATE stands here before a collation; else it is a name. */
function isCollation(reader: TokenReader): boolean {
  const next = reader.peek(1)
  return (
    next.kind === 'quoted' ||
    (next.kind === 'word' && (binaryCollations.includes(next.upper) || /^(?:UTF8_|UNICODE)/.test(next.upper)))
  )
}

function collated(reader: TokenReader, text: Expression): Expression {
  reader.next()
  const { name, at } = reader.identifier('the name of a collation')
  if (binaryCollations.includes(name.toUpperCase())) return text
  throw new AppError('query.unsupported', `Texts have no collation ${JSON.stringify(name.slice(0, 80))}.`, {
    position: at,
    hint: 'They are compared by their code points: COLLATE "C".',
  })
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
  if (reader.takeSymbol('::')) return parseSuffixCast(reader, base, at)
  return undefined
}
