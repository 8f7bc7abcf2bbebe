import { AppError } from '#base/errors.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseExpression } from './expression.ts'
import { parseTableName } from './from.ts'
import { parseColumnPath } from './key.ts'
import type { TokenReader } from './token-reader.ts'

/**
 * `ANALYZE TABLE t [FILTERCONTEXT (condition)] COMPUTE STATISTICS [FOR ALL COLUMNS | FOR COLUMNS (a, b.c)] [AS alias]`
 * and `ANALYZE TABLE t TABLESAMPLE [FILTERCONTEXT (condition)] SAMPLERATE percent`.
 */
export function parseAnalyze(reader: TokenReader): ParsedStatement {
  reader.next()
  reader.expectWord('TABLE')
  const table = parseTableName(reader)
  const early = parseFilter(reader)
  if (reader.takeWord('TABLESAMPLE')) {
    const filter = early ?? parseFilter(reader)
    reader.expectWord('SAMPLERATE')
    return { kind: 'takeSample', table, filter, percent: parsePercent(reader) }
  }
  if (!reader.takeWords('COMPUTE', 'STATISTICS')) {
    if (early !== undefined) throw reader.unexpected('COMPUTE STATISTICS or TABLESAMPLE')
    return { kind: 'analyze', table, columns: 'all', filter: undefined, alias: undefined, isKept: false }
  }
  const columns = parseColumns(reader)
  const alias = reader.takeWord('AS') ? reader.identifier('the name of the statistics').name : undefined
  return { kind: 'analyze', table, columns, filter: early, alias, isKept: true }
}

/** The condition's own text; it is read once to know where it ends. */
function parseFilter(reader: TokenReader): string | undefined {
  if (!reader.takeWord('FILTERCONTEXT')) return undefined
  return reader.inParentheses(() => {
    const start = reader.at.offset
    parseExpression(reader)
    return reader.textSince(start)
  })
}

function parseColumns(reader: TokenReader): Extract<ParsedStatement, { kind: 'analyze' }>['columns'] {
  if (!reader.takeWord('FOR')) return 'all'
  if (reader.takeWords('ALL', 'COLUMNS')) return 'all'
  reader.expectWord('COLUMNS')
  const list = () => reader.list(() => parseColumnPath(reader))
  return reader.isSymbol('(') ? reader.inParentheses(list) : list()
}

function parsePercent(reader: TokenReader): number {
  const token = reader.current
  if (token.kind !== 'number') throw reader.unexpected('a percentage')
  reader.next()
  const percent = Number(token.text)
  if (percent > 0 && percent <= 100) return percent
  throw new AppError('query.syntax', `A sample has more than 0 and up to 100 percent, ${token.text} came.`, {
    position: token.at,
  })
}
