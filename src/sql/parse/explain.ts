import { AppError } from '#base/errors.ts'
import type { ParsedStatement } from '../statement.ts'
import { beginsQuery } from './look-ahead.ts'
import { parseOne } from './statement.ts'
import type { TokenReader } from './token-reader.ts'
import { tokenValue } from './words.ts'

/** How much PostgreSQL and Spark are to tell; here there is one way. */
const modes = ['VERBOSE', 'EXTENDED', 'FORMATTED', 'COST', 'CODEGEN', 'LOGICAL']
const options = [
  'VERBOSE',
  'COSTS',
  'SETTINGS',
  'BUFFERS',
  'WAL',
  'TIMING',
  'SUMMARY',
  'GENERIC_PLAN',
  'MEMORY',
]
const no = ['FALSE', 'OFF', 'NO', '0']

/** `EXPLAIN [ANALYZE] [FORMAT TEXT | JSON] statement`, and PostgreSQL's `EXPLAIN (ANALYZE, FORMAT JSON) statement`. */
export function parseExplain(reader: TokenReader): ParsedStatement {
  reader.next()
  const asked: Asked = { format: 'text', isAnalyzed: false }
  if (reader.isSymbol('(') && !beginsQuery(reader)) {
    reader.inParentheses(() => reader.list(() => parseOption(reader, asked)))
  } else {
    const next = reader.peek(1)
    const isStatistics = next.kind === 'word' && next.upper === 'TABLE'
    if (!isStatistics && reader.takeWord('ANALYZE', 'ANALYSE')) asked.isAnalyzed = true
    while (reader.takeWord(...modes));
    if (reader.takeWord('FORMAT')) parseFormat(reader, asked)
  }
  const at = reader.at
  const explained = parseOne(reader, false)
  if (asked.isAnalyzed && explained.kind !== 'query') {
    throw new AppError(
      'query.unsupported',
      'EXPLAIN ANALYZE runs what it explains, and runs queries alone.',
      {
        position: at,
        hint: 'Say EXPLAIN, or explain the query by itself.',
      },
    )
  }
  if ('query' in explained) return { kind: 'explain', ...asked, query: explained.query }
  throw new AppError('query.syntax', 'EXPLAIN takes a query, or a statement with one.', { position: at })
}

interface Asked {
  format: 'text' | 'json'
  isAnalyzed: boolean
}

function parseOption(reader: TokenReader, asked: Asked): void {
  if (reader.takeWord('FORMAT')) return parseFormat(reader, asked)
  const isAnalyze = reader.takeWord('ANALYZE', 'ANALYSE')
  if (!isAnalyze && !reader.takeWord(...options)) throw reader.unexpected('an option of EXPLAIN')
  const isOn = reader.isSymbol(',', ')') || !no.includes(tokenValue(reader).toUpperCase())
  if (isAnalyze) asked.isAnalyzed = isOn
}

function parseFormat(reader: TokenReader, asked: Asked): void {
  asked.format = reader.isWord('JSON') ? 'json' : 'text'
  reader.expectWord('TEXT', 'JSON')
}
