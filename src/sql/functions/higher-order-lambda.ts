import { AppError } from '#base/errors.ts'
import { voidType, type DataType } from '#types/data-type.ts'
import type { BoundCall, BoundExpression, BoundLambda } from '../bind/bound.ts'
import { callOf, castTo } from '../bind/build.ts'
import { mapChildren } from '../bind/walk.ts'
import { on, type Print } from './define.ts'

/** A call that only the dialect itself makes, its arguments of the right types. `name` says what is computed. */
export function innerCall(
  name: string,
  values: readonly BoundExpression[],
  type: DataType,
  print: Print,
): BoundCall {
  return callOf({ names: [name], kind: 'scalar', signatures: [] }, on([], type, print), values)
}

/** @throws AppError 'query.type' for a value that is no `x -> …` */
export function lambdaOf(value: BoundExpression | undefined): BoundLambda {
  if (value?.kind === 'lambda') return value
  throw new AppError('query.type', 'A function is expected here.', { hint: 'Write it as x -> ….' })
}

/** The lambda with its body as the type wanted. */
export function giving({ parameters, body }: BoundLambda, type: DataType): BoundLambda {
  return { kind: 'lambda', parameters, body: castTo(body, type), type }
}

export function variable(name: string | undefined, type: DataType): BoundExpression {
  return { kind: 'lambdaVariable', name: name ?? '', type }
}

/** The expression with variables of a lambda replaced. */
export function withVariables(
  expression: BoundExpression,
  replacements: ReadonlyMap<string | undefined, BoundExpression>,
): BoundExpression {
  if (expression.kind === 'lambdaVariable') return replacements.get(expression.name) ?? expression
  return mapChildren(expression, (child) => withVariables(child, replacements))
}

/** A lambda of other parameters: the old ones are replaced in its body. */
export function lambdaOver(
  parameters: readonly string[],
  { body }: BoundLambda,
  replacements: ReadonlyMap<string | undefined, BoundExpression>,
): BoundLambda {
  const replaced = withVariables(body, replacements)
  return { kind: 'lambda', parameters, body: replaced, type: replaced.type }
}

export const absent: BoundExpression = { kind: 'literal', type: voidType, value: null }
