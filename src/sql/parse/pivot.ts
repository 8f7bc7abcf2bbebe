import { AppError } from '#base/errors.ts'
import { parseExpression } from './expression.ts'
import type { Expression } from './expression-syntax.ts'
import { plainCall } from './plain-call.ts'
import type { FromItem, PivotValue, Select } from './syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { booleanLiteral, queryOf } from './value-query.ts'

const columnName = (reader: TokenReader) => reader.identifier('the name of a column')

/** `PIVOT`, `UNPIVOT` and `TABLESAMPLE` behind something of FROM. They are no aliases. */
export function isTableOperator(reader: TokenReader): boolean {
  const next = reader.peek(1)
  if (reader.isWord('UNPIVOT') && next.kind === 'word' && ['INCLUDE', 'EXCLUDE'].includes(next.upper))
    return true
  return reader.isWord('PIVOT', 'UNPIVOT', 'TABLESAMPLE') && next.kind === 'symbol' && next.text === '('
}

/** The item with what stands behind it. */
export function parseTableOperators(
  reader: TokenReader,
  item: FromItem,
  alias: () => Extract<FromItem, { kind: 'subquery' }>['alias'],
): FromItem {
  let result = item
  while (isTableOperator(reader)) {
    if (reader.isWord('PIVOT')) result = { ...parsePivot(reader, result), alias: alias() }
    else if (reader.isWord('UNPIVOT')) result = { ...parseUnpivot(reader, result), alias: alias() }
    else {
      const sampled = parseSample(reader, result)
      const ownName =
        result.kind === 'table'
          ? (result.alias ?? { name: result.name.parts.at(-1) ?? '', columns: undefined })
          : undefined
      result = { ...sampled, alias: alias() ?? ('alias' in result ? result.alias : undefined) ?? ownName }
    }
  }
  return result
}

/** `PIVOT (aggregate [AS name], … FOR column IN (value [AS name], …))`. */
function parsePivot(reader: TokenReader, input: FromItem): Extract<FromItem, { kind: 'pivot' }> {
  const at = reader.at
  reader.next()
  return reader.inParentheses(() => {
    const aggregates = reader.list((): PivotValue => {
      const value = parseExpression(reader)
      return { value, alias: reader.takeWord('AS') ? reader.fieldName().name : reader.optionalAlias() }
    })
    reader.expectWord('FOR')
    const columns = reader.isSymbol('(')
      ? reader.inParentheses(() => reader.list(() => columnName(reader)))
      : [columnName(reader)]
    reader.expectWord('IN')
    const values = reader.inParentheses(() =>
      reader.list((): PivotValue => {
        const value = parseExpression(reader)
        return { value, alias: reader.takeWord('AS') ? reader.fieldName().name : reader.optionalAlias() }
      }),
    )
    return { kind: 'pivot', input, aggregates, columns, values, alias: undefined, at }
  })
}

/** `UNPIVOT [INCLUDE NULLS] (value FOR name IN (column [AS 'text'], …))`: a row for each column, of its name and value. */
function parseUnpivot(reader: TokenReader, input: FromItem): Extract<FromItem, { kind: 'subquery' }> {
  const at = reader.at
  reader.next()
  const includesNulls = reader.takeWords('INCLUDE', 'NULLS')
  if (!includesNulls) reader.takeWords('EXCLUDE', 'NULLS')
  return reader.inParentheses(() => {
    const value = columnName(reader).name
    reader.expectWord('FOR')
    const name = columnName(reader).name
    reader.expectWord('IN')
    const columns = reader.inParentheses(() =>
      reader.list(() => {
        const column = columnName(reader)
        const label = reader.takeWord('AS') ? reader.next() : undefined
        const text = label && 'text' in label ? label.text : column.name
        return { column, text }
      }),
    )
    const rows = columns.map(({ column, text }) =>
      plainCall(
        'named_struct',
        [
          textLiteral(name, at),
          textLiteral(text, column.at),
          textLiteral(value, at),
          { kind: 'name', name: column.name, quote: '`', at: column.at },
        ],
        at,
      ),
    )
    const isThere: Expression = {
      kind: 'is',
      value: { kind: 'name', name: value, quote: '`', at },
      what: 'null',
      isNegated: true,
      at,
    }
    const query = queryOf({
      items: starItems(
        columns.map(({ column }) => column.name),
        at,
      ),
      from: [input],
      lateralViews: [
        {
          call: plainCall('inline', [plainCall('array', rows, at)], at),
          isOuter: false,
          table: undefined,
          columns: [name, value],
          at,
        },
      ],
      where: includesNulls ? booleanLiteral(true, at) : isThere,
      at,
    })
    return { kind: 'subquery', query, isLateral: false, alias: undefined, at }
  })
}

/** `TABLESAMPLE (n PERCENT | n ROWS)`. */
function parseSample(reader: TokenReader, input: FromItem): Extract<FromItem, { kind: 'subquery' }> {
  const at = reader.at
  reader.next()
  const query = reader.inParentheses(() => {
    const count = parseExpression(reader)
    const isPercent = reader.takeWord('PERCENT')
    if (isPercent) requireShare(count)
    if (!isPercent) reader.expectWord('ROWS')
    if (!isPercent) return { ...queryOf({ items: starItems([], at), from: [input], at }), limit: count }
    const drawn = plainCall('rand', [], at)
    const share: Expression = {
      kind: 'binary',
      operator: '/',
      left: count,
      right: { kind: 'literal', type: { kind: 'double' }, value: 100, text: '100', at },
      at,
    }
    const where: Expression = { kind: 'binary', operator: '<', left: drawn, right: share, at }
    return queryOf({ items: starItems([], at), from: [input], where, at })
  })
  return { kind: 'subquery', query, isLateral: false, alias: undefined, at }
}

/** @throws AppError 'query.value' for a number of percent that no share of rows has */
function requireShare(count: Expression): void {
  const isNegative = count.kind === 'unary' && count.operator === '-'
  const number = isNegative ? count.value : count
  if (number.kind !== 'literal' || number.value === null) return
  const percent = isNegative ? -Number(number.value) : Number(number.value)
  if (percent >= 0 && percent <= 100) return
  throw new AppError('query.value', `TABLESAMPLE takes 0 to 100 percent, ${percent} came.`, {
    position: count.at,
  })
}

function textLiteral(value: string, at: Expression['at']): Expression {
  return { kind: 'literal', type: { kind: 'string' }, value, text: value, at }
}

function starItems(except: readonly string[], at: Expression['at']): Select['items'] {
  return [{ value: { kind: 'star', qualifier: [], except, at }, alias: undefined, aliases: undefined }]
}
