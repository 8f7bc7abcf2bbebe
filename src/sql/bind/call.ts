import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { arrayType, sparkName, structType, type DataType } from '#types/data-type.ts'
import type { CallExtras, FunctionEntry } from '../functions/entry.ts'
import { findFunction, functionNames } from '../functions/registry.ts'
import type { CallExpression, Expression } from '../parse/expression-syntax.ts'
import { patternsFor } from './accepts.ts'
import type { BoundExpression, BoundLambda } from './bound.ts'
import { integerOf, structOf, type Member } from './build.ts'
import { bindCondition, bindExpression } from './expression.ts'
import { resolveCall } from './resolve-call.ts'
import { starColumns } from './star.ts'
import { type ExpressionPlace, withoutGenerators } from './state.ts'
import { suggestion } from './suggest.ts'
import { bindSorts, bindWindow } from './window.ts'

/** A call as written: its arguments, what stands behind them, and whether it may stand here. */
export function bindCall(call: CallExpression, place: ExpressionPlace): BoundExpression {
  const below = withoutGenerators(place)
  if (call.name.toLowerCase() === 'struct' && !call.over) return bindStruct(call.arguments, below)
  const entry = functionOf(call)
  checkPlace(call, entry, place)
  // What an aggregate computes is a value of each row; a window of aggregates may compute on them.
  const isAggregate = entry.kind === 'aggregate' && !call.over
  const inner: ExpressionPlace = isAggregate
    ? {
        ...place,
        allows: { aggregates: false, windows: false, generators: false },
        placeName: 'an aggregate function',
      }
    : below
  const values = bindArguments(call, entry, inner)
  const extras: CallExtras = {
    isDistinct: call.isDistinct,
    ignoresNulls: call.ignoresNulls,
    filter: call.filter && bindCondition(call.filter, inner),
    orderBy: bindSorts(call.orderBy, inner),
    over: call.over && bindWindow(call.over, below),
  }
  const resolved = resolveCall({ state: place.state, at: call.at, extras }, entry, values)
  if (entry.names[0] === 'window') return timeWindow(resolved, call, place)
  return entry.names[0] === 'arrays_zip' ? zippedNames(resolved, call) : resolved
}

function timeWindow(
  value: BoundExpression,
  { at }: CallExpression,
  { timeWindows, placeName }: ExpressionPlace,
): BoundExpression {
  if (timeWindows) return timeWindows.windowOf(value, at)
  if (value.type.kind !== 'array') return value
  throw new AppError('query.unsupported', `Windows that overlap cannot stand in ${placeName}.`, {
    position: at,
    hint: 'Make them in a subquery, and use their column here.',
  })
}

/** The fields of `arrays_zip(a, t.b)` are named as the arguments were written. */
function zippedNames(zipped: BoundExpression, { arguments: given }: CallExpression): BoundExpression {
  const { type } = zipped
  if (zipped.kind !== 'call' || type.kind !== 'array' || type.element.kind !== 'struct') return zipped
  const names = given.map((argument) =>
    argument.kind === 'name' || argument.kind === 'field' ? argument.name.toLowerCase() : undefined,
  )
  const fields = type.element.fields.map((field, index) => {
    const argument = given[index]
    const isNamed = argument?.kind === 'name' || argument?.kind === 'field'
    return isNamed && names.indexOf(names[index]) === index ? { ...field, name: argument.name } : field
  })
  return { ...zipped, type: arrayType(structType(fields)) }
}

/** The generator that a select item is, if it is one. */
export function generatorOf(expression: Expression): FunctionEntry | undefined {
  if (expression.kind !== 'call') return undefined
  const entry = findFunction(expression.name)
  return entry?.kind === 'generator' ? entry : undefined
}

/** @throws AppError 'query.unknown_function' with what may have been meant */
function functionOf(call: CallExpression): FunctionEntry {
  const entry = findFunction(call.name)
  if (entry && /^[a-z]/i.test(call.name)) return entry
  throw new AppError('query.unknown_function', `There is no function ${call.name}.`, {
    position: call.at,
    hint: suggestion(call.name, functionNames),
  })
}

