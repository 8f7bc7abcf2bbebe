import type { ColumnPath, KeyToDrop, TableKey } from '../definition.ts'
import { parseTableName } from './from.ts'
import type { TokenReader } from './token-reader.ts'
import { tokenValue } from './words.ts'

/** What stands behind ADD or ADD CONSTRAINT: `PRIMARY KEY (c) NAMESPACE n`, `FOREIGN KEY (c) REFERENCES t (d)`, … */
export function parseKey(reader: TokenReader): TableKey {
  const kind = parseKind(reader)
  const columns = parseColumns(reader)
  if (kind === 'foreignKey') {
    reader.expectWord('REFERENCES')
    const table = parseTableName(reader)
    const referenced = parseColumns(reader)
    takeNotEnforced(reader)
    return { kind, columns, table, referenced }
  }
  const namespace = parseNamespace(reader)
  const isEnforced = !takeNotEnforced(reader)
  if (kind === 'primaryKey' && (namespace !== undefined || !isEnforced)) return { kind, columns, namespace }
  if (kind === 'primaryKey' || namespace === undefined) {
    throw reader.unexpected('NAMESPACE and the code of an identity namespace')
  }
  return { kind, columns, namespace }
}

/** What stands behind DROP CONSTRAINT: the kind of key and its columns. */
export function parseKeyToDrop(reader: TokenReader): KeyToDrop {
  const kind = parseKind(reader)
  const columns = parseColumns(reader)
  parseNamespace(reader)
  return { kind, columns }
}

/** `PRIMARY KEY NAMESPACE n` behind a column of CREATE TABLE. */
export function parseKeyOfColumn(reader: TokenReader, column: string): TableKey | undefined {
  if (!reader.isWord('PRIMARY', 'IDENTITY')) return undefined
  const kind = parseKind(reader)
  const namespace = parseNamespace(reader)
  if (namespace === undefined || kind === 'foreignKey') {
    throw reader.unexpected('NAMESPACE and the code of an identity namespace')
  }
  return { kind, columns: [[column]], namespace }
}

function parseKind(reader: TokenReader): TableKey['kind'] {
  if (reader.takeWords('PRIMARY', 'KEY')) return 'primaryKey'
  if (reader.takeWords('PRIMARY', 'IDENTITY')) return 'primaryIdentity'
  if (reader.takeWords('FOREIGN', 'KEY')) return 'foreignKey'
  if (reader.takeWord('IDENTITY')) return 'identity'
  throw reader.unexpected('PRIMARY KEY, FOREIGN KEY, PRIMARY IDENTITY or IDENTITY')
}

/** `(a, b.c)`, or one column without parentheses. */
function parseColumns(reader: TokenReader): readonly ColumnPath[] {
  const list = (): readonly ColumnPath[] => reader.list(() => parseColumnPath(reader))
  return reader.isSymbol('(') ? reader.inParentheses(list) : [parseColumnPath(reader)]
}

export function parseColumnPath(reader: TokenReader): ColumnPath {
  const path = [reader.identifier('the name of a column').name]
  while (reader.takeSymbol('.')) path.push(reader.fieldName().name)
  return path
}

function parseNamespace(reader: TokenReader): string | undefined {
  if (!reader.takeWord('NAMESPACE')) return undefined
  const { kind } = reader.current
  if (kind !== 'word' && kind !== 'quoted' && kind !== 'string') {
    throw reader.unexpected('the code of an identity namespace')
  }
  return tokenValue(reader)
}

function takeNotEnforced(reader: TokenReader): boolean {
  return reader.takeWords('NOT', 'ENFORCED')
}
