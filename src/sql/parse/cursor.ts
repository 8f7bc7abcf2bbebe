import { AppError } from '#base/errors.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseQuery } from './query.ts'
import { toParsedQuery } from './parsed-query.ts'
import type { TokenReader } from './token-reader.ts'

const nameOf = (reader: TokenReader): string => reader.identifier('the name of a cursor').name

/** `DECLARE name CURSOR FOR query`; what PostgreSQL lets stand between says nothing here. */
export function parseDeclare(reader: TokenReader): ParsedStatement {
  reader.next()
  const name = nameOf(reader)
  while (reader.takeWord('BINARY', 'ASENSITIVE', 'INSENSITIVE') || reader.takeWords('NO', 'SCROLL'));
  if (reader.isWord('SCROLL')) {
    throw new AppError('query.unsupported', 'Cursors only go forward: there is no SCROLL.', {
      position: reader.at,
    })
  }
  reader.expectWord('CURSOR')
  const isHeld = reader.isWord('WITH')
  if (reader.takeWord('WITH', 'WITHOUT')) reader.expectWord('HOLD')
  reader.expectWord('FOR')
  return { kind: 'declareCursor', name, query: toParsedQuery(parseQuery(reader)), isHeld }
}

/** `{FETCH | MOVE} [NEXT | n | ALL | FORWARD [n | ALL]] [FROM | IN] name`. */
export function parseFetch(reader: TokenReader): ParsedStatement {
  const isMove = reader.isWord('MOVE')
  reader.next()
  const count = fetchCount(reader)
  reader.takeWord('FROM', 'IN')
  return { kind: 'fetch', name: nameOf(reader), count, isMove }
}

function fetchCount(reader: TokenReader): number | 'all' {
  const next = reader.peek(1)
  const isName = next.kind === 'end' || (next.kind === 'symbol' && next.text === ';')
  if (isName || reader.isWord('FROM', 'IN') || reader.takeWord('NEXT')) return 1
  if (reader.isWord('PRIOR', 'FIRST', 'LAST', 'ABSOLUTE', 'RELATIVE', 'BACKWARD')) {
    throw new AppError('query.unsupported', 'Cursors only go forward.', {
      position: reader.at,
      hint: 'Say FETCH n FROM name.',
    })
  }
  reader.takeWord('FORWARD')
  if (reader.takeWord('ALL')) return 'all'
  const token = reader.current
  if (token.kind !== 'number') return 1
  reader.next()
  const count = Number(token.text)
  if (Number.isSafeInteger(count)) return count
  throw new AppError('query.syntax', 'FETCH takes a whole number of rows.', { position: token.at })
}

export function parseClose(reader: TokenReader): ParsedStatement {
  reader.next()
  if (reader.takeWord('ALL')) return { kind: 'closeCursor', name: 'all' }
  return { kind: 'closeCursor', name: nameOf(reader) }
}
