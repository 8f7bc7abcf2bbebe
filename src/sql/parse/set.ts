import type { ParsedStatement, TransactionModes } from '../statement.ts'
import { parseExpression } from './expression.ts'
import { beginsQuery } from './look-ahead.ts'
import { toParsedQuery } from './parsed-query.ts'
import { parseQuery } from './query.ts'
import type { TokenReader } from './token-reader.ts'
import { valueQuery } from './value-query.ts'
import { words } from './words.ts'

/** `SET @variable = …`, `SET [SESSION | LOCAL] property {= | TO} value`, and what PostgreSQL says in words of their own. */
export function parseSet(reader: TokenReader): ParsedStatement {
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
  // SET alone lists everything.
  if (reader.current.kind === 'end') return { kind: 'show', what: 'ALL' }
  if (reader.takeWords('SESSION', 'CHARACTERISTICS', 'AS', 'TRANSACTION')) {
    return { kind: 'setTransaction', ...transactionModes(reader), isSession: true }
  }
  if (reader.takeWord('TRANSACTION')) {
    return { kind: 'setTransaction', ...transactionModes(reader), isSession: false }
  }
  const isLocal = reader.isWord('LOCAL') && reader.peek(1).kind === 'word'
  if (isLocal || (reader.isWord('SESSION') && reader.peek(1).kind === 'word')) {
    if (reader.takeWords('SESSION', 'AUTHORIZATION')) return worded('session_authorization', reader, false)
    reader.next()
  }
  if (reader.takeWords('TIME', 'ZONE')) return worded('timezone', reader, isLocal)
  if (reader.takeWord('NAMES')) return worded('client_encoding', reader, isLocal)
  if (isRole(reader)) {
    reader.next()
    return worded('role', reader, isLocal)
  }
  const name = propertyName(reader)
  if (!reader.takeSymbol('=') && !reader.takeWord('TO')) return { kind: 'show', what: name }
  return worded(name, reader, isLocal)
}

export function parseReset(reader: TokenReader): ParsedStatement {
  reader.next()
  if (reader.takeWord('ALL')) return { kind: 'resetProperty', name: 'all' }
  if (reader.takeWords('SESSION', 'AUTHORIZATION')) {
    return { kind: 'resetProperty', name: 'session_authorization' }
  }
  if (reader.takeWords('TIME', 'ZONE')) return { kind: 'resetProperty', name: 'timezone' }
  return { kind: 'resetProperty', name: propertyName(reader) }
}

/** `SET ROLE …` in words of its own, not the property that is set as others are. */
function isRole(reader: TokenReader): boolean {
  const next = reader.peek(1)
  return (
    reader.isWord('ROLE') &&
    ['word', 'string', 'quoted'].includes(next.kind) &&
    !(next.kind === 'word' && next.upper === 'TO')
  )
}

function worded(name: string, reader: TokenReader, isLocal: boolean): ParsedStatement {
  return { kind: 'setProperty', name, value: words(reader), isLocal }
}

function propertyName(reader: TokenReader): string {
  const parts = [reader.fieldName().name]
  while (reader.takeSymbol('.')) parts.push(reader.fieldName().name)
  return parts.join('.')
}

/** `ISOLATION LEVEL …`, `READ {ONLY | WRITE}` and `[NOT] DEFERRABLE`, with or without commas. */
export function transactionModes(reader: TokenReader): TransactionModes {
  let [isolation, isReadOnly]: [string | undefined, boolean | undefined] = [undefined, undefined]
  do {
    if (reader.takeWords('ISOLATION', 'LEVEL')) isolation = isolationLevel(reader)
    else if (reader.takeWord('READ')) {
      isReadOnly = reader.isWord('ONLY')
      reader.expectWord('ONLY', 'WRITE')
    } else if (!reader.takeWords('NOT', 'DEFERRABLE')) reader.expectWord('DEFERRABLE')
  } while (reader.takeSymbol(',') || reader.isWord('ISOLATION', 'READ', 'NOT', 'DEFERRABLE'))
  return { isolation, isReadOnly }
}

function isolationLevel(reader: TokenReader): string {
  if (reader.takeWords('REPEATABLE', 'READ')) return 'repeatable read'
  if (reader.takeWords('READ', 'COMMITTED')) return 'read committed'
  if (reader.takeWords('READ', 'UNCOMMITTED')) return 'read uncommitted'
  reader.expectWord('SERIALIZABLE')
  return 'serializable'
}
