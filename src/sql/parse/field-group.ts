import type { ParsedStatement } from '../statement.ts'
import { parseColumn, parseOptions } from './columns.ts'
import type { TokenReader } from './token-reader.ts'
import { tokenValue } from './words.ts'

/** Behind CREATE FIELDGROUP: `name [IF NOT EXISTS] (column type, …) [WITH (LABEL = 'PROFILE')]`. */
export function parseFieldGroup(reader: TokenReader): ParsedStatement {
  let ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const { name, at } = reader.identifier('the name of a field group')
  ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS') || ifNotExists
  const columns = reader.inParentheses(() => reader.list(() => parseColumn(reader)))
  const options = reader.takeWord('WITH') ? parseOptions(reader) : {}
  return { kind: 'createFieldGroup', name, ifNotExists, columns, options, position: at }
}

/** Behind DROP FIELDGROUP: `[IF EXISTS] id`, in quotes or bare: `_tenant.mixins.0a1b…`. */
export function parseDropFieldGroup(reader: TokenReader): ParsedStatement {
  const ifExists = reader.takeWords('IF', 'EXISTS')
  const { current } = reader
  const isQuoted = current.kind === 'string' || current.kind === 'quoted'
  const start = reader.at.offset
  if (isQuoted) return { kind: 'dropFieldGroup', id: tokenValue(reader), ifExists, position: current.at }
  if (current.kind !== 'word') throw reader.unexpected('the id of a field group')
  while (!reader.isSymbol(';') && !['end', 'dollars'].includes(reader.current.kind)) reader.next()
  return { kind: 'dropFieldGroup', id: reader.textSince(start), ifExists, position: current.at }
}
