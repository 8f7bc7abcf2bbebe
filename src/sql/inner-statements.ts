import type { ParsedStatement } from './statement.ts'

/** A statement, or all that stand within it: in blocks, in branches, behind PREPARE. */
export function innerStatements(statement: ParsedStatement): readonly ParsedStatement[] {
  switch (statement.kind) {
    case 'block':
      return [...statement.body, ...(statement.handler ?? [])].flatMap(innerStatements)
    case 'if':
      return [...statement.branches.flatMap(({ body }) => body), ...statement.otherwise].flatMap(
        innerStatements,
      )
    case 'prepare':
      return innerStatements(statement.statement)
    default:
      return [statement]
  }
}
