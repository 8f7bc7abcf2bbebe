import { voidType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { firstElement } from './arrays-meet.ts'
import { firstNoBareNull, rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'
import { absent, giving, innerCall, lambdaOf, lambdaOver, variable } from './higher-order-lambda.ts'

export const higherOrderFoldFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'aggregate reduce',
      rewritten(['array', 'any', 'lambda', 'lambda'], aggregated, {
        optional: 1,
        ...firstNoBareNull,
        lambda: (types, argument) =>
          argument === 2 ? [types[1] ?? voidType, firstElement(types)] : [types[1] ?? voidType],
      }),
    ),
    remarks: 'The start value says the type: `CAST(0 AS DOUBLE)` to add doubles.',
  },
]

/**
 * The engine folds elements into a value of their own type, so each becomes a struct of what is folded so far and the
 * element.
 */
function aggregated([
  array = absent,
  start = absent,
  merge,
  finish,
]: readonly BoundExpression[]): BoundExpression {
  const element = firstElement([array.type])
  const lambda = lambdaOf(merge)
  const [sum = '', item = ''] = lambda.parameters
  const replacements = new Map([
    [sum, innerCall('fold.a', [variable(sum, voidType)], start.type, '($1).a')],
    [item, innerCall('fold.x', [variable(item, voidType)], element, '($1).x')],
  ])
  const { body } = giving(lambdaOver(lambda.parameters, lambda, replacements), start.type)
  const none = (type: DataType): string => `CAST(NULL AS ${duckdbType(type)})`
  const step = innerCall('fold', [body], voidType, `struct_pack(a := $1, x := ${none(element)})`)
  const folded = innerCall(
    'aggregate',
    [array, start, { kind: 'lambda', parameters: lambda.parameters, body: step, type: voidType }],
    start.type,
    // The start stands first in the list: given as an argument of its own, the engine takes columns of other rows
    // into the fold when lists are of different lengths. To join by `||` leaves NULL as NULL.
    `list_reduce([struct_pack(a := $2, x := ${none(element)})] || ` +
      `list_transform($1, lambda e: struct_pack(a := ${none(start.type)}, x := e)), $3).a`,
  )
  if (finish === undefined) return folded
  const last = lambdaOf(finish)
  return innerCall('finish', [folded, last], last.type, 'list_transform([$1], $2)[1]')
}
