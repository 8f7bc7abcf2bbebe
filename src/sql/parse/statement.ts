import { AppError } from '#base/errors.ts'
import type { ParsedQuery, ParsedStatement, ScannedStatement } from '../compile.ts'
import { tokenize } from '../scan/lexer.ts'
import { opensBareBlock } from '../scan/split.ts'
import { tokenText } from '../scan/token.ts'
import { parseBlock, parseIf } from './block.ts'
import { beginsQuery, parseExpression } from './expression.ts'
import { parseTableName } from './from.ts'
import { findMentions } from './mentions.ts'
import { parseQuery } from './query.ts'
import type { Query } from './syntax.ts'
import { TokenReader } from './token-reader.ts'
import { valueQuery } from './value-query.ts'

/** @throws AppError 'query.syntax', 'query.unsupported' */
export function parseStatement(statement: ScannedStatement): ParsedStatement {
  const reader = new TokenReader(tokenize(statement.text, statement.start))
  const parsed = parseOne(reader, false)
  reader.expectEnd()
  return parsed
}

/** A query as others keep it: the tree and what it names. */
export function toParsedQuery(tree: Query): ParsedQuery {
  return { tree, ...findMentions(tree), position: tree.at }
}

/** One statement, in a block or by itself. */
export function parseOne(reader: TokenReader, isInBlock: boolean): ParsedStatement {
  const token = reader.current
  if (token.kind === 'dollars' || opensBareBlock(reader.tokens, reader.index)) return parseBlock(reader)
  if (beginsQuery(reader) || reader.isWord('FROM')) {
    return { kind: 'query', query: toParsedQuery(parseQuery(reader)) }
  }
  if (token.kind !== 'word') throw reader.unexpected('a statement')
  switch (token.upper) {
    case 'EXPLAIN':
      return parseExplain(reader)
    case 'CREATE':
      return parseCreate(reader)
    case 'INSERT':
      return parseInsert(reader)
    case 'DROP':
      return parseDrop(reader)
    case 'SET':
      return parseSet(reader)
    case 'RESET': {
      reader.next()
      if (reader.takeWord('ALL')) return { kind: 'resetProperty', name: 'all' }
      return { kind: 'resetProperty', name: propertyName(reader) }
    }
    case 'SHOW':
      reader.next()
      return { kind: 'show', what: words(reader) }
    case 'BEGIN':
    case 'START':
    case 'COMMIT':
    case 'ROLLBACK':
    case 'END':
    case 'ABORT':
      return parseTransaction(reader, token.upper)
    case 'PREPARE':
      return parsePrepare(reader)
    case 'EXECUTE': {
      reader.next()
      const { name } = reader.identifier('the name of a prepared statement')
      const values = reader.isSymbol('(')
        ? reader.inParentheses(() => reader.list(() => toParsedQuery(valueQuery(parseExpression(reader)))))
        : []
      return { kind: 'execute', name, arguments: values }
    }
    case 'DEALLOCATE':
      reader.next()
      reader.takeWord('PREPARE')
      if (reader.takeWord('ALL')) return { kind: 'deallocate', name: 'all' }
      return { kind: 'deallocate', name: reader.identifier('the name of a prepared statement').name }
    case 'DISCARD':
      reader.next()
      words(reader)
      return { kind: 'discard' }
    case 'IF':
      if (isInBlock) return parseIf(reader)
      throw new AppError('query.syntax', 'Invalid command outside Anonymous Block: IF … THEN.', {
        position: token.at,
        hint: 'Put it into a block: $$ BEGIN … END $$.',
      })
    default:
      if (['UPDATE', 'DELETE', 'MERGE', 'TRUNCATE'].includes(token.upper)) {
        throw new AppError('query.unsupported', `Tables are append-only: there is no ${token.upper}.`, {
          position: token.at,
        })
      }
      if (
        ['ALTER', 'ANALYZE', 'COPY', 'DECLARE', 'FETCH', 'CLOSE', 'GRANT', 'REVOKE', 'DESCRIBE'].includes(
          token.upper,
        )
      ) {
        throw new AppError('query.unsupported', `${token.upper} is not supported yet.`, {
          position: token.at,
        })
      }
      throw reader.unexpected('a statement')
  }
}

function parseExplain(reader: TokenReader): ParsedStatement {
  reader.next()
  let format: 'text' | 'json' = 'text'
  const parseFormat = (): void => {
    if (!reader.takeWord('FORMAT')) return
    format = reader.isWord('JSON') ? 'json' : 'text'
    reader.expectWord('TEXT', 'JSON')
  }
  if (reader.isSymbol('(') && !beginsQuery(reader)) reader.inParentheses(parseFormat)
  else parseFormat()
  return { kind: 'explain', format, query: toParsedQuery(parseQuery(reader)) }
}

