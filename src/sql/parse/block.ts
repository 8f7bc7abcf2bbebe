import type { AppError } from '#base/errors.ts'
import type { ParsedQuery } from '../compile.ts'
import type { ParsedStatement } from '../statement.ts'
import { parseExpression } from './expression.ts'
import { toParsedQuery } from './parsed-query.ts'
import { parseOne } from './statement.ts'
import { booleanLiteral, valueQuery } from './value-query.ts'
import type { TokenReader } from './token-reader.ts'

type Block = Extract<ParsedStatement, { readonly kind: 'block' }>
type Choice = Extract<ParsedStatement, { readonly kind: 'if' }>

/** `$$ BEGIN … END $$`, `$$BEGIN … $$END;` or bare `BEGIN … END`. */
export function parseBlock(reader: TokenReader): Block {
  const position = reader.at
  const hasDollars = takeDollars(reader)
  reader.expectWord('BEGIN')
  const body = parseBody(reader, 'EXCEPTION')
  let handler: readonly ParsedStatement[] | undefined
  if (reader.takeWord('EXCEPTION')) {
    reader.expectWord('WHEN')
    reader.expectWord('OTHER', 'OTHERS')
    reader.expectWord('THEN')
    handler = parseBody(reader)
  }
  const isClosed = hasDollars && takeDollars(reader)
  reader.expectWord('END')
  if (hasDollars && !isClosed) {
    reader.takeSymbol(';')
    if (!takeDollars(reader)) throw reader.unexpected('$$')
  }
  return { kind: 'block', body, handler, position }
}

/** `IF … THEN …; [ELSEIF … THEN …;]… [ELSE …;] END IF`. */
export function parseIf(reader: TokenReader): Choice {
  const position = reader.at
  reader.expectWord('IF')
  const branches = [parseBranch(reader)]
  while (reader.takeWord('ELSEIF', 'ELSIF')) branches.push(parseBranch(reader))
  const otherwise = reader.takeWord('ELSE') ? parseBody(reader) : []
  reader.expectWord('END')
  reader.expectWord('IF')
  return { kind: 'if', branches, otherwise, position }
}

function parseBranch(reader: TokenReader): Choice['branches'][number] {
  const condition = parseCondition(reader)
  reader.expectWord('THEN')
  return { condition, body: parseBody(reader, 'ELSEIF', 'ELSIF', 'ELSE') }
}

/** A query of one boolean: what is NULL is not so. */
function parseCondition(reader: TokenReader): ParsedQuery {
  const when = parseExpression(reader)
  const { at } = when
  return toParsedQuery(
    valueQuery({
      kind: 'case',
      operand: undefined,
      branches: [{ when, then: booleanLiteral(true, at) }],
      otherwise: booleanLiteral(false, at),
      at,
    }),
  )
}

/** Statements up to END, `$$` or one of the words given. */
function parseBody(reader: TokenReader, ...ends: readonly string[]): ParsedStatement[] {
  const isEnd = (): boolean => reader.isWord('END', ...ends) || reader.current.kind === 'dollars'
  const missing = (): AppError => reader.unexpected(['; or END', ...ends].join(' or '))
  const body: ParsedStatement[] = []
  for (;;) {
    while (reader.takeSymbol(';'));
    if (isEnd()) return body
    body.push(reader.nested(() => parseOne(reader, true)))
    if (!isEnd() && !reader.isSymbol(';')) throw missing()
  }
}

function takeDollars(reader: TokenReader): boolean {
  if (reader.current.kind !== 'dollars') return false
  reader.next()
  return true
}
