import type { TableName } from '#sql/compile.ts'
import { innerStatements } from '#sql/inner-statements.ts'
import type { ParsedStatement } from '#sql/statement.ts'

/** The tables that statements read, as they name them, and all in which they store rows. */
export function tablesOf(statements: readonly ParsedStatement[]): {
  readonly read: readonly TableName[]
  readonly written: readonly TableName[]
} {
  const all = statements.flatMap(innerStatements)
  return {
    read: all.flatMap((statement) => {
      if ('query' in statement) return statement.query.tables
      return statement.kind === 'setVariable' ? statement.value.tables : []
    }),
    written: all.flatMap((statement) =>
      (statement.kind === 'insert' || statement.kind === 'createTableAs') && 'parts' in statement.table
        ? [statement.table]
        : [],
    ),
  }
}
