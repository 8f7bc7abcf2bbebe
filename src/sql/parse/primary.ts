import { AppError } from '#base/errors.ts'
import {
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
import {
  isTypedArray,
  parseCase,
  parseCast,
  parseExtract,
  parseLambda,
  parseTypedArray,
} from './constructs.ts'
import { parseExpression } from './expression.ts'
import { parseInterval } from './interval.ts'
import { binaryLiteral, numberLiteral } from './literal.ts'
import { beginsQuery, beginsQueryAt, isLambda, isOpening } from './look-ahead.ts'
import { parseQuery } from './query.ts'
import { parseQualifiedStar, parseStar } from './star.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

export function parsePrimary(reader: TokenReader): Expression {
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
      const star = parseQualifiedStar(reader)
      if (star) return star
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
  return named(reader, parseExpression(reader))
}

/** The value with the name that stands behind it, if one does. */
export function named(reader: TokenReader, value: Expression): Expression {
  if (!reader.takeWord('AS')) {
    // `struct(a b)`: an alias without AS.
    const alias = value.kind === 'lambda' ? undefined : reader.optionalAlias()
    return alias === undefined ? value : { kind: 'named', value, name: alias, at: value.at }
  }
  return { kind: 'named', value, name: reader.identifier('the name of a field').name, at: value.at }
}

const timeTypes = {
  DATE: dateType,
  TIMESTAMP: timestampType,
  TIMESTAMPTZ: timestampType,
  TIMESTAMP_LTZ: timestampType,
  TIMESTAMP_NTZ: timestampNtzType,
}

/** `TIMESTAMP '…'`, and as clients of PostgreSQL write it, with or without `WITH TIME ZONE` between. */
function typedTime(reader: TokenReader, plain: DataType): Expression | undefined {
  const at = reader.at
  const before = reader.index
  reader.next()
  const saysZone = plain.kind !== 'date' && reader.current.kind === 'word'
  const isZoned = saysZone && reader.takeWords('WITH', 'TIME', 'ZONE')
  const isWallClock = saysZone && !isZoned && reader.takeWords('WITHOUT', 'TIME', 'ZONE')
  const { current } = reader
  if (current.kind !== 'string') {
    reader.rewind(before)
    return undefined
  }
  reader.next()
  const value: Expression = { kind: 'literal', type: stringType, value: current.text, text: current.text, at }
  const type = isZoned ? timestampType : isWallClock ? timestampNtzType : plain
  return { kind: 'cast', value, type, isTyped: true, at }
}

/** They end a table, and no expression begins with them: where one must begin they are names. */
const joinWords = new Set(['LEFT', 'RIGHT', 'FULL', 'INNER', 'CROSS', 'NATURAL', 'SEMI', 'ANTI'])

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
    case 'TIMESTAMPTZ':
    case 'TIMESTAMP_LTZ':
    case 'TIMESTAMP_NTZ': {
      const literal = typedTime(reader, timeTypes[upper])
      if (literal) return literal
      break
    }
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
  const { name } = joinWords.has(upper) ? reader.fieldName() : reader.identifier('an expression')
  return { kind: 'name', name, quote: undefined, at }
}
