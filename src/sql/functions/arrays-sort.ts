import { quoteIdentifier } from '#base/sql-text.ts'
import { booleanType, integerType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { castTo } from '../bind/build.ts'
import { elementOf, firstElement } from './arrays-meet.ts'
import { on, rewritten, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { absent, innerCall, lambdaOf, variable, withVariables } from './higher-order-lambda.ts'
import { isNested, sortedByKey } from './nested-order.ts'
import { onceEach } from './once-each.ts'

export const arraySortFunctions: readonly FunctionEntry[] = [
  scalar('sort_array', on(['array', 'boolean'], sameAsFirst, sortedArray, { optional: 1 })),
  {
    ...scalar(
      'array_sort',
      on(['array'], sameAsFirst, ({ values: [list = ''], type }) =>
        sorted(list, elementOf(type), { isDescending: false, nulls: 'last' }),
      ),
      rewritten(['array', 'lambda'], ([array = absent, comparator]) => sortedBy(array, comparator), {
        lambda: (types) => [firstElement(types), firstElement(types)],
      }),
    ),
    remarks: 'A comparator is called for pairs of elements: use it for small arrays.',
  },
  {
    ...scalar(
      'shuffle',
      on(
        // A seed is not used.
        ['array', 'long'],
        sameAsFirst,
        'list_transform(list_sort(list_transform($1, lambda e: struct_pack(place := random(), e := e))), lambda s: (s).e)',
        { optional: 1 },
      ),
    ),
    isVolatile: true,
  },
]

function sortedArray({
  values: [list = '', isAscending = 'true'],
  arguments: [, order],
  type,
}: PrintedCall): string {
  const element = elementOf(type)
  const ascending = (name: string): string => sorted(name, element, { isDescending: false, nulls: 'first' })
  const descending = (name: string): string => sorted(name, element, { isDescending: true, nulls: 'last' })
  if (!order || order.kind === 'literal') return order?.value === false ? descending(list) : ascending(list)
  return onceEach(
    [list, isAscending],
    (list = '', isAscending = '') =>
      `CASE ${isAscending} WHEN true THEN ${ascending(list)} WHEN false THEN ${descending(list)} END`,
  )
}

function sorted(list: string, element: DataType, order: Parameters<typeof sortedByKey>[2]): string {
  return isNested(element)
    ? sortedByKey(list, element, order)
    : `list_sort(${list}, '${order.isDescending ? 'DESC' : 'ASC'}', 'NULLS ${order.nulls === 'first' ? 'FIRST' : 'LAST'}')`
}

/** Insertion: each element goes behind those it is not less than, so that equal ones keep their order. */
function sortedBy(array: BoundExpression, comparator: BoundExpression | undefined): BoundExpression {
  const {
    parameters: [left = '', right = ''],
    body,
  } = lambdaOf(comparator)
  const element = firstElement([array.type])
  // The engine folds lists of one element each, as the result must be of the elements' type.
  const only = innerCall('only', [variable(right, array.type)], element, 'list_extract($1, 1)')
  const order = castTo(withVariables(body, new Map([[right, only]])), integerType)
  const where = (print: string): BoundExpression => ({
    kind: 'lambda',
    parameters: [left],
    body: innerCall(print, [order], booleanType, print),
    type: booleanType,
  })
  const inserted = ({ values: [list = '', before = '', behind = ''], type }: PrintedCall): string => {
    const added = quoteIdentifier(right)
    return (
      // The empty list stands first, and is no argument of its own: see `aggregate`.
      `list_reduce([${emptyOf(type)}] || list_transform(${list}, lambda e: [e]), lambda done, ${added}: ` +
      `list_concat(list_filter(done, ${before}), ${added}, list_filter(done, ${behind})))`
    )
  }
  const parts = [array, where('coalesce($1 <= 0, true)'), where('coalesce($1 > 0, false)')]
  return innerCall('array_sort', parts, array.type, inserted)
}

function emptyOf(type: DataType): string {
  return `CAST([] AS ${duckdbType(type)})`
}
