import { tokenText } from '../scan/token.ts'
import type { TokenReader } from './token-reader.ts'

/** What follows up to the end of the statement, as plain text with single spaces. */
export function words(reader: TokenReader): string {
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
export function tokenValue(reader: TokenReader): string {
  const token = reader.next()
  return token.kind === 'string' || token.kind === 'quoted' ? token.text : tokenText(token)
}
