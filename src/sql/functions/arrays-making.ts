import { arrayType, structType, voidType, type DataType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { elementOf } from './arrays-meet.ts'
import { sequenceFunction } from './arrays-sequence.ts'
import { noBareNull, on, scalar } from './define.ts'
import type { FunctionEntry, PrintedCall } from './entry.ts'
import { onceEach } from './once-each.ts'

export const arrayMakingFunctions: readonly FunctionEntry[] = [
  scalar(
    'array',
    on(
      [],
      ([first = voidType]) => arrayType(first),
      ({ values, type }) =>
        values.length === 0 ? `CAST([] AS ${duckdbType(type)})` : `list_value(${values.join(', ')})`,
      { rest: 'common' },
    ),
  ),
  scalar(
    'array_repeat',
    on(
      ['any', 'integer'],
      ([type = voidType]) => arrayType(type),
      ({ values: [value = '', count = ''], type }) =>
        `list_resize(CASE WHEN ${count} IS NOT NULL THEN CAST([] AS ${duckdbType(type)}) END, greatest(${count}, 0), ${value})`,
    ),
  ),
  sequenceFunction,
  scalar('arrays_zip', on(['array'], zippedType, zipped, { rest: 'array' })),
  scalar(
    'flatten',
    on(
      ['array'],
      ([type]) => (elementOf(type).kind === 'array' ? elementOf(type) : arrayType(voidType)),
      ({ values }) =>
        onceEach(
          values,
          (lists) => `CASE WHEN list_count(${lists}) = len(${lists}) THEN flatten(${lists}) END`,
        ),
      {
        ...noBareNull,
        converts: ([type]) =>
          elementOf(type).kind === 'array' || elementOf(type).kind === 'void' ? [] : [voidType],
      },
    ),
  ),
]

function zippedType(types: readonly DataType[], values: readonly BoundExpression[]): DataType {
  const names = types.map((_type, index) => zippedName(values[index], index))
  const known = names.map((name) => name.toLowerCase())
  const fields = types.map((type, index) => ({
    // A name that comes again, which Spark has twice, is one that nobody could ask for.
    name: known.indexOf(known[index]!) === index ? names[index]! : String(index),
    type: elementOf(type),
  }))
  return arrayType(structType(fields))
}

function zippedName(value: BoundExpression | undefined, index: number): string {
  if (value?.kind === 'column') return value.column.name
  if (value?.kind === 'field' || value?.kind === 'lambdaVariable') return value.name
  // The value of a map by a constant key, however it is written.
  const [, key] =
    value?.kind === 'call' && ['[]', '.'].includes(value.entry.names[0] ?? '') ? value.arguments : []
  return key?.kind === 'literal' && key.type.kind === 'string' && key.value !== null
    ? String(key.value)
    : String(index)
}

function zipped({ values, type }: PrintedCall): string {
  const element = elementOf(type)
  const names = element.kind === 'struct' ? element.fields.map((field) => field.name) : []
  if (names.length === 0) return `CAST([] AS ${duckdbType(type)})`
  return onceEach(values, (...lists) => {
    const longest = `greatest(${lists.map((list) => `len(${list})`).join(', ')})`
    const members = lists.map((list) => `list_extract(${list}, i)`)
    const row = `CAST(row(${members.join(', ')}) AS ${duckdbType(element)})`
    const isKnown = lists.map((list) => `${list} IS NOT NULL`).join(' AND ')
    return `CASE WHEN ${isKnown} THEN list_transform(range(1, ${longest} + 1), lambda i: ${row}) END`
  })
}
