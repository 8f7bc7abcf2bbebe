import { quoteLiteral } from '#base/sql-text.ts'
import {
  arrayType,
  booleanType,
  mapType,
  stringType,
  structType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { wider, widerOf } from '#types/implicit-cast.ts'
import { elementOf } from './arrays-meet.ts'
import { on, onlyOfKind, sameAsFirst, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { keyType, meetingKey, valueType } from './maps-meet.ts'
import { onceEach } from './once-each.ts'

export const mapFunctions: readonly FunctionEntry[] = [
  {
    ...scalar('map', on([], pairedType, paired, { rest: 'any', converts: meetingPairs })),
    remarks: 'Key, value, key, value, …; a key that stands twice is an error.',
  },
  {
    ...scalar(
      'map_from_arrays map_form_arrays',
      on(['array', 'array'], ([keys, values]) => mapType(elementOf(keys), elementOf(values)), 'map($1, $2)'),
    ),
    remarks: '`map_form_arrays` is how older documentation spells it.',
  },
  scalar(
    'map_from_entries',
    on(
      ['array'],
      ([entries]) => entriesType(entries) ?? mapType(voidType, voidType),
      ({ values, types }) => onceEach(values, (entries) => mapOfEntries(entries, elementOf(types[0]))),
      { fits: ([entries]) => entriesType(entries) !== undefined },
    ),
  ),
  scalar(
    'map_keys',
    on(['map'], (types) => arrayType(keyType(types)), 'map_keys($1)'),
  ),
  scalar(
    'map_values',
    on(['map'], (types) => arrayType(valueType(types)), 'map_values($1)'),
  ),
  scalar(
    'map_entries',
    on(
      ['map'],
      (types) =>
        arrayType(
          structType([
            { name: 'key', type: keyType(types) },
            { name: 'value', type: valueType(types) },
          ]),
        ),
      'map_entries($1)',
    ),
  ),
  {
    ...scalar(
      'map_concat',
      on([], mapType(stringType, stringType), 'CAST(map() AS MAP(VARCHAR, VARCHAR))'),
      on(['common'], sameAsFirst, concatenated, {
        rest: 'common',
        ...onlyOfKind('map'),
      }),
    ),
    remarks: 'A key of two maps is an error.',
  },
  scalar(
    'map_contains_key',
    on(['map', 'any'], booleanType, 'map_contains($1, $2)', { converts: meetingKey }),
  ),
  {
    ...scalar(
      'str_to_map',
      on(['string', 'string', 'string'], mapType(stringType, stringType), cutText, { optional: 2 }),
    ),
    remarks: 'The delimiters are regular expressions, by default `,` and `:`.',
  },
]

const everySecond = <T>(items: readonly T[], from: 0 | 1): readonly T[] =>
  items.filter((_item, index) => index % 2 === from)

function pairedType(types: readonly DataType[]): DataType {
  const [key = voidType, value = voidType] = types
  return mapType(key, value)
}

function meetingPairs(types: readonly DataType[]): readonly (DataType | undefined)[] {
  const [key, value] = [widerOf(everySecond(types, 0), wider), widerOf(everySecond(types, 1), wider)]
  const isPaired = types.length % 2 === 0
  return types.map((_type, index) => (isPaired ? (index % 2 === 0 ? key : value) : voidType) ?? voidType)
}

function paired({ values, type }: PrintedCall): string {
  if (values.length === 0) return `CAST(map() AS ${duckdbType(type)})`
  return `map([${everySecond(values, 0).join(', ')}], [${everySecond(values, 1).join(', ')}])`
}

/** The map of an array of structs of two fields. */
function entriesType(entries: DataType | undefined): DataType | undefined {
  const entry = elementOf(entries)
  if (entry.kind !== 'struct' || entry.fields.length !== 2) return undefined
  const [key, value] = entry.fields
  return key && value && mapType(key.type, value.type)
}

/** An entry that is NULL makes the map NULL. */
function mapOfEntries(entries: string, entry: DataType): string {
  const [key = '', value = ''] = (entry.kind === 'struct' ? entry.fields : []).map(
    (field) => `struct_extract(e, ${quoteLiteral(field.name)})`,
  )
  const pairs = `list_transform(${entries}, lambda e: struct_pack("key" := ${key}, "value" := ${value}))`
  return `CASE WHEN list_count(${entries}) = len(${entries}) THEN map_from_entries(${pairs}) END`
}

function concatenated({ values }: PrintedCall): string {
  return onceEach(values, (...maps) => {
    const entries = maps.map((map) => `map_entries(${map})`).join(', ')
    const isKnown = maps.map((map) => `${map} IS NOT NULL`).join(' AND ')
    return `CASE WHEN ${isKnown} THEN map_from_entries(list_concat(${entries})) END`
  })
}

function cutText({ values: [text = '', pairs = "','", parts = "':'"] }: PrintedCall): string {
  return onceEach([text, pairs, parts], (text, pairs, parts) => {
    const cut = `'(?s)^(.*?)(?:' || ${parts} || ')(.*)$'`
    const entry =
      `CASE WHEN regexp_matches(p, ${cut}) ` +
      `THEN struct_pack("key" := regexp_extract(p, ${cut}, 1), "value" := regexp_extract(p, ${cut}, 2)) ` +
      `ELSE struct_pack("key" := p, "value" := NULL::VARCHAR) END`
    return `CASE WHEN ${parts} IS NOT NULL THEN map_from_entries(list_transform(regexp_split_to_array(${text}, ${pairs}), lambda p: ${entry})) END`
  })
}
