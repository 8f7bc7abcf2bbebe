import { sparkType } from '#types/spark-type.ts'
import type { BoundCall } from '../../bind/bound.ts'
import type { PrintedCall } from './operators.ts'

type Said = string | { readonly text: string; readonly isCast: (text: string) => string } | undefined

/** Functions that Spark calls otherwise than by name and arguments. Undefined: as all others. */
export const specialCalls: Readonly<Record<string, (printed: PrintedCall, orderBy: string) => Said>> = {
  from_utc_timestamp: inZone('from_utc_timestamp'),
  to_utc_timestamp: inZone('to_utc_timestamp'),
  timestampadd: unitFirst('timestampadd'),
  timestampdiff: unitFirst('timestampdiff'),
  trim: trimmed('BOTH'),
  ltrim: trimmedSide('LEADING'),
  rtrim: trimmedSide('TRAILING'),
  // Spark's own takes only a column that it has made a window itself.
  window_time: ({ values: [window = ''] }) => `(${window}.end - INTERVAL '1' MICROSECOND)`,
  approx_count_distinct: withError,
  // Spark names its fields by the columns printed.
  arrays_zip: ({ call, values }) => `CAST(arrays_zip(${values.join(', ')}) AS ${sparkType(call.type)})`,
  // Arguments are accepted, and mean nothing.
  row_number: () => 'row_number()',
  rank: () => 'rank()',
  dense_rank: () => 'dense_rank()',
  percent_rank: () => 'percent_rank()',
  cume_dist: () => 'cume_dist()',
  nth_value: ({ values }) => `nth_value(${values.slice(0, 2).join(', ')})`,
  count: countDistinct,
  hll_build_agg: ({ values }) => ({ text: `hll_sketch_agg(${values.join(', ')})`, isCast: asText }),
  hll_merge_agg: ({ values: [sketch = '', ...rest] }) => ({
    text: `hll_union_agg(${[`unbase64(${sketch})`, ...rest].join(', ')})`,
    isCast: asText,
  }),
  hll_estimate: ({ values: [sketch = ''] }) => `CAST(hll_sketch_estimate(unbase64(${sketch})) AS DOUBLE)`,
  listagg: ({ call, values }, orderBy) =>
    orderBy === ''
      ? undefined
      : `listagg(${call.isDistinct ? 'DISTINCT ' : ''}${values.join(', ')}) WITHIN GROUP (${orderBy})`,
  percentile_cont: withinGroup('percentile_cont'),
  percentile_disc: withinGroup('percentile_disc'),
  mode: (printed, orderBy) => (orderBy === '' ? undefined : withinGroup('mode')(printed, orderBy)),
}

function asText(bytes: string): string {
  return `base64(${bytes})`
}

/** Java knows the American zones by their winters' names only. */
const summerZones: Readonly<Record<string, string>> = {
  EDT: '-04:00',
  CDT: '-05:00',
  MDT: '-06:00',
  PDT: '-07:00',
}

function inZone(name: string): (printed: PrintedCall) => Said {
  return ({ call, values: [time = ''] }) => {
    const [, zone] = call.arguments
    const offset = zone?.kind === 'literal' ? summerZones[String(zone.value)] : undefined
    return offset === undefined ? undefined : `${name}(${time}, '${offset}')`
  }
}

/** The unit is a word to Spark, not a text. */
function unitFirst(name: string): (printed: PrintedCall) => Said {
  return ({ call, values: [, ...others] }) => {
    const [unit] = call.arguments
    return unit?.kind === 'literal' ? `${name}(${[String(unit.value), ...others].join(', ')})` : undefined
  }
}

function trimmed(side: string): (printed: PrintedCall) => Said {
  return ({ values: [value = '', signs] }) =>
    signs === undefined ? `trim(${side} FROM ${value})` : `trim(${side} ${signs} FROM ${value})`
}

/** Of a side the signs to take away come first. */
function trimmedSide(side: string): (printed: PrintedCall) => Said {
  return ({ call, values: [first = '', second] }) =>
    trimmed(side)({ call, values: second === undefined ? [first] : [second, first] })
}

/** Spark takes the error as a literal only. */
function withError({ call, values: [value = ''] }: PrintedCall): Said {
  const [, given] = call.arguments
  const error = given?.kind === 'cast' ? given.value : given
  return error?.kind === 'literal'
    ? `approx_count_distinct(${call.isDistinct ? 'DISTINCT ' : ''}${value}, ${String(error.value)}D)`
    : undefined
}

/** Spark counts no different values in a window; it can collect them. */
function countDistinct({ call, values }: PrintedCall): Said {
  if (!call.isDistinct || !call.over) return undefined
  const [first = ''] = values
  const value = values.length === 1 ? first : together(call, values)
  return { text: `collect_set(${value})`, isCast: (text) => `CAST(size(${text}) AS BIGINT)` }
}

/** Several values as one, NULL where one of them is. */
function together({ arguments: given }: BoundCall, values: readonly string[]): string {
  const known = values.map((value) => `${value} IS NOT NULL`).join(' AND ')
  return `(CASE WHEN ${known} THEN struct(${values.slice(0, given.length).join(', ')}) END)`
}

/** What it works on is its first argument here, and stands in WITHIN GROUP there. */
function withinGroup(name: string): (printed: PrintedCall, orderBy: string) => Said {
  return ({ values: [value = '', ...rest] }, orderBy) =>
    `${name}(${rest.join(', ')}) WITHIN GROUP (${orderBy === '' ? `ORDER BY ${value}` : orderBy})`
}
