import { AppError, type TextPosition } from '#base/errors.ts'
import { arrayType, booleanType, sameType, sparkName, type DataType } from '#types/data-type.ts'
import { castsExplicitly } from '#types/implicit-cast.ts'
import type { Expression } from '../parse/expression-syntax.ts'
import type { BoundExpression } from './bound.ts'
import { booleanOf, stringOf } from './build.ts'
import { bindCall, bindStruct } from './call.ts'
import { bindCase } from './case.ts'
import { bindLiteral, bindParameter, bindVariable } from './constants.ts'
import { withIngestBounds } from './ingest-bounds.ts'
import { accessField, bindPath } from './path.ts'
import { javaPattern } from './posix-pattern.ts'
import { bindQuery } from './query.ts'
import { bindInQuery, bindScalarQuery } from './query-values.ts'
import { callByName, convertedTo } from './resolve-call.ts'
import { namedAs } from './row-names.ts'
import { type ExpressionPlace, withoutGenerators } from './state.ts'

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>

/** Resolves an expression's names and types. @throws AppError 'query.unknown_column', 'query.type', … */
export function bindExpression(expression: Expression, place: ExpressionPlace): BoundExpression {
  try {
    const value = bindAny(expression, place)
    place.state.checkSize(value, expression.at)
    return value
  } catch (error) {
    // What a function finds wrong with its arguments is wrong where they stand.
    throw error instanceof AppError ? error.at(expression.at) : error
  }
}

function bindAny(expression: Expression, given: ExpressionPlace): BoundExpression {
  const place = expression.kind === 'call' ? given : withoutGenerators(given)
  const { state } = place
  refuseInsideLambda(expression, place)
  const call = (name: string, ...values: readonly BoundExpression[]): BoundExpression =>
    callByName({ state, at: expression.at }, name, values)
  const bind = (inner: Expression): BoundExpression => bindExpression(inner, place)
  switch (expression.kind) {
    case 'literal':
      return bindLiteral(expression, place)
    case 'interval':
      return {
        kind: 'literal',
        type: expression.type,
        value: `${expression.months} ${expression.days} ${expression.micros}`,
      }
    case 'variable':
      return bindVariable(expression, place)
    case 'parameter':
      return bindParameter(expression, place)
    case 'name':
    case 'field':
      return bindPath(expression, place)
    case 'element':
      return bindElement(expression, place)
    case 'star':
      throw misplaced(expression, '* stands for columns, not for a value')
    case 'named':
      throw misplaced(expression, 'A name can only be given inside struct(…)')
    case 'lambda':
      throw misplaced(expression, 'A function x -> … can only be an argument of a function that takes one')
    case 'unary':
      return call(unaryNames[expression.operator], bind(expression.value))
    case 'binary':
      return bindBinary(expression, place)
    case 'like': {
      const { operator } = expression
      const escape = expression.escape ? [oneCharacter(bind(expression.escape), expression.escape.at)] : []
      const [value, pattern] = [bind(expression.value), bind(expression.pattern)]
      const matches =
        operator === 'posix' || operator === 'iposix'
          ? call('rlike', value, javaPattern(pattern, { hasCase: operator === 'posix', call }))
          : call(operator, value, pattern, ...escape)
      return expression.isNegated ? call('not', matches) : matches
    }
    case 'between': {
      const value = bind(expression.value)
      const site = { state, at: expression.at }
      const [from, low] = withIngestBounds([value, bind(expression.low)], site)
      const [to, high] = withIngestBounds([value, bind(expression.high)], site)
      const isWithin = call('and', call('>=', from, low), call('<=', to, high))
      return expression.isNegated ? call('not', isWithin) : isWithin
    }
    case 'inList': {
      const value = bind(expression.value)
      const item = (one: Expression): BoundExpression =>
        expression.areTexts && value.type.kind !== 'void'
          ? bindCast(bind(one), { type: value.type, at: one.at }, place)
          : namedAs(bind(one), value.type)
      const isIn = call('in', value, ...expression.list.map(item))
      return expression.isNegated ? call('not', isIn) : isIn
    }
    case 'inArray': {
      const value = bind(expression.value)
      const bound = bind(expression.array)
      const array = bound.type.kind === 'void' ? convertedTo(state, bound, arrayType(value.type)) : bound
      const isIn = call('array_contains', array, value)
      return expression.isNegated ? call('not', isIn) : isIn
    }
    case 'inQuery':
      return bindInQuery(expression, place)
    case 'is': {
      const value = bind(expression.value)
      const isSo =
        expression.what === 'null' || expression.what === 'unknown'
          ? call('isnull', value)
          : call('<=>', convertedTo(state, value, booleanType), booleanOf(expression.what === 'true'))
      return expression.isNegated ? call('not', isSo) : isSo
    }
    case 'isDistinct': {
      const isSame = call('<=>', bind(expression.left), bind(expression.right))
      return expression.isNegated ? isSame : call('not', isSame)
    }
    case 'exists':
      return {
        kind: 'exists',
        query: bindQuery(expression.query, { state, commons: place.commons, outer: place.scope }),
        type: booleanType,
      }
    case 'subquery':
      return bindScalarQuery(expression, place)
    case 'case':
      return bindCase(expression, place)
    case 'cast':
      return bindCast(bind(expression.value), expression, place)
    case 'extract':
      return call('extract', stringOf(expression.part), bind(expression.value))
    case 'row':
      return bindStruct(expression.items, place)
    case 'call':
      return bindCall(expression, place)
  }
}

