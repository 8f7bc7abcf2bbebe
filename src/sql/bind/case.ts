import { AppError } from '#base/errors.ts'
import { sparkName, voidType } from '#types/data-type.ts'
import { wider, widerOf } from '#types/implicit-cast.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'
import { caseOf } from './build.ts'
import { bindCondition, bindExpression } from './expression.ts'
import { callByName, convertedTo } from './resolve-call.ts'
import type { ExpressionPlace } from './state.ts'

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>

export function bindCase(expression: Of<'case'>, place: ExpressionPlace): BoundExpression {
  const { state } = place
  const operand = expression.operand && bindExpression(expression.operand, place)
  const branches = expression.branches.map(({ when, then }) => ({
    when: operand
      ? callByName({ state, at: when.at }, '=', [operand, bindExpression(when, place)])
      : bindCondition(when, place),
    then: bindExpression(then, place),
  }))
  const otherwise = expression.otherwise && bindExpression(expression.otherwise, place)
  const results = [...branches.map(({ then }) => then), ...(otherwise ? [otherwise] : [])]
  const type = widerOf(
    results.map((result) => result.type),
    wider,
  )
  if (!type) {
    const types = results.map((result) => sparkName(result.type))
    throw new AppError(
      'query.type',
      `The branches of CASE have types that do not meet: ${types.join(', ')}.`,
      {
        position: expression.at,
      },
    )
  }
  const as = (value: BoundExpression): BoundExpression => convertedTo(state, value, type)
  return caseOf(
    branches.map(({ when, then }) => ({ when, then: as(then) })),
    as(otherwise ?? { kind: 'literal', type: voidType, value: null }),
  )
}
