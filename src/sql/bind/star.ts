import { AppError, type TextPosition } from '#base/errors.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'
import { fieldOf } from './build.ts'
import { isQualifiedBy, resolvePath, type Scope, type ScopeColumn } from './scope.ts'

/** The columns that `*`, `t.*` or `* EXCEPT (…)` stands for. */
export function starColumns(
  star: Extract<Expression, { kind: 'star' }>,
  scope: Scope,
): readonly ScopeColumn[] {
  const { qualifier, except, at } = star
  const own = scope.columns.filter((column) =>
    qualifier.length > 0 ? isQualifiedBy(column, qualifier) : !column.isHidden,
  )
  const columns = own.length > 0 ? own : fieldsOf(qualifier, scope, at)
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

/** `column.*`: the fields of a struct. */
function fieldsOf(parts: readonly string[], scope: Scope, at: TextPosition): readonly ScopeColumn[] {
  const found = parts.length > 0 ? resolvePath(scope, parts, at) : undefined
  const value = parts.slice(found?.rest ?? 0).reduce<BoundExpression | undefined>((base, name) => {
    const field =
      base?.type.kind === 'struct'
        ? base.type.fields.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase())
        : undefined
    return base && field && fieldOf(base, field.name, field.type)
  }, found?.value)
  if (value?.type.kind !== 'struct') return []
  return value.type.fields.map(({ name, type }) => ({
    name,
    qualifiers: [],
    value: fieldOf(value, name, type),
    isHidden: false,
  }))
}
