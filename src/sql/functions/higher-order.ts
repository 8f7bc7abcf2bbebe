import { arrayType, booleanType, integerType, longType, voidType, type DataType } from '#types/data-type.ts'
import type { BoundExpression, BoundLambda } from '../bind/bound.ts'
import { firstElement } from './arrays-meet.ts'
import { firstNoBareNull, rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'
import { higherOrderFoldFunctions } from './higher-order-fold.ts'
import { absent, giving, innerCall, lambdaOf, lambdaOver, variable } from './higher-order-lambda.ts'
import { higherOrderMapFunctions } from './higher-order-maps.ts'
import { onceEach } from './once-each.ts'

type Values = readonly BoundExpression[]

const overElements = { lambda: (types: readonly DataType[]) => [firstElement(types)] }
const overPlaces = {
  lambda: (types: readonly DataType[]) => [firstElement(types), integerType],
  lambdaOptional: 1,
}

export const higherOrderFunctions: readonly FunctionEntry[] = [
  scalar(
    'transform',
    rewritten(
      ['array', 'lambda'],
      ([array = absent, lambda]: Values) => {
        const each = fromZero(lambdaOf(lambda))
        return innerCall('transform', [array, each], arrayType(each.type), 'list_transform($1, $2)')
      },
      { ...overPlaces, ...firstNoBareNull },
    ),
  ),
  scalar(
    'filter',
    rewritten(
      ['array', 'lambda'],
      ([array = absent, lambda]: Values) => {
        const isKept = fromZero(giving(lambdaOf(lambda), booleanType))
        return innerCall('filter', [array, isKept], array.type, 'list_filter($1, $2)')
      },
      overPlaces,
    ),
  ),
  {
    ...scalar(
      'exists any_match',
      rewritten(['array', 'lambda'], folded('exists', 'OR', 'false'), overElements),
    ),
    remarks: 'NULL when none is true and one is NULL.',
  },
  {
    ...scalar(
      'forall all_match',
      rewritten(['array', 'lambda'], folded('forall', 'AND', 'true'), overElements),
    ),
    remarks: 'NULL when none is false and one is NULL.',
  },
  {
    ...scalar(
      'zip_with',
      rewritten(['array', 'array', 'lambda'], zippedWith, {
        fits: ([left, right]) => left?.kind !== 'void' && right?.kind !== 'void',
        lambda: ([left = voidType, right = voidType]) => [firstElement([left]), firstElement([right])],
      }),
    ),
    remarks: 'The shorter array is filled with NULL.',
  },
  ...higherOrderFoldFunctions,
  ...higherOrderMapFunctions,
]

function folded(name: string, operator: 'OR' | 'AND', start: string): (values: Values) => BoundExpression {
  return ([array = absent, lambda]) =>
    innerCall(
      name,
      [array, giving(lambdaOf(lambda), booleanType)],
      booleanType,
      `list_reduce(list_transform($1, $2), lambda a, b: a ${operator} b, ${start})`,
    )
}

/** The engine counts elements from 1, the dialect from 0. */
function fromZero(lambda: BoundLambda): BoundLambda {
  const [, place] = lambda.parameters
  if (place === undefined) return lambda
  const counted = innerCall('place', [variable(place, longType)], integerType, 'CAST($1 - 1 AS INTEGER)')
  return lambdaOver(lambda.parameters, lambda, new Map([[place, counted]]))
}

function zippedWith([left = absent, right = absent, lambda]: Values): BoundExpression {
  const each = lambdaOf(lambda)
  const [one = '', other = ''] = each.parameters
  // The first parameter becomes the pair.
  const pair = variable(one, voidType)
  const member = (key: 'l' | 'r', type: DataType): BoundExpression =>
    innerCall(`pair.${key}`, [pair], type, `($1).${key}`)
  const replacements = new Map([
    [one, member('l', firstElement([left.type]))],
    [other, member('r', firstElement([right.type]))],
  ])
  const overPair = lambdaOver([one], each, replacements)
  return innerCall(
    'zip_with',
    [left, right, overPair],
    arrayType(overPair.type),
    ({ values: [left = '', right = '', each = ''] }) => `list_transform(${pairsOf(left, right)}, ${each})`,
  )
}

function pairsOf(left: string, right: string): string {
  return onceEach(
    [left, right],
    (left, right) =>
      `CASE WHEN ${left} IS NOT NULL AND ${right} IS NOT NULL THEN list_transform(range(1, greatest(len(${left}), len(${right})) + 1), ` +
      `lambda i: struct_pack(l := list_extract(${left}, i), r := list_extract(${right}, i))) END`,
  )
}
