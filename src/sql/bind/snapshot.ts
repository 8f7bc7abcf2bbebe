import { AppError } from '#base/errors.ts'
import type { SnapshotBound, SnapshotClause } from '../compile.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { SnapshotSyntax } from '../parse/syntax.ts'
import { withVariables } from './constants.ts'
import type { BindState } from './state.ts'

/** `SNAPSHOT SINCE a AS OF b`: bounds are constants. */
export function bindSnapshot({ since, asOf }: SnapshotSyntax, state: BindState): SnapshotClause {
  return {
    ...(since ? { since: boundOf(since, state) } : {}),
    ...(asOf ? { asOf: boundOf(asOf, state) } : {}),
  }
}

function boundOf(expression: Expression, state: BindState): SnapshotBound {
  const at = state.context.isOfView ? undefined : expression.at
  return { text: textOf(expression, state), at }
}

function textOf(expression: Expression, { context, notices }: BindState): string {
  if (expression.kind === 'name') return expression.name
  if (expression.kind === 'literal' && expression.value !== null) {
    return withVariables(String(expression.value), context.variables)
  }
  if (expression.kind === 'variable') {
    const value = context.variables[expression.name]?.value
    if (value !== undefined && value !== null) return String(value)
    if (value === null) notices.push(`@${expression.name} is NULL as a bound of SNAPSHOT.`)
  }
  if (expression.kind === 'parameter') {
    const value = context.parameters ? context.parameters[expression.index - 1]?.value : 'TAIL'
    if (value !== undefined && value !== null) return String(value)
  }
  throw new AppError(
    'query.value',
    "A bound of SNAPSHOT is a snapshot id, 'HEAD', 'TAIL' or a variable with one.",
    {
      position: expression.at,
    },
  )
}
