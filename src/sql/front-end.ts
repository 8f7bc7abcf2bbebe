import { AppError } from '#base/errors.ts'
import type { SqlFrontEnd } from './compile.ts'
import { parseStatement } from './parse/statement.ts'
import { splitStatements } from './scan/split.ts'

export function createSqlFrontEnd(): SqlFrontEnd {
  return {
    split: splitStatements,
    parse: parseStatement,
    bind() {
      throw new AppError('query.unsupported', 'Queries cannot be bound yet.')
    },
  }
}
