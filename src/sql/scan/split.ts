import type { ScannedStatement } from '../compile.ts'
import { isOfTransaction } from './bare-begin.ts'
import { tokenize } from './lexer.ts'
import type { Token } from './token.ts'

/**
 * Cuts a request at the `;` between statements. A block, `$$ … $$` or bare `BEGIN … END`, is one statement with all
 * the `;` inside it. Statements without a token are dropped.
 */
export function splitStatements(text: string): ScannedStatement[] {
  const tokens = tokenize(text)
  const statements: ScannedStatement[] = []
  let first = 0
  while (first < tokens.length) {
    const end = statementEnd(tokens, first)
    const from = tokens[first]
    const to = tokens[end]
    if (from && to && end > first) {
      statements.push({ text: text.slice(from.at.offset, to.at.offset), start: from.at })
    }
    first = end + 1
  }
  return statements
}

/** Index of the `;` or end token that closes the statement beginning at `first`. */
function statementEnd(tokens: readonly Token[], first: number): number {
  let insideDollars = false
  let open = opensBareBlock(tokens, first) ? 0 : undefined
  for (let index = first; ; index++) {
    const token = tokens[index]
    if (!token || token.kind === 'end') return index
    if (token.kind === 'dollars') insideDollars = !insideDollars
    if (open !== undefined && !insideDollars) {
      open += nesting(tokens, index)
      // The block is closed: what follows up to the `;` is the parser's to refuse.
      if (open <= 0) open = undefined
    }
    if (isSymbol(token, ';') && !insideDollars && open === undefined) return index
  }
}

/** Whether a BEGIN stands here that begins no transaction. */
export function opensBareBlock(tokens: readonly Token[], index: number): boolean {
  const token = tokens[index]
  const next = tokens[index + 1]
  return token?.kind === 'word' && token.upper === 'BEGIN' && next !== undefined && !isOfTransaction(next)
}

/** What the token at `index` adds to the depth of BEGIN, CASE and IF … THEN, each closed by END. */
function nesting(tokens: readonly Token[], index: number): number {
  const token = tokens[index]
  const before = tokens[index - 1]
  // After a dot a reserved word is a field's name.
  if (token?.kind !== 'word' || (before && isSymbol(before, '.'))) return 0
  switch (token.upper) {
    case 'BEGIN':
      return beginsStatement(before) && opensBareBlock(tokens, index) ? 1 : 0
    case 'CASE':
    case 'IF':
      if (before?.kind === 'word' && before.upper === 'END') return 0
      return token.upper === 'CASE' || beginsStatement(before) ? 1 : 0
    case 'END':
      return -1
    default:
      return 0
  }
}

function beginsStatement(before: Token | undefined): boolean {
  if (!before || isSymbol(before, ';')) return true
  return before.kind === 'word' && ['BEGIN', 'THEN', 'ELSE'].includes(before.upper)
}

function isSymbol(token: Token, text: string): boolean {
  return token.kind === 'symbol' && token.text === text
}
