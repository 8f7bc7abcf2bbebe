import { AppError } from '#base/errors.ts'
import { refuseManyElements } from '#types/array-text.ts'
import { voidType } from '#types/data-type.ts'
import type { Literal } from '../compile.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'
import { castTo, stringOf } from './build.ts'
import { callByName } from './resolve-call.ts'
import type { ExpressionPlace } from './state.ts'

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>

/** `@variables` stand for their values inside texts too, as plain text. */
export function bindLiteral(literal: Of<'literal'>, place: ExpressionPlace): BoundExpression {
  const { type, value } = literal
  if (typeof value !== 'string' || type.kind !== 'string' || !value.includes('@')) {
    return { kind: 'literal', type, value }
  }
  return stringOf(withVariables(value, place.state.context.variables))
}

export function withVariables(text: string, variables: Readonly<Record<string, Literal>>): string {
  return text.replaceAll(/@([\p{L}_][\p{L}\p{N}_]*)/gu, (all, name: string) => {
    const variable = variables[name]
    return variable === undefined ? all : textOfVariable(variable)
  })
}

/** As it would stand in the statement: times as SQL writes them, with at least milliseconds. */
function textOfVariable({ type, value }: Literal): string {
  if (value === null) return 'NULL'
  if (type.kind !== 'timestamp' && type.kind !== 'timestamp_ntz') return String(value)
  return String(value)
    .replace('T', ' ')
    .replace(/Z$/, '')
    .replace(/(\.\d{3}\d*?)0+$/, '$1')
}

export function bindVariable({ name, at }: Of<'variable'>, place: ExpressionPlace): BoundExpression {
  const variable = place.state.context.variables[name]
  if (variable) return { kind: 'literal', ...variable }
  throw new AppError('query.unknown', `There is no variable @${name}.`, {
    position: at,
    hint: `Set it first, in the same block: SET @${name} = SELECT …;`,
  })
}

export function bindParameter({ index, at }: Of<'parameter'>, { state }: ExpressionPlace): BoundExpression {
  const { parameters } = state.context
  if (!parameters) return { kind: 'parameter', index, type: state.parameterTypes[index - 1] ?? voidType }
  const literal = parameters[index - 1]
  if (literal?.elements) {
    refuseManyElements(literal.elements.length, at)
    const elements = literal.elements.map(({ type, value }): BoundExpression => ({
      kind: 'literal',
      type,
      value,
    }))
    return castTo(callByName({ state, at }, 'array', elements), literal.type)
  }
  if (literal) return { kind: 'literal', ...literal }
  throw new AppError(
    'query.unknown_parameter',
    `The statement uses $${index}, but ${parameters.length} values were given.`,
    {
      position: at,
    },
  )
}
