import { AppError } from '#base/errors.ts'
import type { TableName } from '../compile.ts'
import { parseExpression } from './expression.ts'
import { beginsQuery } from './look-ahead.ts'
import { isTableOperator, parseTableOperators } from './pivot.ts'
import { parseNames, parseQuery } from './query.ts'
import type { CallExpression, Expression } from './expression-syntax.ts'
import type { Alias, FromItem, JoinCondition, JoinType, LateralView, SnapshotSyntax } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** One item of FROM with the joins behind it. */
export function parseFromItem(reader: TokenReader): FromItem {
  let left = parsePrimaryItem(reader)
  for (;;) {
    const at = reader.at
    const isNatural = reader.takeWord('NATURAL')
    const type = parseJoinType(reader)
    if (!type) {
      if (isNatural) throw reader.unexpected('JOIN')
      return left
    }
    const right = parsePrimaryItem(reader)
    const condition = isNatural ? ({ kind: 'natural' } as const) : parseCondition(reader)
    left = { kind: 'join', type, left, right, condition, alias: undefined, at }
  }
}

function parseJoinType(reader: TokenReader): JoinType | undefined {
  const before = reader.index
  const type = ((): JoinType => {
    if (reader.takeWord('CROSS')) return 'cross'
    if (reader.takeWord('INNER')) return 'inner'
    if (reader.takeWord('SEMI')) return 'semi'
    if (reader.takeWord('ANTI')) return 'anti'
    for (const side of ['left', 'right', 'full'] as const) {
      if (!reader.takeWord(side.toUpperCase())) continue
      if (side === 'left' && reader.takeWord('SEMI')) return 'semi'
      if (side === 'left' && reader.takeWord('ANTI')) return 'anti'
      reader.takeWord('OUTER')
      return side
    }
    return 'inner'
  })()
  if (reader.takeWord('JOIN')) return type
  reader.rewind(before)
  return undefined
}

function parseCondition(reader: TokenReader): JoinCondition {
  if (reader.takeWord('ON')) return { kind: 'on', value: parseExpression(reader) }
  if (!reader.takeWord('USING')) return { kind: 'none' }
  return {
    kind: 'using',
    columns: reader.inParentheses(() => reader.list(() => reader.identifier('the name of a column'))),
  }
}

function parsePrimaryItem(reader: TokenReader): FromItem {
  return parseTableOperators(reader, parsePlainItem(reader), () => parseAlias(reader))
}

function parsePlainItem(reader: TokenReader): FromItem {
  return reader.nested((): FromItem => {
    const at = reader.at
    const isLateral = reader.takeWord('LATERAL')
    if (reader.isSymbol('(')) {
      if (isSubquery(reader)) {
        const query = reader.inParentheses(() => parseQuery(reader))
        return { kind: 'subquery', query, isLateral, alias: parseAlias(reader), at }
      }
      const item = reader.inParentheses(() => parseFromItem(reader))
      const alias = parseAlias(reader)
      if (!alias) return item
      if (item.kind !== 'join') return { ...item, alias }
      return { ...item, alias }
    }
    if (reader.isWord('VALUES')) {
      const query = parseQuery(reader)
      return { kind: 'subquery', query, isLateral, alias: parseAlias(reader), at }
    }
    const next = reader.peek(1)
    if (reader.current.kind === 'word' && next.kind === 'symbol' && next.text === '(') {
      const call = parseGenerator(reader)
      const history = historyItem(call)
      if (history) return { ...history, alias: parseAlias(reader) }
      return { kind: 'generator', call, alias: parseAlias(reader), at }
    }
    const name = parseTableName(reader)
    reader.takeSymbol('*')
    const before = parseSnapshot(reader)
    const alias = parseAlias(reader)
    const snapshot = before ?? parseSnapshot(reader)
    return { kind: 'table', name, alias, snapshot, isHistory: false, at }
  })
}

/** What `history_meta('t')` reads from. */
export function historyItem(call: Expression): Extract<FromItem, { kind: 'table' }> | undefined {
  if (call.kind !== 'call' || call.name.toLowerCase() !== 'history_meta') return undefined
  const [table, ...more] = call.arguments
  if (more.length > 0 || table?.kind !== 'literal' || typeof table.value !== 'string') {
    throw new AppError(
      'query.syntax',
      "history_meta takes the name of a table as a text: history_meta('t').",
      {
        position: call.at,
      },
    )
  }
  const name = { parts: table.value.split('.'), position: table.at }
  return { kind: 'table', name, alias: undefined, snapshot: undefined, isHistory: true, at: call.at }
}

