import { parseExpression } from './expression.ts'
import type { Frame, FrameBound, SortItem, WindowSpecification } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** `ORDER BY` (or `SORT BY`) and what follows. */
export function parseSortItems(reader: TokenReader): SortItem[] {
  reader.expectWord('ORDER', 'SORT')
  reader.expectWord('BY')
  return reader.list((): SortItem => {
    const value = parseExpression(reader)
    let isDescending = false
    if (reader.takeWord('USING')) {
      isDescending = reader.isSymbol('>', '>=')
      reader.next()
    } else if (!reader.takeWord('ASC')) {
      isDescending = reader.takeWord('DESC')
    }
    if (!reader.takeWord('NULLS')) return { value, isDescending, nulls: undefined }
    const isFirst = reader.takeWord('FIRST')
    if (!isFirst) reader.expectWord('LAST')
    return { value, isDescending, nulls: isFirst ? 'first' : 'last' }
  })
}

/** Behind OVER or in a WINDOW clause: a name or a specification in parentheses. */
export function parseWindow(reader: TokenReader): WindowSpecification {
  const at = reader.at
  if (!reader.isSymbol('(')) {
    const { name } = reader.identifier('the name of a window or (')
    return { name, partitionBy: [], orderBy: [], frame: undefined, at }
  }
  return reader.inParentheses(() => {
    const name =
      reader.isWord('PARTITION', 'DISTRIBUTE', 'CLUSTER', 'ORDER', 'SORT', 'ROWS', 'RANGE') ||
      reader.isSymbol(')')
        ? undefined
        : reader.identifier('PARTITION BY, ORDER BY or the name of a window').name
    const partitionBy =
      reader.takeWords('PARTITION', 'BY') || reader.takeWords('DISTRIBUTE', 'BY')
        ? reader.list(() => parseExpression(reader))
        : []
    const orderBy = reader.isWord('ORDER', 'SORT') ? parseSortItems(reader) : []
    return { name, partitionBy, orderBy, frame: parseFrame(reader), at }
  })
}

function parseFrame(reader: TokenReader): Frame | undefined {
  const isRows = reader.takeWord('ROWS')
  if (!isRows && !reader.takeWord('RANGE')) return undefined
  const unit = isRows ? 'rows' : 'range'
  if (!reader.takeWord('BETWEEN')) return { unit, start: parseBound(reader), end: { kind: 'currentRow' } }
  const start = parseBound(reader)
  reader.expectWord('AND')
  return { unit, start, end: parseBound(reader) }
}

function parseBound(reader: TokenReader): FrameBound {
  if (reader.takeWords('UNBOUNDED', 'PRECEDING')) return { kind: 'unboundedPreceding' }
  if (reader.takeWords('UNBOUNDED', 'FOLLOWING')) return { kind: 'unboundedFollowing' }
  if (reader.takeWords('CURRENT', 'ROW')) return { kind: 'currentRow' }
  const offset = parseExpression(reader)
  if (reader.takeWord('PRECEDING')) return { kind: 'preceding', offset }
  reader.expectWord('FOLLOWING')
  return { kind: 'following', offset }
}
