import { booleanType, integerType, longType } from '#types/data-type.ts'
import { elementOf, firstElement, meetingElement } from './arrays-meet.ts'
import { firstNoBareNull, noBareNull, ofKind, on, onlyOfKind, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { extremeByKey, isNested } from './nested-order.ts'
import { onceEach } from './once-each.ts'

const meets = { converts: meetingElement(0, 1) }

/** What an array holds, and arrays as sets: order is kept, NULLs equal each other. */
export const arraySetFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'array_contains',
      on(
        ['array', 'any'],
        booleanType,
        ({ values }) =>
          onceEach(
            values,
            (list, value) =>
              `(list_contains(${list}, ${value}) OR CASE WHEN list_count(${list}) < len(${list}) THEN NULL ELSE false END)`,
          ),
        { ...meets, ...noBareNull },
      ),
    ),
    remarks: 'NULL when the value is not found and the array holds a NULL.',
  },
  scalar(
    'array_position',
    on(
      ['array', 'any'],
      longType,
      ({ values }) =>
        onceEach(
          values,
          (list, value) =>
            `CASE WHEN ${list} IS NOT NULL AND ${value} IS NOT NULL THEN CAST(coalesce(list_position(${list}, ${value}), 0) AS BIGINT) END`,
        ),
      { ...meets, ...firstNoBareNull },
    ),
  ),
  scalar(
    'array_remove',
    on(
      ['array', 'any'],
      sameAsFirst,
      ({ values }) =>
        onceEach(
          values,
          (list, value) =>
            `CASE WHEN ${value} IS NOT NULL THEN list_filter(${list}, lambda e: e IS DISTINCT FROM ${value}) END`,
        ),
      meets,
    ),
  ),
  scalar(
    'array_distinct',
    on(['array'], sameAsFirst, ({ values }) => onceEach(values, (list) => distinct(list))),
  ),
  scalar(
    'array_except',
    on(
      ['common', 'common'],
      sameAsFirst,
      (call) => ofBoth(call, (left, right) => distinct(left, `list_position(${right}, e) IS NULL`)),
      ofKind('array'),
    ),
  ),
  scalar(
    'array_intersect',
    on(
      ['common', 'common'],
      sameAsFirst,
      (call) => ofBoth(call, (left, right) => distinct(left, `list_position(${right}, e) IS NOT NULL`)),
      ofKind('array'),
    ),
  ),
  scalar(
    'array_union',
    on(
      ['common', 'common'],
      sameAsFirst,
      ({ values: [left = '', right = ''] }) =>
        onceEach(
          [`CASE WHEN ${left} IS NOT NULL AND ${right} IS NOT NULL THEN list_concat(${left}, ${right}) END`],
          (all) => distinct(all),
        ),
      onlyOfKind('array'),
    ),
  ),
  {
    ...scalar(
      'arrays_overlap',
      on(
        ['common', 'common'],
        booleanType,
        ({ values }) =>
          onceEach(
            values,
            (left, right) =>
              `(list_has_any(${left}, ${right}) OR CASE WHEN len(${left}) > 0 AND len(${right}) > 0 ` +
              `AND (list_count(${left}) < len(${left}) OR list_count(${right}) < len(${right})) THEN NULL ELSE false END)`,
          ),
        onlyOfKind('array'),
      ),
    ),
    remarks: 'NULL when nothing is common, neither is empty, and one holds a NULL.',
  },
  scalar('array_max', on(['array'], firstElement, extreme('max'))),
  scalar('array_min', on(['array'], firstElement, extreme('min'))),
  {
    ...scalar(
      'size cardinality',
      on(['array'], integerType, 'CAST(coalesce(len($1), -1) AS INTEGER)'),
      on(['map'], integerType, 'CAST(coalesce(cardinality($1), -1) AS INTEGER)'),
    ),
    remarks: '-1 for NULL, as Spark without ANSI.',
  },
  scalar('array_size', on(['array'], integerType, 'CAST(len($1) AS INTEGER)')),
]

function extreme(side: 'max' | 'min'): (call: PrintedCall) => string {
  return ({ values: [list = ''], type }) =>
    isNested(type) ? extremeByKey(list, type, side) : `list_${side}(${list})`
}

/** @param condition on the element `e` */
function distinct(list: string, condition?: string): string {
  const isFirst = `list_position(${list}, e) = i`
  return `list_filter(${list}, lambda e, i: ${isFirst}${condition === undefined ? '' : ` AND ${condition}`})`
}

function ofBoth({ values, types }: PrintedCall, body: (left: string, right: string) => string): string {
  // `list_position` takes no NULL list, and says nothing of one.
  if (elementOf(types[0]).kind === 'void') return values[0] ?? 'NULL'
  return onceEach(
    values,
    (left = '', right = '') => `CASE WHEN ${right} IS NOT NULL THEN ${body(left, right)} END`,
  )
}