/** `(SELECT …` is a subquery, and so is `((SELECT …) UNION …)`; `((q) AS a JOIN …)` is a join in parentheses. */
function isSubquery(reader: TokenReader): boolean {
  if (!beginsQuery(reader)) return false
  const inner = reader.peek(1)
  if (inner.kind === 'word') return true
  // Find what follows the inner parenthesis: only a set operation, ORDER, LIMIT or a closing one make it a query.
  let depth = 0
  for (let distance = 1; ; distance++) {
    const token = reader.peek(distance)
    if (token.kind === 'end') return false
    if (token.kind !== 'symbol') continue
    if (token.text === '(') depth++
    if (token.text === ')' && --depth === 0) {
      const next = reader.peek(distance + 1)
      if (next.kind === 'symbol') return next.text === ')'
      return (
        next.kind === 'word' &&
        ['UNION', 'INTERSECT', 'EXCEPT', 'MINUS', 'ORDER', 'LIMIT', 'OFFSET'].includes(next.upper)
      )
    }
  }
}

export function parseTableName(reader: TokenReader): TableName {
  const first = reader.identifier('the name of a table')
  const parts = [first.name]
  while (reader.takeSymbol('.')) parts.push(reader.fieldName().name)
  return { parts, position: first.at }
}

function parseAlias(reader: TokenReader): Alias | undefined {
  if (isTableOperator(reader)) return undefined
  const name = reader.takeWord('AS') ? reader.identifier('an alias').name : reader.optionalAlias()
  if (name === undefined) return undefined
  return { name, columns: reader.isSymbol('(') ? parseNames(reader) : undefined }
}

function parseSnapshot(reader: TokenReader): SnapshotSyntax | undefined {
  if (!reader.takeWord('SNAPSHOT')) return undefined
  if (reader.takeWord('SINCE')) return { since: parseBound(reader), asOf: undefined }
  if (reader.takeWords('AS', 'OF')) return { since: undefined, asOf: parseBound(reader) }
  reader.expectWord('BETWEEN')
  const since = parseBound(reader)
  reader.expectWord('AND')
  return { since, asOf: parseBound(reader) }
}

function parseBound(reader: TokenReader): Expression {
  const token = reader.current
  if (token.kind === 'word' && ['HEAD', 'TAIL'].includes(token.upper)) {
    reader.next()
    return { kind: 'literal', type: { kind: 'string' }, value: token.upper, text: token.text, at: token.at }
  }
  const isValue = ['string', 'number', 'variable', 'parameter'].includes(token.kind)
  if (!isValue) throw reader.unexpected("a snapshot id, 'HEAD', 'TAIL' or a variable")
  // Nothing binds to a bound: `BETWEEN a AND b` must not become one expression.
  reader.next()
  switch (token.kind) {
    case 'string':
      return { kind: 'literal', type: { kind: 'string' }, value: token.text, text: token.text, at: token.at }
    case 'number':
      return { kind: 'literal', type: { kind: 'string' }, value: token.text, text: token.text, at: token.at }
    case 'variable':
      return { kind: 'variable', name: token.text, at: token.at }
    case 'parameter':
      return { kind: 'parameter', index: token.index, at: token.at }
    default:
      throw reader.unexpected('a snapshot id')
  }
}

export function parseLateralViews(reader: TokenReader): LateralView[] {
  const views: LateralView[] = []
  for (;;) {
    const at = reader.at
    if (!reader.takeWords('LATERAL', 'VIEW')) return views
    const isOuter = reader.takeWord('OUTER')
    const call = parseGenerator(reader)
    const table = reader.isWord('AS') ? undefined : reader.optionalAlias()
    const columns = reader.takeWord('AS')
      ? reader.list(() => reader.identifier('the name of a column').name)
      : []
    views.push({ call, isOuter, table, columns, at })
  }
}

function parseGenerator(reader: TokenReader): CallExpression {
  const call = parseExpression(reader)
  if (call.kind !== 'call') throw reader.unexpected('the call of a generator such as explode(…)')
  return call
}
