import { booleanType, mapType, structType, voidType, type DataType } from '#types/data-type.ts'
import { wider } from '#types/implicit-cast.ts'
import type { BoundExpression, BoundLambda } from '../bind/bound.ts'
import { castTo } from '../bind/build.ts'
import { rewritten, scalar } from './define.ts'
import type { FunctionEntry } from './entry.ts'
import { absent, giving, innerCall, lambdaOf, lambdaOver, variable } from './higher-order-lambda.ts'
import { keyType, valueType } from './maps-meet.ts'
import { onceEach } from './once-each.ts'

type Values = readonly BoundExpression[]

const overEntries = { lambda: (types: readonly DataType[]) => [keyType(types), valueType(types)] }

export const higherOrderMapFunctions: readonly FunctionEntry[] = [
  {
    ...scalar(
      'transform_keys',
      rewritten(
        ['map', 'lambda'],
        ([map = absent, lambda]: Values) =>
          entriesTransformed('transform_keys', map, overEntry(map.type, lambda), (key, entry) => [
            key,
            entry.value,
          ]),
        overEntries,
      ),
    ),
    remarks: 'Two entries of one new key are an error.',
  },
  scalar(
    'transform_values',
    rewritten(
      ['map', 'lambda'],
      ([map = absent, lambda]: Values) =>
        entriesTransformed('transform_values', map, overEntry(map.type, lambda), (value, entry) => [
          entry.key,
          value,
        ]),
      overEntries,
    ),
  ),
  scalar(
    'map_filter',
    rewritten(
      ['map', 'lambda'],
      ([map = absent, lambda]: Values) =>
        innerCall(
          'map_filter',
          [map, giving(overEntry(map.type, lambda), booleanType)],
          map.type,
          'map_from_entries(list_filter(map_entries($1), $2))',
        ),
      overEntries,
    ),
  ),
  {
    ...scalar(
      'map_zip_with',
      rewritten(['map', 'map', 'lambda'], zipped, {
        lambda: (types) => [commonKey(types), valueType(types), valueType(types.slice(1))],
      }),
    ),
    remarks: 'A key of one map only has NULL for the other.',
  },
]

interface Entry {
  readonly key: BoundExpression
  readonly value: BoundExpression
}

const member = (name: string | undefined, key: string, type: DataType): BoundExpression =>
  innerCall(`entry.${key}`, [variable(name, voidType)], type, `($1)."${key}"`)

/** The lambda of key and value as one of an entry. */
function overEntry(map: DataType, value: BoundExpression | undefined): BoundLambda {
  const lambda = lambdaOf(value)
  const [key = '', ...rest] = lambda.parameters
  const replacements = new Map([
    [key, member(key, 'key', keyType([map]))],
    ...rest.map((name) => [name, member(key, 'value', valueType([map]))] as const),
  ])
  return lambdaOver([key], lambda, replacements)
}

function entriesTransformed(
  name: string,
  map: BoundExpression,
  lambda: BoundLambda,
  entryOf: (result: BoundExpression, entry: Entry) => readonly [BoundExpression, BoundExpression],
): BoundExpression {
  const [parameter] = lambda.parameters
  const [key, value] = entryOf(lambda.body, {
    key: member(parameter, 'key', keyType([map.type])),
    value: member(parameter, 'value', valueType([map.type])),
  })
  return innerCall(
    name,
    [map, lambdaOfEntry(lambda, key, value)],
    mapType(key.type, value.type),
    'map_from_entries(list_transform(map_entries($1), $2))',
  )
}

function lambdaOfEntry(
  { parameters }: BoundLambda,
  key: BoundExpression,
  value: BoundExpression,
): BoundLambda {
  const type = structType([
    { name: 'key', type: key.type },
    { name: 'value', type: value.type },
  ])
  return { kind: 'lambda', parameters, body: { kind: 'struct', values: [key, value], type }, type }
}

function commonKey([left, right]: readonly DataType[]): DataType {
  return wider(keyType(left ? [left] : []), keyType(right ? [right] : [])) ?? voidType
}

function zipped([left = absent, right = absent, value]: Values): BoundExpression {
  const key = commonKey([left.type, right.type])
  const lambda = lambdaOf(value)
  const [name = '', one = '', other = ''] = lambda.parameters
  const [ofKey, ofLeft, ofRight] = [
    member(name, 'key', key),
    member(name, 'l', valueType([left.type])),
    member(name, 'r', valueType([right.type])),
  ]
  const over = lambdaOver(
    [name],
    lambda,
    new Map([
      [name, ofKey],
      [one, ofLeft],
      [other, ofRight],
    ]),
  )
  const maps = [left, right].map((map) => castTo(map, mapType(key, valueType([map.type]))))
  return innerCall(
    'map_zip_with',
    [...maps, lambdaOfEntry(over, ofKey, over.body)],
    mapType(key, over.type),
    ({ values: [left = '', right = '', entry = ''] }) =>
      `map_from_entries(list_transform(${entriesOfBoth(left, right)}, ${entry}))`,
  )
}

/** Each key of either map with its two values. */
function entriesOfBoth(left: string, right: string): string {
  return onceEach([left, right], (left, right) => {
    const keys = `list_concat(map_keys(${left}), list_filter(map_keys(${right}), lambda k: NOT map_contains(${left}, k)))`
    const entry = `struct_pack("key" := k, l := map_extract_value(${left}, k), r := map_extract_value(${right}, k))`
    return `CASE WHEN ${left} IS NOT NULL AND ${right} IS NOT NULL THEN list_transform(${keys}, lambda k: ${entry}) END`
  })
}
