import { AppError } from '#base/errors.ts'
import type { Definition } from '../definition.ts'
import { tokenText } from '../scan/token.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseDropFieldGroup } from './field-group.ts'
import { parseTableName } from './from.ts'
import { parseDatabaseName, parseSchemaName } from './schema-name.ts'
import type { TokenReader } from './token-reader.ts'

/** `DROP [TEMP] TABLE | VIEW | DATABASE | SCHEMA | TABLESAMPLE [IF EXISTS] name [RESTRICT | CASCADE]`. */
export function parseDrop(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  const what = reader.current
  const isTemporary = reader.takeWord('TEMP', 'TEMPORARY')
  if (reader.takeWord('TABLE')) {
    const ifExists = parseIfExists(reader)
    const table = parseTableName(reader)
    refuseCascade(reader)
    return { kind: 'dropTable', table, ifExists }
  }
  if (!isTemporary && reader.takeWord('VIEW')) {
    const ifExists = parseIfExists(reader)
    const view = parseTableName(reader)
    refuseCascade(reader)
    return { kind: 'dropView', view, ifExists }
  }
  if (!isTemporary && reader.takeWord('DATABASE')) {
    const ifExists = parseIfExists(reader)
    const database = parseDatabaseName(reader)
    refuseCascade(reader)
    return define({ kind: 'dropDatabase', database, ifExists })
  }
  if (!isTemporary && reader.takeWord('SCHEMA')) {
    const ifExists = parseIfExists(reader)
    const schema = parseSchemaName(reader)
    const cascades = reader.takeWord('CASCADE')
    if (!cascades) reader.takeWord('RESTRICT')
    return define({ kind: 'dropSchema', schema, ifExists, cascades })
  }
  if (!isTemporary && reader.takeWord('TABLESAMPLE')) {
    const ifExists = parseIfExists(reader)
    return { kind: 'dropSample', sample: parseTableName(reader), ifExists }
  }
  if (!isTemporary && reader.takeWord('FIELDGROUP')) return parseDropFieldGroup(reader)
  if (reader.current.kind === 'end') throw reader.unexpected('what is to be dropped')
  throw new AppError('query.unsupported', `There is no DROP ${tokenText(what)}.`, {
    position: at,
    hint: 'TABLE, VIEW, DATABASE, SCHEMA, FIELDGROUP and TABLESAMPLE can be dropped.',
  })
}

function define(definition: Definition): ParsedStatement {
  return { kind: 'define', definition }
}

function parseIfExists(reader: TokenReader): boolean {
  return reader.takeWords('IF', 'EXISTS')
}

/** RESTRICT is what happens anyway. */
function refuseCascade(reader: TokenReader): void {
  if (reader.takeWord('RESTRICT') || !reader.isWord('CASCADE')) return
  throw new AppError('query.unsupported', 'CASCADE is there for schemas alone.', {
    position: reader.at,
    hint: 'Drop first what depends on it.',
  })
}
