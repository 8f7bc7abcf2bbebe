import { tokenText } from '../scan/token.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** By the names that take a unit as a word before the others; what they are called with one. */
const withUnit: Readonly<Record<string, string>> = {
  timestampadd: 'timestampadd',
  dateadd: 'timestampadd',
  date_add: 'timestampadd',
  timestampdiff: 'timestampdiff',
  timediff: 'timestampdiff',
  datediff: 'timestampdiff',
  date_diff: 'timestampdiff',
}
const words = [
  'YEAR',
  'QUARTER',
  'MONTH',
  'WEEK',
  'DAY',
  'DAYOFYEAR',
  'HOUR',
  'MINUTE',
  'SECOND',
  'MILLISECOND',
  'MICROSECOND',
]

/**
 * `dateadd(DAY, 1, t)`. With two arguments the word is a column's name and the call one like others. Nothing is read of
 * what does not begin so.
 */
export function parseUnitCall(
  reader: TokenReader,
  name: string,
  parseOthers: () => Expression[],
): { readonly name: string; readonly arguments: Expression[] } | undefined {
  const known = withUnit[name.toLowerCase()]
  const comma = reader.peek(1)
  const isCounted = known !== undefined && reader.isWord(...words)
  if (!isCounted || comma.kind !== 'symbol' || comma.text !== ',') return undefined
  const token = reader.next()
  reader.next()
  const others = parseOthers()
  const { at } = token
  if (others.length !== 2) {
    const column: Expression = { kind: 'name', name: tokenText(token), quote: undefined, at }
    return { name, arguments: [column, ...others] }
  }
  const text = tokenText(token)
  const value = text.toUpperCase()
  const unit: Expression = { kind: 'literal', type: { kind: 'string' }, value, text, at }
  return { name: known, arguments: [unit, ...others] }
}
