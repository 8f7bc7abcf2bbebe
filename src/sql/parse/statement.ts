import { AppError } from '#base/errors.ts'
import type { ParsedQuery, ScannedStatement, TableName } from '../compile.ts'
import type { ParsedStatement } from '../statement.ts'
import { tokenize } from '../scan/lexer.ts'
import { opensBareBlock } from '../scan/split.ts'
import { parseBlock, parseIf } from './block.ts'
import { parseAlter } from './alter.ts'
import { parseAnalyze } from './analyze.ts'
import { parseCopy } from './copy.ts'
import { parseCreate } from './create.ts'
import { parseDrop } from './drop.ts'
import { parseExplain } from './explain.ts'
import { parseInsert } from './insert.ts'
import { parseClose, parseDeclare, parseFetch } from './cursor.ts'
import { parseExpression } from './expression.ts'
import { parseTableName } from './from.ts'
import { beginsQuery, isWholeTable } from './look-ahead.ts'
import { parseWholeQuery, toParsedQuery } from './parsed-query.ts'
import { parseReset, parseSet, transactionModes } from './set.ts'
import { parseParameterType } from './type.ts'
import type { Expression } from './expression-syntax.ts'
import type { Query } from './syntax.ts'
import { TokenReader } from './token-reader.ts'
import { valueQuery } from './value-query.ts'
import { words } from './words.ts'

/** @throws AppError 'query.syntax', 'query.unsupported' */
export function parseStatement(statement: ScannedStatement): ParsedStatement {
  const reader = new TokenReader(tokenize(statement.text, statement.start), statement)
  const parsed = parseOne(reader, false)
  reader.expectEnd()
  return parsed
}

/** One statement, in a block or by itself. */
export function parseOne(reader: TokenReader, isInBlock: boolean): ParsedStatement {
  const token = reader.current
  if (token.kind === 'dollars' || opensBareBlock(reader.tokens, reader.index)) return parseBlock(reader)
  if (beginsQuery(reader) || reader.isWord('FROM') || isWholeTable(reader)) {
    return queryOrInto(parseWholeQuery(reader))
  }
  if (token.kind !== 'word') throw reader.unexpected('a statement')
  switch (token.upper) {
    case 'EXPLAIN':
      return parseExplain(reader)
    case 'COPY':
      return parseCopy(reader)
    case 'CREATE':
      return parseCreate(reader)
    case 'INSERT':
      return parseInsert(reader)
    case 'DROP':
      return parseDrop(reader)
    case 'ALTER':
      return parseAlter(reader)
    case 'ANALYZE':
      return parseAnalyze(reader)
    case 'DESCRIBE':
    case 'DESC':
      reader.next()
      reader.takeWord('TABLE')
      reader.takeWord('EXTENDED', 'FORMATTED')
      return { kind: 'describe', table: parseTableName(reader) }
    case 'DECLARE':
      return parseDeclare(reader)
    case 'FETCH':
    case 'MOVE':
      return parseFetch(reader)
    case 'CLOSE':
      return parseClose(reader)
    case 'SET':
      return parseSet(reader)
    case 'RESET':
      return parseReset(reader)
    case 'SHOW':
      reader.next()
      return { kind: 'show', what: words(reader) }
    case 'BEGIN':
    case 'START':
    case 'COMMIT':
    case 'ROLLBACK':
    case 'END':
    case 'ABORT':
    case 'SAVEPOINT':
    case 'RELEASE':
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
    case 'UNLISTEN':
      reader.next()
      words(reader)
      return { kind: 'unlisten' }
    case 'DISCARD':
      return parseDiscard(reader)
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
      if (notSupported.has(token.upper)) {
        throw new AppError('query.unsupported', `${token.upper} is not supported yet.`, {
          position: token.at,
        })
      }
      throw reader.unexpected('a statement')
  }
}

