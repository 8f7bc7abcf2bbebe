import { AppError } from '#base/errors.ts'
import {
  arrayType,
  booleanType,
  doubleType,
  integerType,
  longType,
  stringType,
  type DataType,
} from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { decimalOf, isIntegral } from '#types/implicit-cast.ts'
import { aggregateCall, nullsLeftOut } from './aggregate-call.ts'
import { spanOrDouble } from './aggregates-percentiles.ts'
import { aggregate, on, sameAsFirst } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { monthsOf, wholeMonths } from './interval-parts.ts'
import { isNested, orderKey } from './nested-order.ts'
import { decimalQuotient, wrapped } from './numbers.ts'

const isInterval = ([type]: readonly DataType[]): boolean => type?.kind === 'interval'

/** Counts, sums, extremes, first and last ones, and collections. */
export const aggregateFunctions: readonly FunctionEntry[] = [
  aggregate('count', on([], longType, counted, { rest: 'any' })),
  aggregate(
    'count_if',
    on(['boolean'], longType, (call) =>
      aggregateCall(
        call,
        `count(${call.isDistinct ? 'DISTINCT ' : ''}CASE WHEN ${call.values[0]} THEN true END)`,
      ),
    ),
  ),
  aggregate(
    'sum',
    on(['interval'], sameAsFirst, sumOfIntervals, { fits: isInterval }),
    on(['numeric'], sumType, sum),
  ),
  aggregate(
    'try_sum',
    on(['interval'], sameAsFirst, sumOfIntervals, { fits: isInterval }),
    on(['numeric'], sumType, (call) =>
      call.type.kind === 'long' ? `TRY_CAST(${plain('sum')(call)} AS BIGINT)` : sum(call),
    ),
  ),
  aggregate(
    'avg mean try_avg',
    on(['interval'], ([type]) => spanOrDouble(type), averageInterval, { fits: isInterval }),
    on(['numeric'], averageType, average),
  ),
  aggregate('min', on(['any'], sameAsFirst, extreme('min'))),
  aggregate('max', on(['any'], sameAsFirst, extreme('max'))),
  aggregate('first first_value', ...oneOf('first')),
  aggregate('last last_value', ...oneOf('last')),
  aggregate('any_value', ...oneOf('first')),
  aggregate('collect_list array_agg', on(['any'], listType, collected)),
  aggregate(
    'collect_set',
    on(['any'], listType, (call) => collected({ ...call, isDistinct: true })),
  ),
  aggregate('max_by', on(['any', 'any'], sameAsFirst, extremeBy('max'))),
  aggregate('min_by', on(['any', 'any'], sameAsFirst, extremeBy('min'))),
  aggregate('bool_and every', on(['boolean'], booleanType, plain('bool_and'))),
  aggregate('bool_or some any', on(['boolean'], booleanType, plain('bool_or'))),
  aggregate('bit_and', on(['integral'], sameAsFirst, plain('bit_and'))),
  aggregate('bit_or', on(['integral'], sameAsFirst, plain('bit_or'))),
  aggregate('bit_xor', on(['integral'], sameAsFirst, plain('bit_xor'))),
  aggregate(
    'listagg string_agg',
    on(
      ['string', 'string'],
      stringType,
      (call) => {
        const [value = '', separator = "''"] = call.values
        return aggregateCall(
          call,
          `string_agg(${call.isDistinct ? 'DISTINCT ' : ''}${value}, ${separator}${orderOf(call, value)})`,
        )
      },
      { optional: 1, constants: [1] },
    ),
  ),
  aggregate('grouping', on(['any'], { kind: 'byte' }, 'CAST(grouping($1) AS TINYINT)')),
  aggregate('grouping_id', on(['any'], longType, 'CAST(grouping_id($*) AS BIGINT)', { rest: 'any' })),
]

function plain(name: string): (call: PrintedCall) => string {
  return (call) =>
    aggregateCall(
      call,
      `${name}(${call.isDistinct ? 'DISTINCT ' : ''}${call.values.join(', ')}${call.orderBy})`,
    )
}

function extreme(side: 'min' | 'max'): (call: PrintedCall) => string {
  return (call) => {
    const [value = ''] = call.values
    return isNested(call.type)
      ? aggregateCall(call, `arg_${side}(${value}, ${orderKey(value, call.type)})`)
      : plain(side)(call)
  }
}

function extremeBy(side: 'min' | 'max'): (call: PrintedCall) => string {
  return (call) => {
    const [value = '', order = ''] = call.values
    const key = orderKey(order, call.types[1] ?? call.type)
    return plain(`arg_${side}_null`)({ ...call, values: [value, key] })
  }
}

