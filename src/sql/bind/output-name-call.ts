import type { CallExpression, SortItem } from '../parse/expression-syntax.ts'
import { sortText, type TextOf } from './output-name-window.ts'

/** Types as functions: what they convert is all there is to see. */
export const castNames: ReadonlySet<string> = new Set([
  'bigint',
  'binary',
  'boolean',
  'date',
  'decimal',
  'double',
  'float',
  'int',
  'smallint',
  'string',
  'timestamp',
  'tinyint',
])

/** A call as Spark writes it: under its proper name, with the arguments that were left out. */
export function callText(call: CallExpression, textOf: TextOf): string {
  const text = textOfCall(call, textOf)
  return call.filter ? `${text} FILTER (WHERE ${textOf(call.filter)})` : text
}

function textOfCall(call: CallExpression, textOf: TextOf): string {
  const name = call.name.toLowerCase()
  const isCountOfRows = name === 'count' && call.arguments[0]?.kind === 'star'
  const given = isCountOfRows ? ['1'] : call.arguments.map(textOf)
  const [one = ''] = given
  if (castNames.has(name) && given.length === 1) return one
  const own = ownForms[name]?.(given)
  if (own !== undefined) return own
  if (name in ordered) return orderedText(name, given, call, textOf)
  const seen = given.slice(0, seenCounts[name] ?? given.length)
  const all = [...seen, ...(defaults[name] ?? []).slice(seen.length)]
  const shown = otherNames[name]?.(given) ?? (upperNames.has(name) ? name.toUpperCase() : name)
  const text = `${shown}(${call.isDistinct ? 'DISTINCT ' : ''}${all.join(', ')})`
  return call.ignoresNulls && name === 'nth_value' ? `${text} ignore nulls` : text
}

/** Those that take what they work on in WITHIN GROUP. */
const ordered: Readonly<Record<string, true>> = {
  percentile_cont: true,
  percentile_disc: true,
  mode: true,
  listagg: true,
  string_agg: true,
}

function orderedText(
  name: string,
  [value = '', second]: readonly string[],
  { orderBy: [sort, ...sorts], isDistinct }: CallExpression,
  textOf: TextOf,
): string {
  if (name === 'listagg' || name === 'string_agg') {
    const values = `${isDistinct ? 'DISTINCT ' : ''}${value}, ${second ?? 'NULL'}`
    if (!sort) return `${name}(${values})`
    return `listagg(${values}) WITHIN GROUP (ORDER BY ${[sort, ...sorts].map((item) => sortText(item, textOf)).join(', ')})`
  }
  if (name === 'mode') {
    // Spark says the other direction.
    if (sort) return `mode() WITHIN GROUP (ORDER BY ${directed(value, !sort.isDescending)})`
    return second === 'true' ? `mode() WITHIN GROUP (ORDER BY ${value} DESC)` : `mode(${value})`
  }
  return `${name}(${second ?? ''}) WITHIN GROUP (ORDER BY ${directed(value, isDescending(sort))})`
}

function isDescending(sort: SortItem | undefined): boolean {
  return sort?.isDescending ?? false
}

function directed(value: string, isDown: boolean): string {
  return isDown ? `${value} DESC` : value
}

type Form = (values: readonly string[]) => string | undefined

const trimmed =
  (side: string): Form =>
  ([one, other]) =>
    other === undefined ? undefined : `TRIM(${side} ${one} FROM ${other})`

const identity = 'lambdafunction(namedlambdavariable(), namedlambdavariable())'

const natural =
  'lambdafunction((IF(((namedlambdavariable() IS NULL) AND (namedlambdavariable() IS NULL)), 0, (IF((namedlambdavariable() IS NULL), 1, (IF((namedlambdavariable() IS NULL), -1, (IF((namedlambdavariable() < namedlambdavariable()), -1, (IF((namedlambdavariable() > namedlambdavariable()), 1, 0)))))))))), namedlambdavariable(), namedlambdavariable())'