/** What PostgreSQL has and clients ask for. */
const notSupported = new Set([
  'CALL',
  'CHECKPOINT',
  'CLUSTER',
  'COMMENT',
  'DO',
  'GRANT',
  'LISTEN',
  'LOAD',
  'LOCK',
  'NOTIFY',
  'REINDEX',
  'REVOKE',
  'VACUUM',
])

/** `SELECT … INTO [TEMP] name FROM …` makes a table. */
function queryOrInto(query: ParsedQuery): ParsedStatement {
  const tree = query.tree as Query
  const { body } = tree
  if (body.kind !== 'select') return { kind: 'query', query }
  const sampled = body.items.length === 1 ? sampledTable(body.items[0]?.value) : undefined
  if (sampled && body.from.length === 0) return { kind: 'sampleMeta', table: sampled }
  if (!body.into) return { kind: 'query', query }
  const plain = { ...query, tree: { ...tree, body: { ...body, into: undefined } } }
  return { kind: 'createTableAs', ...body.into, ifNotExists: false, options: {}, query: plain }
}

/** The table of `sample_meta('t')`, which is a statement and not a function. */
function sampledTable(value: Expression | undefined): TableName | undefined {
  if (value?.kind !== 'call' || value.name.toLowerCase() !== 'sample_meta') return undefined
  const [table, ...more] = value.arguments
  if (more.length > 0 || table?.kind !== 'literal' || typeof table.value !== 'string') return undefined
  return { parts: table.value.split('.'), position: table.at }
}

function parseTransaction(reader: TokenReader, word: string): ParsedStatement {
  reader.next()
  if (word === 'SAVEPOINT') return savepoint(reader, 'savepoint')
  if (word === 'RELEASE') {
    reader.takeWord('SAVEPOINT')
    return savepoint(reader, 'release')
  }
  if (word === 'START') reader.expectWord('TRANSACTION')
  else reader.takeWord('WORK', 'TRANSACTION')
  if (word === 'BEGIN' || word === 'START') {
    const isSaid = reader.current.kind !== 'end' && !reader.isSymbol(';')
    const modes = isSaid ? transactionModes(reader) : { isolation: undefined, isReadOnly: undefined }
    return {
      kind: 'transaction',
      action: 'begin',
      words: word === 'START' ? 'START TRANSACTION' : 'BEGIN',
      ...modes,
    }
  }
  if (word === 'ROLLBACK' && reader.takeWord('TO')) {
    reader.takeWord('SAVEPOINT')
    return savepoint(reader, 'rollbackTo')
  }
  return {
    kind: 'transaction',
    action: word === 'COMMIT' || word === 'END' ? 'commit' : 'rollback',
    isChained: isChained(reader),
  }
}

function savepoint(reader: TokenReader, action: 'savepoint' | 'release' | 'rollbackTo'): ParsedStatement {
  return { kind: 'transaction', action, name: reader.identifier('the name of a savepoint').name }
}

/** `AND CHAIN`: the next transaction begins at once. */
function isChained(reader: TokenReader): boolean {
  if (!reader.takeWord('AND')) return false
  const isChain = !reader.takeWord('NO')
  reader.expectWord('CHAIN')
  return isChain
}

function parseDiscard(reader: TokenReader): ParsedStatement {
  reader.next()
  if (reader.takeWord('PLANS')) return { kind: 'discard', what: 'plans' }
  if (reader.takeWord('SEQUENCES')) return { kind: 'discard', what: 'sequences' }
  if (reader.takeWord('TEMP', 'TEMPORARY')) return { kind: 'discard', what: 'temp' }
  reader.expectWord('ALL')
  return { kind: 'discard', what: 'all' }
}

function parsePrepare(reader: TokenReader): ParsedStatement {
  reader.next()
  const { name } = reader.identifier('the name of a prepared statement')
  const types = reader.isSymbol('(')
    ? reader.inParentheses(() => reader.list(() => parseParameterType(reader)))
    : []
  reader.expectWord('AS')
  return { kind: 'prepare', name, types, statement: parseOne(reader, false) }
}
