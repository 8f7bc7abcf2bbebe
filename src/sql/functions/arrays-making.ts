import {
  arrayType,
  integerType,
  intervalType,
  structType,
  voidType,
  type DataType,
} from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { isIntegral, wider } from '#types/implicit-cast.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { elementOf } from './arrays-meet.ts'
import { on, scalar } from './define.ts'
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
  {
    ...scalar(
      'sequence',
      on(['any', 'any', 'any'], ([type = voidType]) => arrayType(type), sequence, {
        optional: 1,
        converts: sequenceTypes,
      }),
    ),
    remarks: 'Whole numbers go by 1, dates and timestamps by a day; down when the end is before the start.',
  },
  scalar('arrays_zip', on([], zippedType, zipped, { rest: 'array' })),
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
        converts: ([type]) =>
          elementOf(type).kind === 'array' || elementOf(type).kind === 'void' ? [] : [voidType],
      },
    ),
  ),
]

function sequenceTypes([start = voidType, end = voidType, step]: readonly DataType[]): readonly DataType[] {
  const type = wider(start, end) ?? voidType
  if (type.kind === 'date' || type.kind === 'timestamp' || type.kind === 'timestamp_ntz') {
    return [type, type, ...(step ? [intervalType] : [])]
  }
  const whole = step ? (wider(type, step) ?? voidType) : type
  const fits = isIntegral(whole) ? whole : whole.kind === 'void' ? integerType : voidType
  return [fits, fits, ...(step ? [fits] : [])]
}

function sequence({ values: [start = '', end = '', step], type }: PrintedCall): string {
  const element = elementOf(type)
  const isWhole = isIntegral(element)
  // The engine's series of wall-clock times knows no zones, as UTC does not need any.
  const plain = (text: string): string => (element.kind === 'timestamp' ? `timezone('UTC', ${text})` : text)
  const series = onceEach([plain(start), plain(end)], (start, end) => {
    const one = isWhole ? '1' : "INTERVAL '1' DAY"
    return `generate_series(${start}, ${end}, ${step ?? `CASE WHEN ${start} <= ${end} THEN ${one} ELSE -${one} END`})`
  })
  if (element.kind === 'timestamp') return `list_transform(${series}, lambda e: timezone('UTC', e))`
  return element.kind === 'timestamp_ntz' || element.kind === 'long'
    ? series
    : `CAST(${series} AS ${duckdbType(type)})`
}

function zippedType(types: readonly DataType[], values: readonly BoundExpression[]): DataType {
  const fields = types.map((type, index) => ({
    name: zippedName(values[index], index),
    type: elementOf(type),
  }))
  return arrayType(structType(fields))
}

function zippedName(value: BoundExpression | undefined, index: number): string {
  if (value?.kind === 'column') return value.column.name
  return value?.kind === 'field' || value?.kind === 'lambdaVariable' ? value.name : String(index)
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