/** What is not written as a call, or not with its own arguments. */
const ownForms: Readonly<Record<string, Form>> = {
  array_sort: ([array, order]) => (order === undefined ? `array_sort(${array}, ${natural})` : undefined),
  aggregate: (values) => (values.length === 3 ? `aggregate(${[...values, identity].join(', ')})` : undefined),
  reduce: (values) => (values.length === 3 ? `reduce(${[...values, identity].join(', ')})` : undefined),
  assert_true: ([value, text]) =>
    text === undefined ? `assert_true(${value}, '${value}' is not true!)` : undefined,
  // To so many digits they are other functions.
  ceil: (values) => (values.length === 2 ? `ceil(${values.join(', ')})` : undefined),
  floor: (values) => (values.length === 2 ? `floor(${values.join(', ')})` : undefined),
  cume_dist: () => 'cume_dist()',
  datepart: ([part, value]) => `datepart(${part} FROM ${value})`,
  dense_rank: () => 'DENSE_RANK()',
  div: ([one, other]) => `(${one} div ${other})`,
  if: (values) => `(IF(${values.join(', ')}))`,
  isnotnull: ([value]) => `(${value} IS NOT NULL)`,
  isnull: ([value]) => `(${value} IS NULL)`,
  like: ([value, pattern, escape]) => (escape === undefined ? `${value} LIKE ${pattern}` : undefined),
  log: (values) => (values.length === 1 ? `LOG(E(), ${values[0]})` : undefined),
  ltrim: trimmed('LEADING'),
  percent_rank: () => 'PERCENT_RANK()',
  positive: ([value]) => `(+ ${value})`,
  rank: () => 'RANK()',
  row_number: () => 'row_number()',
  rtrim: trimmed('TRAILING'),
  // Read with the signs behind.
  trim: ([value, signs]) => (signs === undefined ? undefined : `TRIM(BOTH ${signs} FROM ${value})`),
  unix_timestamp: (values) =>
    values.length === 0 ? 'unix_timestamp(current_timestamp(), yyyy-MM-dd HH:mm:ss)' : undefined,
}

const always = (name: string) => () => name

/** Names that are others' by-names. */
const otherNames: Readonly<Record<string, Form>> = {
  array_agg: always('collect_list'),
  curdate: always('current_date'),
  // With a unit it is timestampadd.
  dateadd: always('date_add'),
  random: always('rand'),
  to_varchar: always('to_char'),
}

/** Of these only the first arguments are seen. */
const seenCounts: Readonly<Record<string, number>> = {
  any_value: 1,
  first: 1,
  first_value: 1,
  last: 1,
  last_value: 1,
  from_csv: 1,
  from_json: 1,
  schema_of_csv: 1,
  schema_of_json: 1,
  to_csv: 1,
  to_json: 1,
}

/** What arguments are that are left out, by their places. */
const defaults: Readonly<Record<string, readonly string[]>> = {
  aes_decrypt: ['', '', 'GCM', 'DEFAULT', ''],
  aes_encrypt: ['', '', 'GCM', 'DEFAULT', '', ''],
  approx_percentile: ['', '', '10000'],
  approx_top_k: ['', '5', '10000'],
  bround: ['', '0'],
  from_unixtime: ['', 'yyyy-MM-dd HH:mm:ss'],
  hll_sketch_agg: ['', '12'],
  hll_union: ['', '', 'false'],
  hll_union_agg: ['', 'false'],
  lag: ['', '1', 'NULL'],
  lead: ['', '1', 'NULL'],
  locate: ['', '', '1'],
  lpad: ['', '', ' '],
  make_dt_interval: ['0', '0', '0', '0.000000'],
  make_interval: ['0', '0', '0', '0', '0', '0', '0.000000'],
  make_ym_interval: ['0', '0'],
  mask: ['', 'X', 'x', 'n', 'NULL'],
  months_between: ['', '', 'true'],
  ntile: ['1'],
  overlay: ['', '', '', '-1'],
  percentile: ['', '', '1'],
  percentile_approx: ['', '', '10000'],
  position: ['', '', '1'],
  regexp_extract: ['', '', '1'],
  regexp_extract_all: ['', '', '1'],
  regexp_instr: ['', '', '0'],
  regexp_replace: ['', '', '', '1'],
  replace: ['', '', ''],
  round: ['', '0'],
  rpad: ['', '', ' '],
  sentences: ['', '', ''],
  sort_array: ['', 'true'],
  split: ['', '', '-1'],
  str_to_map: ['', ',', ':'],
  substr: ['', '', '2147483647'],
  substring: ['', '', '2147483647'],
  to_unix_timestamp: ['', 'yyyy-MM-dd HH:mm:ss'],
  try_aes_decrypt: ['', '', 'GCM', 'DEFAULT', ''],
  try_make_interval: ['0', '0', '0', '0', '0', '0', '0.000000'],
  unix_timestamp: ['', 'yyyy-MM-dd HH:mm:ss'],
}

const upperNames: ReadonlySet<string> = new Set([
  'acos',
  'acosh',
  'asin',
  'asinh',
  'atan',
  'atan2',
  'atanh',
  'cbrt',
  'ceil',
  'cos',
  'cosh',
  'cot',
  'csc',
  'degrees',
  'e',
  'exp',
  'expm1',
  'floor',
  'hypot',
  'log',
  'log10',
  'log1p',
  'log2',
  'pi',
  'power',
  'radians',
  'regexp',
  'regexp_like',
  'rlike',
  'sec',
  'signum',
  'sin',
  'sinh',
  'sqrt',
  'tan',
  'tanh',
])
