import { AppError } from '#base/errors.ts'
import type { DataType } from '#types/data-type.ts'
import { readType } from '#types/spark-ddl.ts'
import type { TokenReader } from './token-reader.ts'

/** Reads a type where a statement names one: in CAST and column definitions. */
export function parseType(reader: TokenReader): DataType {
  if (!['word', 'quoted'].includes(reader.current.kind)) throw reader.unexpected('a type')
  return readType({
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
}
