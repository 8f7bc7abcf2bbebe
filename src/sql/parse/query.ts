import { AppError } from '#base/errors.ts'
import { integerType } from '#types/data-type.ts'
import type { TableName } from '../compile.ts'
import { parseExpression } from './expression.ts'
import { historyItem, parseFromItem, parseLateralViews, parseTableName } from './from.ts'
import { beginsQuery, isWholeTable } from './look-ahead.ts'
import { findMentions } from './mentions.ts'
import type { Expression } from './expression-syntax.ts'
import type {
  CommonTable,
  GroupingElement,
  NamedWindow,
  Query,
  QueryBody,
  Select,
  SelectItem,
} from './syntax.ts'
import type { TokenReader } from './token-reader.ts'
import { wholeTable } from './value-query.ts'
import { parseSortItems, parseWindow } from './window.ts'

/** `[WITH …] select [UNION …] [ORDER BY …] [LIMIT …] [OFFSET …]`, in any number of parentheses. */
export function parseQuery(reader: TokenReader): Query {
  return reader.nested(() => {
    const at = reader.at
    const common = reader.takeWord('WITH') ? parseCommonTables(reader) : []
    const body = parseBody(reader, 0)
    const orderBy = reader.isWord('ORDER', 'SORT') ? parseSortItems(reader) : []
    let limit: Query['limit']
    let offset: Expression | undefined
    for (;;) {
      if (limit === undefined && reader.takeWord('LIMIT')) {
        limit = reader.takeWord('ALL') ? 'all' : parseExpression(reader)
      } else if (offset === undefined && reader.takeWord('OFFSET')) {
        offset = parseExpression(reader)
        reader.takeWord('ROWS', 'ROW')
      } else if (
        limit === undefined &&
        (reader.areWords('FETCH', 'FIRST') || reader.areWords('FETCH', 'NEXT'))
      ) {
        limit = parseFetchFirst(reader)
      } else {
        break
      }
    }
    return { kind: 'query', with: common, body, orderBy, limit, offset, at }
  })
}

/** `FETCH FIRST [n] ROWS ONLY`: PostgreSQL's other word for LIMIT. */
function parseFetchFirst(reader: TokenReader): Expression {
  const { at } = reader
  reader.next()
  reader.next()
  const count: Expression = reader.isWord('ROW', 'ROWS')
    ? { kind: 'literal', type: integerType, value: 1, text: '1', at }
    : parseExpression(reader)
  reader.expectWord('ROW', 'ROWS')
  reader.expectWord('ONLY')
  return count
}

function parseCommonTables(reader: TokenReader): CommonTable[] {
  const isRecursive = reader.takeWord('RECURSIVE')
  const tables = reader.list(() => parseCommonTable(reader, isRecursive))
  const names = new Set<string>()
  for (const { name, at } of tables) {
    if (names.has(name.toLowerCase()))
      throw new AppError('query.syntax', `WITH has two tables ${name}.`, {
        position: at,
        hint: 'Rename one of them.',
      })
    names.add(name.toLowerCase())
  }
  return tables
}

function parseCommonTable(reader: TokenReader, isRecursive: boolean): CommonTable {
  const { name, at } = reader.identifier('the name of a common table')
  const columns = reader.isSymbol('(') ? parseNames(reader) : undefined
  // PostgreSQL may be told how often to compute it; what it means is the same.
  if (reader.takeWord('AS') && !reader.takeWords('NOT', 'MATERIALIZED')) reader.takeWord('MATERIALIZED')
  const query = reader.inParentheses(() => parseQuery(reader))
  const isOwn = ({ parts }: TableName): boolean =>
    parts.length === 1 && parts[0]?.toLowerCase() === name.toLowerCase()
  if (isRecursive && findMentions(query).tables.some(isOwn)) {
    throw new AppError(
      'query.unsupported',
      `The common table ${name} cannot read itself: there is no WITH RECURSIVE.`,
      {
        position: at,
        hint: 'sequence(1, n) and explode make rows by number.',
      },
    )
  }
  return { name, columns, query, at }
}

export function parseNames(reader: TokenReader): string[] {
  return reader.inParentheses(() => reader.list(() => reader.identifier('the name of a column').name))
}

/** INTERSECT binds more strongly than UNION and EXCEPT. */
function parseBody(reader: TokenReader, than: number): QueryBody {
  let left = parseTerm(reader)
  for (;;) {
    const at = reader.at
    const isIntersect = reader.isWord('INTERSECT')
    const bound = isIntersect ? 2 : 1
    if (bound <= than || !reader.isWord('UNION', 'EXCEPT', 'MINUS', 'INTERSECT')) return left
    const operator = isIntersect ? 'intersect' : reader.isWord('UNION') ? 'union' : 'except'
    reader.next()
    const isAll = reader.takeWord('ALL')
    if (!isAll) reader.takeWord('DISTINCT')
    left = { kind: 'setOperation', operator, isAll, left, right: parseBody(reader, bound), at }
  }
}

function parseTerm(reader: TokenReader): QueryBody {
  const at = reader.at
  if (reader.isSymbol('(')) return reader.inParentheses(() => parseQuery(reader))
  if (reader.takeWord('VALUES')) {
    return { kind: 'values', rows: reader.list(() => parseRow(reader)), at }
  }
  if (isWholeTable(reader)) {
    reader.next()
    return wholeTable(parseTableName(reader)).body
  }
  if (reader.isWord('FROM')) {
    // `FROM t SELECT …`: Hive's order.
    const from = parseFrom(reader)
    return parseSelect(reader, from)
  }
  return parseSelect(reader, undefined)
}

