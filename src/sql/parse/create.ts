import { AppError } from '#base/errors.ts'
import type { Field } from '#types/data-type.ts'
import type { ParsedStatement } from '../statement.ts'
import { tokenText } from '../scan/token.ts'
import { beginsQuery } from './look-ahead.ts'
import { parseTableName } from './from.ts'
import { parseQuery } from './query.ts'
import { toParsedQuery } from './parsed-query.ts'
import type { TokenReader } from './token-reader.ts'
import { parseType } from './type.ts'
import { tokenValue } from './words.ts'

/** `CREATE [TEMP] TABLE …`, `CREATE [OR REPLACE] VIEW …`. */
export function parseCreate(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  const orReplace = reader.takeWords('OR', 'REPLACE')
  if (reader.takeWord('VIEW')) return parseView(reader, orReplace)
  const isTemporary = reader.takeWord('TEMP', 'TEMPORARY')
  if (orReplace || !reader.takeWord('TABLE')) {
    throw new AppError('query.unsupported', `CREATE ${tokenText(reader.current)} is not supported yet.`, {
      position: at,
    })
  }
  let ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const table = parseTableName(reader)
  ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS') || ifNotExists
  const parts = { table, ifNotExists, isTemporary }
  if (reader.isSymbol('(') && !beginsQuery(reader)) {
    const columns = reader.inParentheses(() => reader.list(() => parseColumn(reader)))
    const options = reader.takeWord('WITH') ? parseOptions(reader) : {}
    return { kind: 'createTable', ...parts, columns, options }
  }
  const options = reader.takeWord('WITH') ? parseOptions(reader) : {}
  reader.expectWord('AS')
  return { kind: 'createTableAs', ...parts, options, query: toParsedQuery(parseQuery(reader)) }
}

function parseView(reader: TokenReader, orReplace: boolean): ParsedStatement {
  const ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const view = parseTableName(reader)
  reader.expectWord('AS')
  const start = reader.at.offset
  const query = toParsedQuery(parseQuery(reader))
  return { kind: 'createView', view, orReplace, ifNotExists, sql: reader.textSince(start), query }
}

/** `name type`: what else the reference platform lets stand behind is about keys, which tables do not have. */
export function parseColumn(reader: TokenReader): Field {
  const { name } = reader.identifier('the name of a column')
  const type = parseType(reader)
  if (reader.isWord('PRIMARY', 'NAMESPACE')) {
    throw new AppError('query.unsupported', 'Keys and identities of columns are not supported yet.', {
      position: reader.at,
      hint: 'Mark identities in the schema, with descriptors.',
    })
  }
  return { name, type }
}

function parseOptions(reader: TokenReader): Record<string, string> {
  const options: Record<string, string> = {}
  reader.inParentheses(() =>
    reader.list(() => {
      const { name } = reader.identifier('the name of an option')
      reader.expectSymbol('=')
      options[name.toLowerCase()] = tokenValue(reader)
    }),
  )
  return options
}

export function parseDrop(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  const isView = reader.takeWord('VIEW')
  if (!isView && !reader.takeWord('TABLE')) {
    throw new AppError('query.unsupported', `DROP ${tokenText(reader.current)} is not supported yet.`, {
      position: at,
    })
  }
  const ifExists = reader.takeWords('IF', 'EXISTS')
  const name = parseTableName(reader)
  return isView ? { kind: 'dropView', view: name, ifExists } : { kind: 'dropTable', table: name, ifExists }
}

/** `ALTER TABLE t ADD COLUMN c type [, c2 type2]`. */
export function parseAlter(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  if (reader.takeWord('TABLE')) {
    const table = parseTableName(reader)
    if (reader.takeWord('ADD') && reader.takeWord('COLUMN', 'COLUMNS')) {
      const columns = reader.isSymbol('(')
        ? reader.inParentheses(() => reader.list(() => parseColumn(reader)))
        : reader.list(() => {
            reader.takeWords('ADD', 'COLUMN')
            return parseColumn(reader)
          })
      return { kind: 'addColumns', table, columns }
    }
  }
  throw new AppError('query.unsupported', 'Of ALTER only ALTER TABLE … ADD COLUMN is supported.', {
    position: at,
  })
}

export function parseInsert(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  if (reader.isWord('OVERWRITE')) {
    throw new AppError('query.unsupported', 'Tables are append-only: there is no INSERT OVERWRITE.', {
      position: at,
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
  return { kind: 'insert', table, columns, query: toParsedQuery(parseQuery(reader)) }
}
