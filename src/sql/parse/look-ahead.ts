import type { TokenReader } from './token-reader.ts'

/** Whether a query stands here, perhaps behind opening parentheses. */
export function beginsQuery(reader: TokenReader): boolean {
  let distance = 0
  for (;;) {
    const token = reader.peek(distance)
    if (token.kind === 'symbol' && token.text === '(') {
      distance++
      continue
    }
    if (token.kind !== 'word') return false
    const next = reader.peek(distance + 1)
    // A column may be called `values` or `with`.
    if (token.upper === 'SELECT') return !(next.kind === 'symbol' && [')', ',', '.'].includes(next.text))
    if (token.upper === 'WITH') return next.kind === 'word' || next.kind === 'quoted'
    return token.upper === 'VALUES' && (next.kind !== 'symbol' || next.text === '(')
  }
}

export function beginsQueryAt(reader: TokenReader, distance: number): boolean {
  const token = reader.peek(distance)
  return token.kind === 'word' && ['SELECT', 'WITH', 'VALUES'].includes(token.upper)
}

export function isOpening(reader: TokenReader, distance: number): boolean {
  const token = reader.peek(distance)
  return token.kind === 'symbol' && token.text === '('
}

/** `x ->` or `(x, y) ->`. */
export function isLambda(reader: TokenReader): boolean {
  let distance = 0
  if (isOpening(reader, 0)) {
    for (distance = 1; ; distance += 2) {
      if (!['word', 'quoted'].includes(reader.peek(distance).kind)) return false
      const separator = reader.peek(distance + 1)
      if (separator.kind !== 'symbol') return false
      if (separator.text === ')') break
      if (separator.text !== ',') return false
    }
    distance += 2
  } else {
    distance = 1
  }
  const arrow = reader.peek(distance)
  return arrow.kind === 'symbol' && arrow.text === '->'
}

/** `TABLE t`, which is all of it; a column may be called `table`. */
export function isWholeTable(reader: TokenReader): boolean {
  const [first, name] = [reader.peek(0), reader.peek(1)]
  return first.kind === 'word' && first.upper === 'TABLE' && (name.kind === 'word' || name.kind === 'quoted')
}