function parseRow(reader: TokenReader): Expression[] {
  if (!reader.isSymbol('(') || beginsQuery(reader)) return [parseExpression(reader)]
  return reader.inParentheses(() => reader.list(() => parseExpression(reader)))
}

function parseSelect(reader: TokenReader, fromBefore: Select['from'] | undefined): Select {
  const at = reader.at
  reader.expectWord('SELECT')
  const isDistinct = reader.takeWord('DISTINCT')
  if (!isDistinct) reader.takeWord('ALL')
  const distinctOn =
    isDistinct && reader.takeWord('ON')
      ? reader.inParentheses(() => reader.list(() => parseExpression(reader)))
      : undefined
  const items = reader.list(() => parseSelectItem(reader))
  const into = reader.takeWord('INTO') ? parseInto(reader) : undefined
  const from = fromBefore ?? (reader.isWord('FROM') ? parseFrom(reader) : historyOf(items))
  const lateralViews = parseLateralViews(reader)
  const where = reader.takeWord('WHERE') ? parseExpression(reader) : undefined
  const groupBy = reader.takeWords('GROUP', 'BY') ? parseGrouping(reader) : []
  const having = reader.takeWord('HAVING') ? parseExpression(reader) : undefined
  const qualify = reader.takeWord('QUALIFY') ? parseExpression(reader) : undefined
  const windows = reader.takeWord('WINDOW') ? reader.list(() => parseNamedWindow(reader)) : []
  return {
    kind: 'select',
    isDistinct: isDistinct && !distinctOn,
    distinctOn,
    items: from[0]?.kind === 'table' && from[0].isHistory && from.length === 1 ? starOfHistory(items) : items,
    from,
    lateralViews,
    where,
    groupBy,
    having,
    qualify,
    windows,
    into,
    at,
  }
}

/** Behind the select list: `INTO [TEMP | UNLOGGED] [TABLE] name`. */
function parseInto(reader: TokenReader): Select['into'] {
  const isTemporary = reader.takeWord('TEMP', 'TEMPORARY')
  if (!isTemporary) reader.takeWord('UNLOGGED')
  reader.takeWord('TABLE')
  return { table: parseTableName(reader), isTemporary }
}

/** `SELECT history_meta('t')` reads from the table's history. */
function historyOf([item, ...more]: readonly SelectItem[]): Select['from'] {
  const history = more.length === 0 && item ? historyItem(item.value) : undefined
  return history ? [history] : []
}

function starOfHistory(items: readonly SelectItem[]): readonly SelectItem[] {
  return items.map((item) =>
    historyItem(item.value)
      ? {
          value: { kind: 'star', qualifier: [], except: [], at: item.value.at },
          alias: undefined,
          aliases: undefined,
        }
      : item,
  )
}

function parseFrom(reader: TokenReader): Select['from'] {
  reader.expectWord('FROM')
  return reader.list(() => parseFromItem(reader))
}

function parseSelectItem(reader: TokenReader): SelectItem {
  const value = parseExpression(reader)
  if (reader.takeWord('AS')) {
    if (reader.isSymbol('(')) return { value, alias: undefined, aliases: parseNames(reader) }
    // Behind AS every word is a name.
    return { value, alias: reader.fieldName().name, aliases: undefined }
  }
  if (value.kind === 'star') return { value, alias: undefined, aliases: undefined }
  return { value, alias: reader.optionalAlias(), aliases: undefined }
}

function parseGrouping(reader: TokenReader): GroupingElement[] {
  const elements = reader.list((): GroupingElement => {
    if (reader.takeWords('GROUPING', 'SETS')) return { kind: 'sets', sets: parseSets(reader) }
    if (reader.isWord('ROLLUP') && isCall(reader)) {
      reader.next()
      return { kind: 'rollup', sets: parseSets(reader) }
    }
    if (reader.isWord('CUBE') && isCall(reader)) {
      reader.next()
      return { kind: 'cube', sets: parseSets(reader) }
    }
    if (reader.areSymbols('(', ')')) {
      reader.next()
      reader.next()
      return { kind: 'sets', sets: [[]] }
    }
    return { kind: 'expression', value: parseExpression(reader) }
  })
  // `GROUP BY a, b GROUPING SETS (…)` names the columns first.
  if (elements.every(({ kind }) => kind === 'expression') && reader.takeWords('GROUPING', 'SETS'))
    return [{ kind: 'sets', sets: parseSets(reader) }]
  if (!reader.takeWord('WITH')) return elements
  const isRollup = reader.takeWord('ROLLUP')
  if (!isRollup) reader.expectWord('CUBE')
  const sets = elements.flatMap((element) =>
    element.kind === 'expression' ? [[element.value]] : element.sets,
  )
  return [{ kind: isRollup ? 'rollup' : 'cube', sets }]
}

function isCall(reader: TokenReader): boolean {
  const next = reader.peek(1)
  return next.kind === 'symbol' && next.text === '('
}

function parseSets(reader: TokenReader): (readonly Expression[])[] {
  return reader.inParentheses(() =>
    reader.list(() => {
      if (!reader.isSymbol('(')) return [parseExpression(reader)]
      return reader.inParentheses(() =>
        reader.isSymbol(')') ? [] : reader.list(() => parseExpression(reader)),
      )
    }),
  )
}

function parseNamedWindow(reader: TokenReader): NamedWindow {
  const { name } = reader.identifier('the name of a window')
  reader.expectWord('AS')
  return { name, window: parseWindow(reader) }
}
