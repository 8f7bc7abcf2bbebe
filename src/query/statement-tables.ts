import type { TableName } from '#sql/compile.ts'
import type { ParsedStatement } from '#sql/statement.ts'

/** The tables that statements read, as they name them, and all in which they store rows. */
export function tablesOf(statements: readonly ParsedStatement[]): {
  readonly read: readonly TableName[]
  readonly written: readonly TableName[]
} {
  const all = statements.flatMap(withInner)
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

function withInner(statement: ParsedStatement): readonly ParsedStatement[] {
  switch (statement.kind) {
    case 'block':
      return [...statement.body, ...(statement.handler ?? [])].flatMap(withInner)
    case 'if':
      return [...statement.branches.flatMap(({ body }) => body), ...statement.otherwise].flatMap(withInner)
    case 'prepare':
      return withInner(statement.statement)
    default:
      return [statement]
  }
}
