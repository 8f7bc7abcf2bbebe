import { AppError } from '#base/errors.ts'
import { quoteSparkLiteral } from '#base/spark-text.ts'
import { type DataType, type Field, structType } from '#types/data-type.ts'
import { sparkType } from '#types/spark-type.ts'
import { overlapOf } from '../../functions/date-time-window.ts'
import type { PrintedCall } from './operators.ts'

type Print = (printed: PrintedCall) => string

/** What a generator makes of a row, as an array of structs: `inline` of it gives the rows. */
export function listOfRows(printed: PrintedCall): string {
  const [name = ''] = printed.call.entry.names
  const list = lists[name.replace(/_outer$/, '')]
  if (!list) {
    throw new AppError('query.unsupported', `${name} cannot be carried out on Spark.`, {
      position: printed.call.at,
      hint: 'SET engine = duckdb runs it here.',
    })
  }
  return name.endsWith('_outer') ? orOneRow(list(printed), printed.call.type) : list(printed)
}

const isMap = ({ call }: PrintedCall): boolean => call.arguments[0]?.type.kind === 'map'

const lists: Readonly<Record<string, Print>> = {
  explode: (printed) => {
    const [value = ''] = printed.values
    return isMap(printed) ? `map_entries(${value})` : `transform(${value}, e -> named_struct('col', e))`
  },
  posexplode: (printed) => {
    const [value = ''] = printed.values
    return isMap(printed)
      ? `transform(map_entries(${value}), (e, i) -> named_struct('pos', i, 'key', e.key, 'value', e.value))`
      : `transform(${value}, (e, i) -> named_struct('pos', i, 'col', e))`
  },
  inline: ({ values: [value = ''] }) => value,
  stack: stacked,
  json_tuple: ({ values: [json = '', ...keys] }) => {
    const members = keys.map(
      (key, index) => `'c${index}', get_json_object(${json}, concat('$[\\'', ${key}, '\\']'))`,
    )
    return `array(named_struct(${members.join(', ')}))`
  },
  window: ({ call, values: [time = ''] }) => {
    const { span, distance, origin } = overlapOf(call.arguments)
    const start = `unix_micros(${time}) - pmod(unix_micros(${time}) - ${origin}L, ${distance}L)`
    const starts = `transform(sequence(0L, ${(span - 1n) / distance}L), i -> ${start} - i * ${distance}L)`
    const bounds = `'start', timestamp_micros(s), 'end', timestamp_micros(s + ${span}L)`
    return (
      `transform(filter(${starts}, s -> s + ${span}L > unix_micros(${time})), ` +
      `s -> named_struct('window', named_struct(${bounds})))`
    )
  },
  range: ({ values }) => {
    const [start = '0L', end = '0L', step = '1L'] = values.length === 1 ? ['0L', ...values] : values
    const last = `${end} - (CASE WHEN ${step} > 0 THEN 1 ELSE -1 END)`
    const isEmpty = `(CASE WHEN ${step} > 0 THEN ${start} >= ${end} ELSE ${start} <= ${end} END)`
    const list = `CASE WHEN ${isEmpty} THEN array() ELSE sequence(${start}, ${last}, ${step}) END`
    return `transform((${list}), n -> named_struct('id', n))`
  },
}

function orOneRow(list: string, type: DataType): string {
  const row = type.kind === 'array' ? type.element : structType([])
  return `(CASE WHEN size(${list}) > 0 THEN ${list} ELSE array(CAST(NULL AS ${sparkType(row)})) END)`
}

function stacked({ call, values }: PrintedCall): string {
  const fields: readonly Field[] =
    call.type.kind === 'array' && call.type.element.kind === 'struct' ? call.type.element.fields : []
  const given = values.slice(1)
  const count = call.arguments[0]?.kind === 'literal' ? Number(call.arguments[0].value) : 1
  const rows = Array.from({ length: count }, (_, row) => {
    const members = fields.map(({ name, type }, column) => {
      const value = given[row * fields.length + column] ?? 'NULL'
      return `${quoteSparkLiteral(name)}, CAST(${value} AS ${sparkType(type)})`
    })
    return `named_struct(${members.join(', ')})`
  })
  return `array(${rows.join(', ')})`
}