/** `count(*)` comes as `count(1)`; of several values, rows that lack one do not count. */
function counted(call: PrintedCall): string {
  const { values, arguments: given, isDistinct } = call
  const [first] = given
  if (
    !isDistinct &&
    given.length <= 1 &&
    (first === undefined || (first.kind === 'literal' && first.value !== null))
  )
    return aggregateCall(call, 'count(*)')
  const value =
    values.length === 1
      ? (values[0] ?? '')
      : `CASE WHEN ${values.map((text) => `${text} IS NOT NULL`).join(' AND ')} THEN row(${values.join(', ')}) END`
  return aggregateCall(call, `count(${isDistinct ? 'DISTINCT ' : ''}${value})`)
}

function sumType([type = longType]: readonly DataType[]): DataType {
  if (isIntegral(type)) return longType
  return type.kind === 'decimal' ? boundedSum(type) : doubleType
}

function boundedSum(type: Extract<DataType, { kind: 'decimal' }>): DataType {
  return { kind: 'decimal', precision: Math.min(type.precision + 10, 38), scale: type.scale }
}

/** Of months rounded to months, of the old type as the engine has it. */
function averageInterval(call: PrintedCall): string {
  const [value = ''] = call.values
  const months = monthsOf(value, call.type)
  return months === undefined ? plain('avg')(call) : wholeMonths(plain('avg')({ ...call, values: [months] }))
}

/** The engine adds no intervals: their months, days and parts of days one by one. */
function sumOfIntervals(call: PrintedCall): string {
  if (call.isDistinct) {
    throw new AppError('query.unsupported', 'Distinct intervals cannot be summed.', {
      hint: 'Take them from a subquery with SELECT DISTINCT.',
    })
  }
  const [value = ''] = call.values
  const part = (name: string): string => `date_part('${name}', ${value})`
  const sum = (amount: string, type: string): string =>
    `CAST(${plain('sum')({ ...call, values: [amount] })} AS ${type})`
  const months = sum(`${part('year')} * 12 + ${part('month')}`, 'INTEGER')
  const micros = sum(
    `${part('hour')} * 3600000000 + ${part('minute')} * 60000000 + ${part('microsecond')}`,
    'BIGINT',
  )
  return `(to_months(${months}) + to_days(${sum(part('day'), 'INTEGER')}) + to_microseconds(${micros}))`
}

function sum(call: PrintedCall): string {
  const text = plain('sum')(call)
  if (call.type.kind === 'long') return wrapped(`CAST(${text} AS HUGEINT)`, longType)
  if (call.type.kind !== 'decimal') return text
  // The engine's sums of 38 digits hold a little more than those: their text is read again.
  const exact = call.type.precision === 38 ? `CAST(${text} AS VARCHAR)` : text
  return `TRY_CAST(${exact} AS ${duckdbType(call.type)})`
}

function averageType([type = doubleType]: readonly DataType[]): DataType {
  if (type.kind !== 'decimal') return doubleType
  return { kind: 'decimal', precision: Math.min(type.precision + 4, 38), scale: Math.min(type.scale + 4, 38) }
}

function average(call: PrintedCall): string {
  const [type] = call.types
  if (type?.kind !== 'decimal' || call.type.kind !== 'decimal') return plain('avg')(call)
  const total = boundedSum(type)
  const count = plain('count')(call)
  return decimalQuotient(
    { text: `CAST(${plain('sum')(call)} AS ${duckdbType(total)})`, type: decimalOf(total) ?? type },
    { text: count, type: { kind: 'decimal', precision: 19, scale: 0 } },
    call.type,
  )
}

/** `first(x)`, `first(x, true)`, `first(x) IGNORE NULLS`. */
function oneOf(place: 'first' | 'last'): Signature[] {
  const print = (call: PrintedCall): string => {
    const [value = ''] = call.values
    const [, flag] = call.arguments
    const skips = call.ignoresNulls || (flag?.kind === 'literal' && flag.value === true)
    if (call.isWindow && call.filter === undefined)
      return `${place}_value(${value}${skips ? ' IGNORE NULLS' : ''})${call.over}`
    const text = `${place}(${value}${call.orderBy})`
    return skips ? nullsLeftOut(call, value, text) : aggregateCall(call, text)
  }
  return [on(['any', 'boolean'], sameAsFirst, print, { optional: 1 })]
}

function listType([type = integerType]: readonly DataType[]): DataType {
  return arrayType(type)
}

function orderOf(call: PrintedCall, value: string): string {
  return call.orderBy === '' && call.isDistinct ? ` ORDER BY ${value}` : call.orderBy
}

/** Without NULL; nothing makes an empty list. A set is sorted, so that it is always the same one. */
function collected(call: PrintedCall): string {
  const [value = ''] = call.values
  const list = nullsLeftOut(
    call,
    value,
    `list(${call.isDistinct ? 'DISTINCT ' : ''}${value}${orderOf(call, value)})`,
  )
  return `coalesce(${list}, CAST([] AS ${duckdbType(call.type)}))`
}
