import { AppError, type TextPosition } from '#base/errors.ts'
import { arrayType, type DataType } from '#types/data-type.ts'
import { readType } from '#types/spark-ddl.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

/** A value as the type that is named here; bytes are read as PostgreSQL's clients write them: `'\\x1f'::bytea`. */
export function parseCastTo(reader: TokenReader, value: Expression, at: TextPosition): Expression {
  const isBytea = reader.isWord('BYTEA')
  const type = parseType(reader)
  const text = isBytea && value.kind === 'literal' ? String(value.value) : ''
  const [, hex] = /^\\x((?:[0-9a-f]{2})*)$/i.exec(text) ?? []
  if (hex !== undefined && value.kind === 'literal') return { ...value, type, value: hex }
  return { kind: 'cast', value, type, at }
}

/** Reads a type where a statement names one: in CAST and column definitions. */
export function parseType(reader: TokenReader): DataType {
  if (!['word', 'quoted'].includes(reader.current.kind)) throw reader.unexpected('a type')
  const type = readType({
    get part() {
      const token = reader.current
      return 'text' in token && token.kind !== 'string' && token.kind !== 'variable' ? token.text : undefined
    },
    get isQuoted() {
      return reader.current.kind === 'quoted'
    },
    advance() {
      reader.next()
    },
    fail: (message) => new AppError('query.syntax', message, { position: reader.at }),
  })
  return isBrackets(reader) ? arrayType(type) : type
}

/** `int[]`, as PostgreSQL calls an array. */
function isBrackets(reader: TokenReader): boolean {
  const next = reader.peek(1)
  if (!reader.isSymbol('[') || next.kind !== 'symbol' || next.text !== ']') return false
  reader.next()
  reader.next()
  return true
}
