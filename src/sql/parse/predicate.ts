import { AppError } from '#base/errors.ts'
import { elementsOfArrayText } from '#types/array-text.ts'
import { stringType, voidType } from '#types/data-type.ts'
import { parseExpression, parseOperand } from './expression.ts'
import { beginsQuery, beginsQueryAt, isOpening } from './look-ahead.ts'
import { parsePrimary } from './primary.ts'
import { parseQuery } from './query.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { booleanLiteral } from './value-query.ts'

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
  if (reader.takeWord('ISNULL')) return { kind: 'is', value, what: 'null', isNegated: false, at }
  if (reader.takeWord('NOTNULL')) return { kind: 'is', value, what: 'null', isNegated: true, at }
  const before = reader.index
  const isNegated = reader.takeWord('NOT')
  if (reader.takeWord('BETWEEN')) {
    const low = parseOperand(reader)
    reader.expectWord('AND')
    return { kind: 'between', value, low, high: parseOperand(reader), isNegated, at }
  }
  if (reader.takeWord('IN')) return parseIn(reader, value, isNegated)
  for (const operator of ['like', 'ilike'] as const) {
    if (!reader.takeWord(operator.toUpperCase())) continue
    return (
      likeEach(reader, { value, operator, isNegated }) ?? {
        kind: 'like',
        operator,
        value,
        ...pattern(reader),
        isNegated,
        at,
      }
    )
  }
  if (reader.takeWord('RLIKE', 'REGEXP')) {
    return { kind: 'like', operator: 'rlike', value, ...pattern(reader), isNegated, at }
  }
  if (reader.areWords('SIMILAR', 'TO')) {
    throw new AppError('query.unsupported', 'There is no SIMILAR TO.', {
      position: reader.at,
      hint: "Write RLIKE with a regular expression of the whole text, such as '^(a|b).*$'.",
    })
  }
  reader.rewind(before)
  return undefined
}

/** `LIKE ANY | SOME | ALL (pattern, …)`: one of the patterns, or all of them; NOT is of each. */
function likeEach(
  reader: TokenReader,
  like: Pick<Extract<Expression, { kind: 'like' }>, 'value' | 'operator' | 'isNegated'>,
): Expression | undefined {
  const next = reader.peek(1)
  const isOpen = next.kind === 'symbol' && next.text === '('
  if (!isOpen || !reader.isWord('ANY', 'SOME', 'ALL')) return undefined
  const { at } = like.value
  const operator = reader.isWord('ALL') ? 'and' : 'or'
  reader.next()
  return reader
    .inParentheses(() => reader.list(() => parseExpression(reader)))
    .map((one): Expression => ({ kind: 'like', ...like, pattern: one, escape: undefined, at }))
    .reduce((left, right): Expression => ({ kind: 'binary', operator, left, right, at }))
}

/**
 * Behind `=` or `<>`: `ANY (query)` and `SOME (query)` are IN, `<> ALL (query)` is NOT IN; so are arrays, as clients send
 * and write them. Anything else behind ANY is for the aggregate function of that name.
 */
export function quantified(reader: TokenReader, value: Expression, operator: string): Expression | undefined {
  const isIn = operator === '=' && reader.isWord('ANY', 'SOME')
  const isNotIn = operator === '<>' && reader.isWord('ALL')
  const next = reader.peek(1)
  if ((!isIn && !isNotIn) || next.kind !== 'symbol' || next.text !== '(') return undefined
  if (beginsQueryAt(reader, 2)) {
    reader.next()
    return parseIn(reader, value, isNotIn)
  }
  let distance = 2
  while (isOpening(reader, distance)) distance++
  const inner = reader.peek(distance)
  const isArray =
    ['parameter', 'string'].includes(inner.kind) || (inner.kind === 'word' && inner.upper === 'ARRAY')
  if (!isArray) return undefined
  reader.next()
  return reader.inParentheses(() => inArray(value, parseExpression(reader), isNotIn))
}

/** An array that is written as a text, `'{1,2}'`, is a list. */
function inArray(value: Expression, array: Expression, isNegated: boolean): Expression {
  const { at } = value
  const text = array.kind === 'cast' && array.type.kind === 'array' ? array.value : array
  if (text.kind !== 'literal' || typeof text.value !== 'string') {
    return { kind: 'inArray', value, array, isNegated, at }
  }
  const elements = elementsOfArrayText(text.value)
  if (!elements) {
    throw new AppError(
      'query.value',
      `An array {…} was expected, ${JSON.stringify(text.value.slice(0, 80))} came.`,
      {
        position: text.at,
      },
    )
  }
  const list = elements.map((element): Expression => {
    const type = element === null ? voidType : stringType
    const literal: Expression = { ...text, type, value: element }
    return array.kind === 'cast' && array.type.kind === 'array'
      ? { ...array, value: literal, type: array.type.element }
      : literal
  })
  if (list.length === 0) return booleanLiteral(isNegated, at)
  return { kind: 'inList', value, list, areTexts: text === array, isNegated, at }
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
