import { AppError } from '#base/errors.ts'
import type { Field } from '#types/data-type.ts'
import type { TableKey } from '../definition.ts'
import { tokenText } from '../scan/token.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseColumn, parseOptions } from './columns.ts'
import { parseFieldGroup } from './field-group.ts'
import { parseTableName } from './from.ts'
import { parseKeyOfColumn } from './key.ts'
import { beginsQuery } from './look-ahead.ts'
import { parseWholeQuery, toParsedQuery } from './parsed-query.ts'
import { parseQuery } from './query.ts'
import { parseDatabaseName, parseSchemaName } from './schema-name.ts'
import type { TokenReader } from './token-reader.ts'

/** `CREATE [TEMP] TABLE …`, `CREATE [OR REPLACE] VIEW …`, `CREATE DATABASE …`, `CREATE SCHEMA …`, `CREATE FIELDGROUP …`. */
export function parseCreate(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  const orReplace = reader.takeWords('OR', 'REPLACE')
  if (reader.takeWord('VIEW')) return parseView(reader, orReplace)
  if (!orReplace && reader.takeWord('DATABASE')) return parseDatabase(reader)
  if (!orReplace && reader.takeWord('SCHEMA')) return parseSchema(reader)
  if (!orReplace && reader.takeWord('FIELDGROUP')) return parseFieldGroup(reader)
  const isTemporary = reader.takeWord('TEMP', 'TEMPORARY')
  if (orReplace || !reader.takeWord('TABLE')) {
    throw new AppError('query.unsupported', `CREATE ${tokenText(reader.current)} is not supported yet.`, {
      position: at,
      hint: 'Tables, views, databases, schemas and field groups can be created.',
    })
  }
  return parseTable(reader, isTemporary)
}

function parseTable(reader: TokenReader, isTemporary: boolean): ParsedStatement {
  let ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const table = parseTableName(reader)
  ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS') || ifNotExists
  const parts = { table, ifNotExists, isTemporary }
  if (reader.isSymbol('(') && !beginsQuery(reader)) {
    const keys: TableKey[] = []
    const columns = reader.inParentheses(() => reader.list(() => parseKeyedColumn(reader, keys)))
    const options = reader.takeWord('WITH') ? parseOptions(reader) : {}
    return { kind: 'createTable', ...parts, columns, keys, options }
  }
  const options = reader.takeWord('WITH') ? parseOptions(reader) : {}
  if (reader.isWord('TRANSFORM')) {
    throw new AppError('query.unsupported', 'TRANSFORM belongs to models, which are not supported yet.', {
      position: reader.at,
    })
  }
  reader.expectWord('AS')
  return { kind: 'createTableAs', ...parts, options, query: parseWholeQuery(reader) }
}

function parseView(reader: TokenReader, orReplace: boolean): ParsedStatement {
  const ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const view = parseTableName(reader)
  reader.expectWord('AS')
  const start = reader.at.offset
  const query = toParsedQuery(parseQuery(reader))
  return { kind: 'createView', view, orReplace, ifNotExists, sql: reader.textSince(start), query }
}

function parseDatabase(reader: TokenReader): ParsedStatement {
  const ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const database = parseDatabaseName(reader)
  const at = reader.at
  // The account that pays for an accelerated store: there is none here.
  const { type = 'ADLS', account: _account, ...others } = reader.takeWord('WITH') ? parseOptions(reader) : {}
  const [other] = Object.keys(others)
  const named = (['ADLS', 'QSACCEL'] as const).find((candidate) => candidate === type.toUpperCase())
  if (other !== undefined || !named) {
    throw new AppError(
      'query.unsupported',
      `CREATE DATABASE takes the options TYPE (ADLS or QSACCEL) and ACCOUNT, ${other ?? `TYPE = ${type}`} came.`,
      { position: at },
    )
  }
  return { kind: 'define', definition: { kind: 'createDatabase', database, type: named, ifNotExists } }
}

function parseSchema(reader: TokenReader): ParsedStatement {
  const ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const schema = parseSchemaName(reader)
  return { kind: 'define', definition: { kind: 'createSchema', schema, ifNotExists } }
}

function parseKeyedColumn(reader: TokenReader, keys: TableKey[]): Field {
  const column = parseColumn(reader)
  const key = parseKeyOfColumn(reader, column.name)
  if (key) keys.push(key)
  return column
}
