import { AppError } from '#base/errors.ts'
import type { Expression } from '../parse/syntax.ts'
import { isQualifiedBy, type Scope, type ScopeColumn } from './scope.ts'

/** The columns that `*`, `t.*` or `* EXCEPT (…)` stands for. */
export function starColumns(
  star: Extract<Expression, { kind: 'star' }>,
  scope: Scope,
): readonly ScopeColumn[] {
  const { qualifier, except, at } = star
  const columns = scope.columns.filter((column) =>
    qualifier.length > 0 ? isQualifiedBy(column, qualifier) : !column.isHidden,
  )
  if (columns.length === 0) {
    const what =
      qualifier.length > 0
        ? `There is no table ${qualifier.join('.')} in FROM.`
        : 'There is nothing in FROM for *.'
    throw new AppError('query.unknown_table', what, { position: at })
  }
  const left = new Set(except.map((name) => name.toLowerCase()))
  for (const name of left) {
    if (!columns.some((column) => column.name.toLowerCase() === name)) {
      throw new AppError('query.unknown_column', `There is no column ${name} to leave out.`, { position: at })
    }
  }
  return columns.filter((column) => !left.has(column.name.toLowerCase()))
}
