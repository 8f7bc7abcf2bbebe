import { AppError } from '#base/errors.ts'
import { arrayType, doubleType, type DataType } from '#types/data-type.ts'
import { wholeInterval } from '#types/intervals.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { aggregateCall, nullsLeftOut } from './aggregate-call.ts'
import { aggregate, on } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'

/** Values at shares of the order. Shares are constants: one, or an array of them. */
export const percentileFunctions: readonly FunctionEntry[] = [
  {
    ...aggregate(
      'approx_percentile percentile_approx',
      ...ranked(
        (type) => (type.kind === 'string' || type.kind === 'void' ? doubleType : type),
        (printed) => quantile(printed, 'quantile_disc'),
        1,
      ),
    ),
    remarks: 'It is exact: the accuracy asked for is accepted and not used.',
  },
  {
    ...aggregate('percentile', ...ranked(spanOrDouble, between, 0), ...weighted()),
    remarks: 'The third argument says how often each value counts.',
  },
  aggregate('percentile_cont', ...ranked(spanOrDouble, between, 0)),
  aggregate('percentile_disc', ...ranked(spanOrDouble, (printed) => quantile(printed, 'quantile_disc'), 0)),
  aggregate(
    'median',
    on(['any'], ([type]) => spanOrDouble(type), between, { converts: ([type]) => [spanOrDouble(type)] }),
  ),
]

/** Each value as often as its weight says; 0 leaves it out. */
function weighted(): Signature[] {
  const print = (printed: PrintedCall): string => {
    const [value = '', share = '', weight = ''] = printed.values
    checkShares(printed.arguments[1])
    const copies = nullsLeftOut(
      printed,
      value,
      `list(list_resize(CAST([] AS DOUBLE[]), greatest(${weight}, 0), ${value}))`,
    )
    return `list_aggregate(flatten(${copies}), 'quantile_cont', ${share})`
  }
  return [
    on(['double', 'double', 'long'], doubleType, print, {
      fits: ([, share]) => share?.kind !== 'array',
      constants: [1],
    }),
    on(['double', 'array', 'long'], arrayType(doubleType), print, {
      converts: () => [doubleType, arrayType(doubleType)],
      constants: [1],
    }),
  ]
}

/** Of an interval the whole of its kind. */
export function spanOrDouble(type: DataType | undefined): DataType {
  return type?.kind === 'interval' ? wholeInterval(type) : doubleType
}

/** For one share, and for an array of them. */
function ranked(
  gives: (type: DataType) => DataType,
  print: (printed: PrintedCall) => string,
  accuracy: 0 | 1,
): Signature[] {
  const given = (type: DataType | undefined): DataType => gives(type ?? doubleType)
  const accuracies = accuracy === 1 ? (['long'] as const) : []
  return [
    on(['any', 'double', ...accuracies], ([type]) => given(type), print, {
      optional: accuracy,
      constants: [1, 2],
      fits: ([, share]) => share?.kind !== 'array',
      converts: ([type]) => [given(type)],
    }),
    on(['any', 'array', ...accuracies], ([type]) => arrayType(given(type)), print, {
      optional: accuracy,
      constants: [1, 2],
      converts: ([type]) => [given(type), arrayType(doubleType)],
    }),
  ]
}

function quantile(printed: PrintedCall, name: string, value = printed.values[0] ?? ''): string {
  checkShares(printed.arguments[1])
  // From the greatest down the engine counts with shares below zero, and zero is none.
  const isFirstFromAbove = numberOf(printed.arguments[1]) === 0 && printed.orderBy.includes(' DESC')
  const share = isFirstFromAbove ? '1e-300' : (printed.values[1] ?? '0.5')
  return aggregateCall(
    printed,
    `${name}(${printed.isDistinct ? 'DISTINCT ' : ''}${value}, ${share}${printed.orderBy})`,
  )
}

/** @throws AppError 'query.value', as the engine would, which takes some below 0 too */
function checkShares(share: BoundExpression | undefined): void {
  const whole = share?.kind === 'cast' ? share.value : share
  const shares = whole?.kind === 'call' && whole.entry.names[0] === 'array' ? whole.arguments : [whole]
  for (const one of shares) {
    const value = numberOf(one)
    if (value === undefined || (value !== null && value >= 0 && value <= 1)) continue
    throw new AppError('query.value', `A percentile is between 0 and 1, not ${value ?? 'NULL'}.`, {
      hint: 'Write 0.95 for the 95th.',
    })
  }
}

/** Undefined: no constant. */
function numberOf(value: BoundExpression | undefined): number | null | undefined {
  if (value?.kind === 'cast') return numberOf(value.value)
  if (value?.kind === 'literal') return value.value === null ? null : Number(value.value)
  if (value?.kind !== 'call' || value.entry.names[0] !== 'negative') return undefined
  const number = numberOf(value.arguments[0])
  return typeof number === 'number' ? -number : number
}

/** Between two values in proportion. The engine does so for numbers: an interval is its months and its microseconds. */
function between(printed: PrintedCall): string {
  const [value = ''] = printed.values
  if (printed.types[0]?.kind !== 'interval') return quantile(printed, 'quantile_cont')
  const months = `(date_part('year', ${value}) * 12 + date_part('month', ${value}))`
  const micros = `(date_part('day', ${value}) * 86400000000 + date_part('hour', ${value}) * 3600000000 + date_part('minute', ${value}) * 60000000 + date_part('microsecond', ${value}))`
  const of = (part: string): string => quantile(printed, 'quantile_cont', `CAST(${part} AS DOUBLE)`)
  const made = (month: string, micro: string): string =>
    `to_months(CAST(trunc(${month}) AS INTEGER)) + to_microseconds(CAST(trunc(${micro}) AS BIGINT))`
  if (printed.type.kind !== 'array') return `(${made(of(months), of(micros))})`
  return `list_transform(list_zip(${of(months)}, ${of(micros)}), lambda p: ${made('p[1]', 'p[2]')})`
}
