import { AppError } from '#base/errors.ts'
import type { Literal, SnapshotBound, SnapshotClause } from '../compile.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { SnapshotSyntax } from '../parse/syntax.ts'
import { withVariables } from './constants.ts'
import type { BindState } from './state.ts'

/** `SNAPSHOT SINCE a AS OF b`: bounds are constants. A NULL among them selects nothing; who wrote it is told. */
export function bindSnapshot({ since, asOf }: SnapshotSyntax, state: BindState): SnapshotClause {
  const isNull = [since, asOf].some((bound) => bound !== undefined && valueOf(bound, state) === null)
  if (isNull) {
    state.notices.push(
      'A bound of SNAPSHOT is NULL, so no row is selected. Seed the checkpoint with HEAD to begin from the first snapshot.',
    )
    return { asOf: { text: 'HEAD', at: undefined } }
  }
  return {
    ...(since ? { since: boundOf(since, state) } : {}),
    ...(asOf ? { asOf: boundOf(asOf, state) } : {}),
  }
}

function boundOf(expression: Expression, state: BindState): SnapshotBound {
  const at = state.context.isOfView ? undefined : expression.at
  const text = valueOf(expression, state)
  if (text === undefined || text === null) {
    throw new AppError(
      'query.value',
      "A bound of SNAPSHOT is a snapshot id, 'HEAD', 'TAIL' or a variable with one.",
      { position: expression.at },
    )
  }
  return { text, at }
}

function valueOf(expression: Expression, { context }: BindState): string | null | undefined {
  if (expression.kind === 'name') return expression.name
  if (expression.kind === 'literal' && expression.value !== null) {
    return withVariables(String(expression.value), context.variables)
  }
  if (expression.kind === 'variable') return textOf(context.variables[expression.name]?.value)
  if (expression.kind === 'parameter') {
    return context.parameters ? textOf(context.parameters[expression.index - 1]?.value) : 'TAIL'
  }
  return undefined
}

function textOf(value: Literal['value'] | undefined): string | null | undefined {
  return value === undefined || value === null ? value : String(value)
}