/** A condition: a text is none, as for Spark, so that `"nosuch"` for a column is no silent NULL. */
export function bindCondition(expression: Expression, place: ExpressionPlace): BoundExpression {
  const value = bindExpression(expression, place)
  const { kind } = value.type
  if (kind === 'boolean' || kind === 'void') return convertedTo(place.state, value, booleanType)
  throw new AppError(
    'query.type',
    `A condition was expected, a value of type ${sparkName(value.type)} came.`,
    {
      position: expression.at,
    },
  )
}

const unaryNames = { not: 'not', '-': 'negative', '+': 'positive', '~': '~' } as const

/** `array[0]`, `map['key']`, `struct['field']`. */
function bindElement({ base, index, at }: Of<'element'>, place: ExpressionPlace): BoundExpression {
  const value = bindExpression(base, place)
  const site = { state: place.state, at }
  const key = bindExpression(index, place)
  const isFieldOf = (type: DataType): boolean =>
    type.kind === 'struct' || (type.kind === 'array' && isFieldOf(type.element))
  if (key.kind === 'literal' && key.type.kind === 'string' && isFieldOf(value.type)) {
    return accessField(value, String(key.value), site)
  }
  return callByName(site, '[]', [value, key])
}

const comparisons: readonly string[] = ['=', '<>', '<', '<=', '>', '>=', '<=>']

function bindBinary({ operator, left, right, at }: Of<'binary'>, place: ExpressionPlace): BoundExpression {
  const site = { state: place.state, at }
  const one = bindExpression(left, place)
  const other = bindExpression(right, place)
  if (!comparisons.includes(operator)) return callByName(site, operator, [one, other])
  return callByName(site, operator, withIngestBounds([one, namedAs(other, one.type)], site))
}

function bindCast(
  value: BoundExpression,
  {
    type,
    isTried,
    isTyped,
    at,
  }: Pick<Extract<Expression, { kind: 'cast' }>, 'type' | 'isTried' | 'isTyped' | 'at'>,
  place: ExpressionPlace,
): BoundExpression {
  if (!castsExplicitly(value.type, type)) {
    throw new AppError('query.type', `${sparkName(value.type)} cannot be cast to ${sparkName(type)}.`, {
      position: at,
    })
  }
  if (isTried === true && value.kind !== 'parameter' && !sameType(value.type, type)) {
    return { kind: 'cast', value, type, isTried }
  }
  const converted = convertedTo(place.state, value, type)
  if (isTyped === true && converted.kind === 'literal' && converted.value === null) {
    throw new AppError(
      'query.value',
      `${value.kind === 'literal' ? `'${String(value.value)}'` : 'This'} is no ${sparkName(type)}.`,
      { position: at, hint: 'With cast(… AS …) it is NULL.' },
    )
  }
  return converted
}

function refuseInsideLambda({ kind, at }: Expression, { lambdaVariables }: ExpressionPlace): void {
  if (lambdaVariables.size === 0 || !['exists', 'inQuery', 'subquery'].includes(kind)) return
  throw new AppError('query.unsupported', 'A query cannot stand inside a function x -> ….', {
    position: at,
    hint: 'Join it, or take what it gives as a column first.',
  })
}

function misplaced(expression: Expression, message: string): AppError {
  return new AppError('query.syntax', `${message}.`, { position: expression.at })
}

/** What ESCAPE names. @throws AppError 'query.value' where a constant is longer or shorter */
function oneCharacter(value: BoundExpression, position: TextPosition): BoundExpression {
  if (value.kind !== 'literal' || value.value === null) return value
  const text = String(value.value)
  if (Array.from(text).length === 1) return value
  throw new AppError('query.value', `ESCAPE takes one character, not ${JSON.stringify(text)}.`, { position })
}
