import { tokenText } from '../scan/token.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** By the names that take a unit as a word before the others; what they are called with one. */
const withUnit: Readonly<Record<string, string>> = {
  timestampadd: 'timestampadd',
  dateadd: 'timestampadd',
  date_add: 'timestampadd',
  timestampdiff: 'timestampdiff',
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

/** `dateadd(DAY, 1, t)`. Without a unit, or with two arguments, it is a call like others, and nothing was read. */
export function parseUnitCall(
  reader: TokenReader,
  name: string,
  parseOthers: () => Expression[],
): { readonly name: string; readonly arguments: Expression[] } | undefined {
  const known = withUnit[name.toLowerCase()]
  const comma = reader.peek(1)
  const isCounted = known !== undefined && reader.isWord(...words)
  if (!isCounted || comma.kind !== 'symbol' || comma.text !== ',') return undefined
  const before = reader.index
  const token = reader.next()
  reader.next()
  const others = parseOthers()
  if (others.length !== 2) {
    reader.rewind(before)
    return undefined
  }
  const value = tokenText(token).toUpperCase()
  const unit: Expression = { kind: 'literal', type: { kind: 'string' }, value, text: value, at: token.at }
  return { name: known, arguments: [unit, ...others] }
}
