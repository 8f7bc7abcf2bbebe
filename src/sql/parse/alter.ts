import { AppError, type TextPosition } from '#base/errors.ts'
import type { TableName } from '../compile.ts'
import { type TableLabel, tableLabels } from '../definition.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseColumn } from './columns.ts'
import { parseTableName } from './from.ts'
import { parseKey, parseKeyToDrop } from './key.ts'
import { parseSchemaName } from './schema-name.ts'
import type { TokenReader } from './token-reader.ts'
import { tokenValue } from './words.ts'

/** `ALTER TABLE t …` and `ALTER VIEW v …`. */
export function parseAlter(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  if (reader.takeWord('VIEW')) {
    const membership = parseMembership(reader, parseTableName(reader))
    if (membership) return membership
    throw unsupported('Of ALTER VIEW there are ADD SCHEMA, SET SCHEMA and REMOVE SCHEMA.', at)
  }
  if (!reader.takeWord('TABLE')) throw unsupported('Only tables and views can be altered.', at)
  const table = parseTableName(reader)
  const membership = parseMembership(reader, table)
  if (membership) return membership
  if (reader.takeWord('ADD')) return parseAdd(reader, table, at)
  if (reader.takeWord('DROP')) {
    if (reader.takeWord('LABEL')) return labelChange(reader, table, false)
    if (reader.takeWord('CONSTRAINT')) {
      return { kind: 'define', definition: { kind: 'dropKey', table, key: parseKeyToDrop(reader) } }
    }
    if (reader.isWord('COLUMN', 'COLUMNS'))
      throw unsupported('Tables gain columns and lose none: there is no DROP COLUMN.', at)
  }
  throw unsupported(
    'Of ALTER TABLE there are ADD COLUMN, ADD and DROP CONSTRAINT, ADD and DROP LABEL, ADD, SET and REMOVE SCHEMA.',
    at,
  )
}

function parseAdd(reader: TokenReader, table: TableName, at: TextPosition): ParsedStatement {
  if (reader.takeWord('LABEL')) return labelChange(reader, table, true)
  if (reader.takeWord('COLUMN', 'COLUMNS')) {
    const columns = reader.isSymbol('(')
      ? reader.inParentheses(() => reader.list(() => parseColumn(reader)))
      : reader.list(() => {
          reader.takeWords('ADD', 'COLUMN')
          return parseColumn(reader)
        })
    return { kind: 'addColumns', table, columns }
  }
  if (reader.takeWord('CONSTRAINT') || reader.isWord('PRIMARY', 'FOREIGN', 'IDENTITY')) {
    return { kind: 'define', definition: { kind: 'addKey', table, key: parseKey(reader) } }
  }
  throw unsupported(
    'Of ALTER TABLE … ADD there are COLUMN, CONSTRAINT, PRIMARY KEY, FOREIGN KEY, LABEL and SCHEMA.',
    at,
  )
}

/** `{SET | ADD} SCHEMA d.s` puts it there too; `REMOVE SCHEMA d.s` takes it out. */
function parseMembership(reader: TokenReader, asset: TableName): ParsedStatement | undefined {
  const isAdded = reader.takeWords('ADD', 'SCHEMA') || reader.takeWords('SET', 'SCHEMA')
  if (!isAdded && !reader.takeWords('REMOVE', 'SCHEMA')) return undefined
  const schema = parseSchemaName(reader)
  return { kind: 'define', definition: { kind: 'changeMembership', asset, schema, isAdded } }
}

function labelChange(reader: TokenReader, table: TableName, isAdded: boolean): ParsedStatement {
  const at = reader.at
  const label = labelNamed(tokenValue(reader), at)
  return { kind: 'define', definition: { kind: 'changeLabel', table, label, isAdded } }
}

/** @throws AppError 'query.syntax' */
export function labelNamed(text: string, position: TextPosition): TableLabel {
  const label = tableLabels.find((candidate) => candidate === text.trim().toUpperCase())
  if (label) return label
  throw new AppError(
    'query.syntax',
    `Expected the label PROFILE or UPSERT, but found ${text.slice(0, 80)}.`,
    {
      position,
    },
  )
}

function unsupported(message: string, position: TextPosition): AppError {
  return new AppError('query.unsupported', message, { position })
}
