import { stringType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { firstElement, firstOfStrings, meetingElement } from './arrays-meet.ts'
import { firstNoBareNull, on, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { meetingKey, valueType } from './maps-meet.ts'
import { onceEach } from './once-each.ts'

const elementAt: Signature = on(
  ['array', 'integer'],
  firstElement,
  ({ values }) =>
    onceEach(
      values,
      (list, index) =>
        `CASE WHEN ${index} = 0 THEN error('element_at counts from 1: its place cannot be 0.') ELSE list_extract(${list}, ${index}) END`,
    ),
  firstNoBareNull,
)

const valueAt: Signature = on(['map', 'any'], valueType, 'map_extract_value($1, $2)', {
  converts: meetingKey,
  ...firstNoBareNull,
})

/** Elements and parts of arrays, and arrays with something put in. Strings share `reverse`, maps `element_at`. */
export const arrayPartFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('element_at', elementAt, valueAt),
    remarks: 'Counts from 1, and from the end when negative. NULL where there is no element.',
  },
  scalar('try_element_at', elementAt, valueAt),
  {
    ...scalar(
      'get',
      on(['array', 'integer'], firstElement, ({ values }) =>
        onceEach(
          values,
          (list, index) =>
            `CASE WHEN ${index} >= 0 THEN list_extract(${list}, CAST(${index} AS BIGINT) + 1) END`,
        ),
      ),
    ),
    remarks: 'Counts from 0.',
  },
  scalar(
    'slice',
    on(['array', 'integer', 'integer'], sameAsFirst, ({ values }) =>
      onceEach(values, (list, start, count) => {
        const first = `CASE WHEN ${start} < 0 THEN len(${list}) + ${start} + 1 ELSE ${start} END`
        return (
          `CASE WHEN ${start} = 0 THEN error('slice counts from 1: its start cannot be 0.') ` +
          `WHEN ${count} < 0 THEN error('The length of a slice cannot be negative.') ` +
          `WHEN ${first} < 1 THEN ${list}[1:0] ELSE list_slice(${list}, ${first}, ${first} + ${count} - 1) END`
        )
      }),
    ),
  ),
  scalar(
    'array_join',
    on(['array', 'string', 'string'], stringType, joined, { optional: 1, converts: firstOfStrings }),
  ),
  scalar(
    'reverse',
    on(['array'], sameAsFirst, 'list_reverse($1)', { fits: ([type]) => type?.kind === 'array' }),
    on(['string'], stringType, 'reverse($1)'),
  ),
  scalar(
    'array_append',
    on(
      ['array', 'any'],
      sameAsFirst,
      ({ values }) =>
        onceEach(
          values,
          (list, value) => `CASE WHEN ${list} IS NOT NULL THEN list_append(${list}, ${value}) END`,
        ),
      { converts: meetingElement(0, 1), ...firstNoBareNull },
    ),
  ),
  scalar(
    'array_prepend',
    on(
      ['array', 'any'],
      sameAsFirst,
      ({ values }) =>
        onceEach(
          values,
          (list, value) => `CASE WHEN ${list} IS NOT NULL THEN list_prepend(${value}, ${list}) END`,
        ),
      { converts: meetingElement(0, 1) },
    ),
  ),
  {
    ...scalar(
      'array_insert',
      on(['array', 'integer', 'any'], sameAsFirst, inserted, { converts: meetingElement(0, 2) }),
    ),
    remarks: 'Counts from 1; -1 is behind the last element. Places between are filled with NULL.',
  },
  scalar('array_compact', on(['array'], sameAsFirst, 'list_filter($1, lambda e: e IS NOT NULL)')),
]

/** Elements without NULLs as one text. The engine joins with constants alone: another delimiter goes before each but the first. */
export function delimited(elements: string, delimiter: string, given: BoundExpression | undefined): string {
  if (given?.kind === 'literal' && given.value !== null) return `array_to_string(${elements}, ${delimiter})`
  return `array_to_string(list_transform(${elements}, lambda e, i: CASE WHEN i = 1 THEN e ELSE ${delimiter} || e END), '')`
}

function joined({ values, arguments: [, delimiterGiven] }: PrintedCall): string {
  return onceEach(values, (list = '', delimiter = '', replacement) => {
    const elements =
      replacement === undefined
        ? `list_filter(${list}, lambda e: e IS NOT NULL)`
        : `list_transform(${list}, lambda e: coalesce(e, ${replacement}))`
    const isConstant = delimiterGiven?.kind === 'literal'
    const text = delimited(elements, isConstant ? (values[1] ?? '') : delimiter, delimiterGiven)
    const known = [delimiter, ...(replacement === undefined ? [] : [replacement])]
    return `CASE WHEN ${known.map((value) => `${value} IS NOT NULL`).join(' AND ')} THEN ${text} END`
  })
}

function inserted({ values }: PrintedCall): string {
  return onceEach(values, (list, place, value) => {
    const fromEnd = `len(${list}) + ${place} + 1`
    return (
      `CASE WHEN ${list} IS NULL OR ${place} IS NULL THEN NULL ` +
      `WHEN ${place} = 0 THEN error('array_insert counts from 1: its place cannot be 0.') ` +
      `WHEN ${place} > 0 THEN list_concat(list_resize(${list}, greatest(${place}, 1) - 1), [${value}], list_slice(${list}, ${place}, len(${list}))) ` +
      `WHEN ${fromEnd} >= 0 THEN list_concat(list_slice(${list}, 1, ${fromEnd}), [${value}], list_slice(${list}, ${fromEnd} + 1, len(${list}))) ` +
      `ELSE list_concat([${value}], list_resize(${list}[1:0], greatest(-(${fromEnd}), 0)), ${list}) END`
    )
  })
}