function checkPlace(call: CallExpression, entry: FunctionEntry, place: ExpressionPlace): void {
  const refuse = (what: string): never => {
    throw new AppError('query.syntax', `${call.name} ${what}.`, { position: call.at })
  }
  if (entry.kind === 'adobe' || entry.kind === 'window') {
    if (call.isDistinct) refuse('takes no DISTINCT')
    if (call.filter) refuse('takes no FILTER: a CASE around an argument leaves rows out')
  }
  if (entry.kind === 'adobe' && call.ignoresNulls) {
    refuse('takes no IGNORE NULLS: whether NULL counts is an argument where there is a choice')
  }
  if (call.over) {
    if (entry.kind === 'scalar' || entry.kind === 'generator')
      refuse('is no window function: it takes no OVER')
    if (!place.allows.windows) refuse(`computes over a window, which cannot stand in ${place.placeName}`)
  } else if (entry.kind === 'window') {
    refuse('needs an OVER clause')
  } else if (entry.kind === 'aggregate' && !place.allows.aggregates) {
    refuse(`is an aggregate function, which cannot stand in ${place.placeName}`)
  } else if (entry.kind === 'generator' && !place.allows.generators) {
    refuse('makes rows: it can only be a whole item of the select list, or stand in FROM or LATERAL VIEW')
  }
}

function bindArguments(
  call: CallExpression,
  entry: FunctionEntry,
  place: ExpressionPlace,
): readonly BoundExpression[] {
  const values: BoundExpression[] = []
  for (const argument of call.arguments) {
    if (argument.kind === 'star') {
      if (entry.names[0] === 'count' && !call.isDistinct) values.push(integerOf(1))
      else values.push(...starColumns(argument, place.scope).map((column) => column.value))
    } else if (argument.kind === 'lambda') {
      values.push(bindLambda(argument, { call, entry, values, place }))
    } else {
      values.push(bindExpression(argument, place))
    }
  }
  return values
}

interface LambdaSite {
  readonly call: CallExpression
  readonly entry: FunctionEntry
  /** The arguments before it. */
  readonly values: readonly BoundExpression[]
  readonly place: ExpressionPlace
}

function bindLambda(
  lambda: Extract<Expression, { kind: 'lambda' }>,
  { call, entry, values, place }: LambdaSite,
): BoundLambda {
  const types = values.map((value) => value.type)
  const signature = entry.signatures.find(
    (signature) => patternsFor(signature, call.arguments.length)?.[values.length] === 'lambda',
  )
  const parameterTypes = signature?.lambda && lambdaTypes(signature.lambda, types)
  const givenMax = parameterTypes?.length ?? 0
  const givenMin = givenMax - (signature?.lambdaOptional ?? 0)
  const taken = lambda.parameters.length
  if (!parameterTypes || taken > givenMax || taken < givenMin) {
    throw new AppError(
      'query.type',
      parameterTypes
        ? `${call.name} gives this function ${givenMax} values, it takes ${taken}.`
        : `${call.name}(${types.map(sparkName).join(', ')}, …) takes no function in this place.`,
      { position: lambda.at },
    )
  }
  const names = lambda.parameters.map(() => place.state.nextAlias())
  const variables = lambda.parameters.map((parameter, index) => {
    const type = must(parameterTypes[index], 'a type a parameter')
    const name = must(names[index], 'a name a parameter')
    return [parameter.toLowerCase(), { kind: 'lambdaVariable', name, type }] as const
  })
  const body = bindExpression(lambda.body, {
    ...place,
    lambdaVariables: new Map<string, BoundExpression>([...place.lambdaVariables, ...variables]),
  })
  return { kind: 'lambda', parameters: names, body, type: body.type }
}

/** Undefined where the arguments before are not what the function works on. */
function lambdaTypes(
  lambda: (types: readonly DataType[], argument: number) => readonly DataType[],
  types: readonly DataType[],
): readonly DataType[] | undefined {
  try {
    return lambda(types, types.length)
  } catch {
    return undefined // A signature may take the kind of its argument for granted; resolving the call says what is wrong.
  }
}

/** `struct(a, b AS c, 1)`: members are named as written, by the column they are, or by their place. */
export function bindStruct(items: readonly Expression[], place: ExpressionPlace): BoundExpression {
  const members: Member[] = []
  const add = (name: string, value: BoundExpression): void => void members.push({ name, value })
  for (const [index, item] of items.entries()) {
    if (item.kind === 'star') {
      for (const column of starColumns(item, place.scope)) add(column.name, column.value)
    } else if (item.kind === 'named') {
      add(item.name, bindExpression(item.value, place))
    } else {
      const isPath = item.kind === 'name' || item.kind === 'field'
      add(isPath ? item.name : `col${index + 1}`, bindExpression(item, place))
    }
  }
  return structOf(members)
}
