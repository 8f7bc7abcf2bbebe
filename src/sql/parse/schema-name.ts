import { AppError } from '#base/errors.ts'
import type { DatabaseName, SchemaName } from '../definition.ts'
import { parseTableName } from './from.ts'
import type { TokenReader } from './token-reader.ts'

export function parseDatabaseName(reader: TokenReader): DatabaseName {
  const { name, at } = reader.identifier('the name of a database')
  return { name, position: at }
}

/** `database.schema`, or a schema of the session's database. */
export function parseSchemaName(reader: TokenReader): SchemaName {
  const { parts, position } = parseTableName(reader)
  const [first = '', second] = parts
  if (parts.length > 2) {
    throw new AppError(
      'query.syntax',
      `Expected database.schema, but found a name of ${parts.length} parts.`,
      {
        position,
      },
    )
  }
  return second === undefined
    ? { database: undefined, name: first, position }
    : { database: first, name: second, position }
}
