import { beginsQueryAt, isOpening } from './look-ahead.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

export function parseStar(reader: TokenReader, qualifier: readonly string[]): Expression {
  const at = reader.at
  reader.expectSymbol('*')
  const except: string[] = []
  if (reader.isWord('EXCEPT', 'EXCLUDE') && isOpening(reader, 1) && !beginsQueryAt(reader, 2)) {
    reader.next()
    except.push(...reader.inParentheses(() => reader.list(() => reader.identifier('a column').name)))
  } else if (reader.takeWord('EXCLUDE')) {
    except.push(reader.identifier('a column').name)
  }
  return { kind: 'star', qualifier, except, at }
}

/** `a.*` and `a.b.*`. */
export function parseQualifiedStar(reader: TokenReader): Expression | undefined {
  const qualifier: string[] = []
  for (let distance = 0; ; distance += 2) {
    const token = reader.peek(distance)
    const dot = reader.peek(distance + 1)
    if (token.kind === 'symbol' && token.text === '*' && distance > 0) {
      reader.rewind(reader.index + distance)
      return parseStar(reader, qualifier)
    }
    if (token.kind !== 'word' && token.kind !== 'quoted') return undefined
    if (dot.kind !== 'symbol' || dot.text !== '.') return undefined
    qualifier.push(token.text)
  }
}
