import { AppError } from '#base/errors.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseTableName } from './from.ts'
import { beginsQuery } from './look-ahead.ts'
import { parseWholeQuery } from './parsed-query.ts'
import type { TokenReader } from './token-reader.ts'

/** `INSERT INTO [TABLE] t [(columns)] [AS] query`, the query also in parentheses or VALUES. */
export function parseInsert(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  if (reader.isWord('OVERWRITE')) {
    throw new AppError('query.unsupported', 'Tables are append-only: there is no INSERT OVERWRITE.', {
      position: at,
      hint: 'Make a new table with CREATE TABLE … AS.',
    })
  }
  reader.expectWord('INTO')
  reader.takeWord('TABLE')
  const table = parseTableName(reader)
  let columns: string[] | undefined
  if (reader.isSymbol('(') && !beginsQuery(reader)) {
    columns = reader.inParentheses(() => reader.list(() => reader.identifier('the name of a column').name))
  }
  reader.takeWord('AS')
  const query = parseWholeQuery(reader)
  refuseReturning(reader)
  return { kind: 'insert', table, columns, query }
}

/** The word may have been taken for the name of what stands before it. */
function refuseReturning(reader: TokenReader): void {
  const before = reader.peek(-1)
  const isNext = reader.isWord('RETURNING')
  const isTaken = reader.current.kind !== 'end' && before.kind === 'word' && before.upper === 'RETURNING'
  if (!isNext && !isTaken) return
  throw new AppError('query.unsupported', 'INSERT gives no rows: there is no RETURNING.', {
    position: isNext ? reader.at : before.at,
    hint: 'Leave it out, and ask for what you stored with SELECT.',
  })
}
