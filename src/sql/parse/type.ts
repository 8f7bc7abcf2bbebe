import { AppError, type TextPosition } from '#base/errors.ts'
import { arrayType, binaryType, decimalType, type DataType } from '#types/data-type.ts'
import { readType } from '#types/spark-ddl.ts'
import type { Expression } from './expression-syntax.ts'
import type { TokenReader } from './token-reader.ts'

/**
 * `value::type`, and what clients of PostgreSQL mean by it where they put values into texts: bytes, `'\\x1f'::bytea`, whose
 * backslash JDBC leaves to be an escape, and numbers with all their digits, `'1.50'::numeric`.
 */
export function parseSuffixCast(reader: TokenReader, value: Expression, at: TextPosition): Expression {
  const text = value.kind === 'literal' && value.type.kind === 'string' ? String(value.value) : undefined
  skipCatalogue(reader)
  const isBytea = reader.isWord('BYTEA')
  const isNumeric = isBareNumeric(reader)
  const cast = parseCastTo(reader, value, at)
  if (value.kind !== 'literal' || text === undefined) return cast
  const [, hex] = (isBytea && /^\\?x((?:[0-9a-f]{2})*)$/i.exec(text)) || []
  if (hex !== undefined) return { ...value, type: binaryType, value: hex }
  const size = isNumeric ? digitsOf(text) : undefined
  if (!size || size.precision > 38) return cast
  return { kind: 'cast', value, type: decimalType(size.precision, size.scale), at }
}

/** How many digits a number has when it is written out, and how many of them behind the point; undefined: it is none. */
function digitsOf(text: string): { readonly precision: number; readonly scale: number } | undefined {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^[+-]?(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,3}))?$/.exec(text) ?? []
  if (whole === '' && fraction === '') return undefined
  const scale = Math.max(0, fraction.length - Number(exponent))
  return { precision: Math.max(1, whole.length + Number(exponent)) + scale, scale }
}

/** Behind `::` or AS. Of a parameter `numeric` says as little as when a client declares it. */
export function parseCastTo(reader: TokenReader, value: Expression, at: TextPosition): Expression {
  skipCatalogue(reader)
  const type = value.kind === 'parameter' ? parseParameterType(reader) : parseType(reader)
  return { kind: 'cast', value, type, at }
}

/** As PREPARE declares it, too. */
export function parseParameterType(reader: TokenReader): DataType {
  skipCatalogue(reader)
  const isBare = isBareNumeric(reader)
  const type = parseType(reader)
  return isBare ? decimalType(38, 18) : type
}

/** `pg_catalog.int4`, as asyncpg writes the types of values it puts into a COPY. */
function skipCatalogue(reader: TokenReader): void {
  const { current } = reader
  const next = reader.peek(1)
  if (!('text' in current) || !/^"?pg_catalog"?$/i.test(current.text)) return
  if (current.kind === 'string' || next.kind !== 'symbol' || next.text !== '.') return
  reader.next()
  reader.next()
}

/** Without digits it has ten before the point and none behind, as Spark has it. */
function isBareNumeric(reader: TokenReader): boolean {
  const next = reader.peek(1)
  return reader.isWord('NUMERIC') && !(next.kind === 'symbol' && (next.text === '(' || next.text === '['))
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