function parseCreate(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  const isTemporary = reader.takeWord('TEMP', 'TEMPORARY')
  if (!reader.takeWord('TABLE')) {
    throw new AppError('query.unsupported', `CREATE ${tokenText(reader.current)} is not supported yet.`, {
      position: at,
    })
  }
  let ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS')
  const table = parseTableName(reader)
  ifNotExists = reader.takeWords('IF', 'NOT', 'EXISTS') || ifNotExists
  if (reader.isSymbol('(') && !beginsQuery(reader)) {
    throw new AppError('query.unsupported', 'CREATE TABLE with a list of columns is not supported yet.', {
      position: reader.at,
      hint: 'Write CREATE TABLE name AS SELECT cast(NULL AS string) AS column … WHERE false.',
    })
  }
  const options = reader.takeWord('WITH') ? parseOptions(reader) : {}
  reader.expectWord('AS')
  const query = toParsedQuery(parseQuery(reader))
  return { kind: 'createTableAs', table, ifNotExists, isTemporary, options, query }
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

function parseInsert(reader: TokenReader): ParsedStatement {
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

function parseDrop(reader: TokenReader): ParsedStatement {
  const at = reader.at
  reader.next()
  if (!reader.takeWord('TABLE')) {
    throw new AppError('query.unsupported', `DROP ${tokenText(reader.current)} is not supported yet.`, {
      position: at,
    })
  }
  const ifExists = reader.takeWords('IF', 'EXISTS')
  return { kind: 'dropTable', table: parseTableName(reader), ifExists }
}

function parseSet(reader: TokenReader): ParsedStatement {
  reader.next()
  const variable = reader.current
  if (variable.kind === 'variable') {
    reader.next()
    reader.expectSymbol('=')
    const value = beginsQuery(reader)
      ? toParsedQuery(parseQuery(reader))
      : toParsedQuery(valueQuery(parseExpression(reader)))
    return { kind: 'setVariable', name: variable.text, value }
  }
  if (reader.isWord('SESSION', 'LOCAL') && reader.peek(1).kind === 'word') reader.next()
  if (reader.isWord('TRANSACTION', 'CHARACTERISTICS') || reader.current.kind === 'end') {
    // SET alone lists everything; SET TRANSACTION … has nothing to choose from here.
    return { kind: 'show', what: reader.current.kind === 'end' ? 'ALL' : words(reader) }
  }
  if (reader.takeWords('TIME', 'ZONE')) return { kind: 'setProperty', name: 'timezone', value: words(reader) }
  if (reader.takeWord('NAMES')) return { kind: 'setProperty', name: 'client_encoding', value: words(reader) }
  const name = propertyName(reader)
  if (!reader.takeSymbol('=') && !reader.takeWord('TO')) {
    return { kind: 'show', what: name }
  }
  return { kind: 'setProperty', name, value: words(reader) }
}

function propertyName(reader: TokenReader): string {
  const parts = [reader.fieldName().name]
  while (reader.takeSymbol('.')) parts.push(reader.fieldName().name)
  return parts.join('.')
}

/** What follows up to the end of the statement, as plain text with single spaces. */
function words(reader: TokenReader): string {
  const parts: string[] = []
  while (!reader.isSymbol(';') && !['end', 'dollars'].includes(reader.current.kind))
    parts.push(tokenValue(reader))
  return parts
    .join(' ')
    .replaceAll(' , ', ', ')
    .replaceAll(' . ', '.')
    .replaceAll(/([-+]) /g, '$1')
}

/** The next token without its quotes. */
function tokenValue(reader: TokenReader): string {
  const token = reader.next()
  return token.kind === 'string' || token.kind === 'quoted' ? token.text : tokenText(token)
}

function parseTransaction(reader: TokenReader, word: string): ParsedStatement {
  reader.next()
  words(reader)
  if (word === 'BEGIN' || word === 'START') return { kind: 'transaction', action: 'begin' }
  return { kind: 'transaction', action: word === 'COMMIT' || word === 'END' ? 'commit' : 'rollback' }
}

function parsePrepare(reader: TokenReader): ParsedStatement {
  reader.next()
  const { name } = reader.identifier('the name of a prepared statement')
  if (reader.isSymbol('(')) {
    reader.inParentheses(() => reader.list(() => reader.fieldName()))
  }
  reader.expectWord('AS')
  return { kind: 'prepare', name, statement: parseOne(reader, false) }
}
