import { AppError } from '#base/errors.ts'
import {
  booleanType,
  intervalType,
  sparkName,
  structType,
  voidType,
  type DataType,
  type StructType,
} from '#types/data-type.ts'
import { castsExplicitly, comparedAs, wider, widerOf } from '#types/implicit-cast.ts'
import type { Literal } from '../compile.ts'
import type { Expression } from '../parse/syntax.ts'
import type { BoundExpression, BoundQueryTree } from './bound.ts'
import { booleanOf, caseOf, castTo, stringOf, structOf } from './build.ts'
import { bindCall, bindStruct } from './call.ts'
import { withIngestBounds } from './ingest-bounds.ts'
import { accessField, bindPath } from './path.ts'
import { castOutputs, columnOf, derivedFrom, outputsOf, plainSelect } from './outputs.ts'
import { bindQuery } from './query.ts'
import { callByName, convertedTo } from './resolve-call.ts'
import type { BindState, ExpressionPlace } from './state.ts'

type Of<K extends Expression['kind']> = Extract<Expression, { kind: K }>

/** Resolves an expression's names and types. @throws AppError 'query.unknown_column', 'query.type', … */
export function bindExpression(expression: Expression, place: ExpressionPlace): BoundExpression {
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
        type: intervalType,
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
      const escape = expression.escape ? [bind(expression.escape)] : []
      const matches = call(expression.operator, bind(expression.value), bind(expression.pattern), ...escape)
      return expression.isNegated ? call('not', matches) : matches
    }
    case 'between': {
      const value = bind(expression.value)
      const isWithin = call(
        'and',
        call('>=', value, bind(expression.low)),
        call('<=', value, bind(expression.high)),
      )
      return expression.isNegated ? call('not', isWithin) : isWithin
    }
    case 'inList': {
      const value = bind(expression.value)
      const isIn = call('in', value, ...expression.list.map((item) => namedAs(bind(item), value.type)))
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
      return bindCast(bind(expression.value), expression.type, { expression, place })
    case 'extract':
      return call('extract', stringOf(expression.part), bind(expression.value))
    case 'row':
      return bindStruct(expression.items, place)
    case 'call':
      return bindCall(expression, place)
  }
}

/** A condition: what is not boolean is converted, where Spark does. */
export function bindCondition(expression: Expression, place: ExpressionPlace): BoundExpression {
  const value = bindExpression(expression, place)
  const { kind } = value.type
  if (kind === 'boolean' || kind === 'void' || kind === 'string')
    return convertedTo(place.state, value, booleanType)
  throw new AppError(
    'query.type',
    `A condition was expected, a value of type ${sparkName(value.type)} came.`,
    {
      position: expression.at,
    },
  )
}

const unaryNames = { not: 'not', '-': 'negative', '+': 'positive', '~': '~' } as const

/** `@variables` stand for their values inside texts too, as plain text. */
function bindLiteral(literal: Of<'literal'>, place: ExpressionPlace): BoundExpression {
  const { type, value } = literal
  if (typeof value !== 'string' || type.kind !== 'string' || !value.includes('@')) {
    return { kind: 'literal', type, value }
  }
  const { variables } = place.state.context
  return stringOf(
    value.replaceAll(/@([\p{L}_][\p{L}\p{N}_]*)/gu, (all, name: string) => {
      const variable = variables[name]
      return variable === undefined ? all : textOfVariable(variable)
    }),
  )
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

function bindVariable({ name, at }: Of<'variable'>, place: ExpressionPlace): BoundExpression {
  const variable = place.state.context.variables[name]
  if (variable) return { kind: 'literal', ...variable }
  throw new AppError('query.unknown', `There is no variable @${name}.`, {
    position: at,
    hint: `Set it first, in the same block: SET @${name} = SELECT …;`,
  })
}

function bindParameter({ index, at }: Of<'parameter'>, { state }: ExpressionPlace): BoundExpression {
  const { parameters } = state.context
  if (!parameters) return { kind: 'parameter', index, type: state.parameterTypes[index - 1] ?? voidType }
  const literal = parameters[index - 1]
  if (literal) return { kind: 'literal', ...literal }
  throw new AppError(
    'query.parameters',
    `The statement uses $${index}, but ${parameters.length} values were given.`,
    {
      position: at,
    },
  )
}

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

/** Rows compare by place: `(a, b) = (1, 2)`. Their fields take the names of the other side's. */
function namedAs(value: BoundExpression, wanted: DataType): BoundExpression {
  const { type } = value
  if (type.kind !== 'struct' || wanted.kind !== 'struct' || type.fields.length !== wanted.fields.length)
    return value
  const named = structType(
    type.fields.map((field, index) => ({ ...field, name: wanted.fields[index]?.name ?? field.name })),
  )
  return value.kind === 'struct' ? { ...value, type: named } : castTo(value, named)
}

function bindInQuery(expression: Of<'inQuery'>, place: ExpressionPlace): BoundExpression {
  const { state } = place
  const value = bindExpression(expression.value, place)
  const given = bindQuery(expression.query, { state, commons: place.commons, outer: place.scope })
  const query = value.type.kind === 'struct' ? rowsOf(given, value.type, state) : given
  const [column, ...more] = outputsOf(query)
  const type = column && comparedAs(value.type, column.type)
  if (more.length > 0 || !type) {
    throw new AppError(
      'query.type',
      more.length > 0
        ? `IN takes a query of one column, this one has ${more.length + 1}.`
        : `${sparkName(value.type)} cannot be compared with the column of the query.`,
      { position: expression.at },
    )
  }
  const isIn: BoundExpression = {
    kind: 'inQuery',
    value: convertedTo(state, value, type),
    query: castOutputs(query, [type], state),
    type: booleanType,
  }
  return expression.isNegated ? callByName({ state, at: expression.at }, 'not', [isIn]) : isIn
}

/** The query's columns as one row value, where it has as many as the value looked for. */
function rowsOf(query: BoundQueryTree, type: StructType, state: BindState): BoundQueryTree {
  const outputs = outputsOf(query)
  if (outputs.length < 2 || outputs.length !== type.fields.length) return query
  const from = derivedFrom(query, state)
  const values = from.relation.columns.map((column) => columnOf(from.relation, column))
  const row = namedAs(structOf(Object.fromEntries(values.map((value, index) => [`c${index}`, value]))), type)
  return plainSelect(from, [{ name: 'row', key: 'row', value: row }])
}

function bindScalarQuery(expression: Of<'subquery'>, place: ExpressionPlace): BoundExpression {
  const query = bindQuery(expression.query, {
    state: place.state,
    commons: place.commons,
    outer: place.scope,
  })
  const [column, ...more] = outputsOf(query)
  if (!column || more.length > 0) {
    throw new AppError(
      'query.type',
      `A query used as a value has one column, this one has ${more.length + 1}.`,
      {
        position: expression.at,
      },
    )
  }
  return { kind: 'scalarQuery', query, type: column.type }
}

function bindCase(expression: Of<'case'>, place: ExpressionPlace): BoundExpression {
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

function bindCast(
  value: BoundExpression,
  type: DataType,
  { expression, place }: { readonly expression: Expression; readonly place: ExpressionPlace },
): BoundExpression {
  if (castsExplicitly(value.type, type)) return convertedTo(place.state, value, type)
  throw new AppError('query.type', `${sparkName(value.type)} cannot be cast to ${sparkName(type)}.`, {
    position: expression.at,
  })
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
