import { arrayType, doubleType, longType, structType, type DataType } from '#types/data-type.ts'
import type { BoundExpression } from '../bind/bound.ts'
import { someExpression } from '../bind/walk.ts'
import { aggregateCall } from './aggregate-call.ts'
import { aggregate, on, sameAsFirst } from './define.ts'
import type { FunctionEntry, PrintedCall, Signature } from './entry.ts'
import { histogram, histogramType } from './aggregates-histogram.ts'

/** Distribution, dispersion and dependence. */
export const statisticsFunctions: readonly FunctionEntry[] = [
  aggregate('stddev std stddev_samp', of('stddev_samp($1)')),
  aggregate('stddev_pop', of('stddev_pop($1)')),
  aggregate('variance var_samp', of('var_samp($1)')),
  aggregate('var_pop', of('var_pop($1)')),
  aggregate('skewness', on(['double'], doubleType, skewness)),
  aggregate('kurtosis', of('kurtosis_pop($1)')),
  aggregate('corr', on(['double', 'double'], doubleType, correlation)),
  aggregate('covar_pop', of2('covar_pop')),
  aggregate('covar_samp', of2('covar_samp')),
  ...['avgx', 'avgy', 'r2', 'sxx', 'sxy', 'syy'].map((name) =>
    aggregate(`regr_${name}`, of2(`regr_${name}`)),
  ),
  ...['intercept', 'slope'].map((name) =>
    aggregate(
      `regr_${name}`,
      on(['double', 'double'], doubleType, (printed) => line(printed, `regr_${name}`)),
    ),
  ),
  aggregate('regr_count', on(['double', 'double'], longType, call('regr_count', 2, 'BIGINT'))),
  {
    ...aggregate(
      'approx_count_distinct',
      // The engine's own estimate is wrong by a third at times, Spark's by a twentieth.
      on(
        ['any', 'double'],
        longType,
        (printed) => aggregateCall(printed, `count(DISTINCT ${printed.values[0]})`),
        { optional: 1, constants: [1] },
      ),
    ),
    remarks: 'It is exact: the error that may be is accepted and not used.',
  },
  {
    ...aggregate(
      'approx_top_k',
      on(['any', 'integer', 'integer'], topType, mostFrequent, { optional: 2, constants: [1, 2] }),
    ),
    remarks: 'It is exact: how many items to track is accepted and not used.',
  },
  aggregate('histogram_numeric', on(['numeric', 'integer'], histogramType, histogram, { constants: [1] })),
  aggregate('mode', on(['any', 'boolean'], sameAsFirst, mode, { optional: 1 })),
]

/** `$1` is where the value goes. */
function of(print: string): Signature {
  return on(['double'], doubleType, (printed) =>
    overNumbers(printed, isOfSample(print), ([value = '']) =>
      aggregateCall(
        printed,
        print.replace('$1', () => `${printed.isDistinct ? 'DISTINCT ' : ''}${value}`),
      ),
    ),
  )
}

function of2(name: string): Signature {
  return on(['double', 'double'], doubleType, (printed) =>
    overNumbers(printed, isOfSample(name), (values) => call(name, 2)({ ...printed, values })),
  )
}

const isOfSample = (name: string): boolean => name.includes('_samp') || name.includes('corr')

/**
 * The engine refuses to reckon with infinities and what is no number. So it gets the numbers alone; where there are
 * others the answer is NaN, or NULL where a single value has none.
 */
function overNumbers(
  printed: PrintedCall,
  isOfSeveral: boolean,
  print: (values: readonly string[]) => string,
): string {
  const { values } = printed
  if (printed.arguments.every(isFinite)) return print(values)
  const all = `(${values.join(' + ')})`
  const answer = print(values.map((value) => `(CASE WHEN isfinite(${all}) THEN ${value} END)`))
  const count = aggregateCall(printed, `count(${printed.isDistinct ? 'DISTINCT ' : ''}${all})`)
  const other = isOfSeveral ? `CASE WHEN ${count} > 1 THEN 'NaN'::DOUBLE END` : "'NaN'::DOUBLE"
  return `(CASE WHEN ${aggregateCall(printed, `bool_or(NOT isfinite(${all}))`)} THEN ${other} ELSE ${answer} END)`
}

/** Whether it was a whole number or a decimal, which is never infinite. */
function isFinite(value: BoundExpression): boolean {
  return value.kind === 'cast' && !['double', 'float', 'string'].includes(value.value.type.kind)
}

function call(name: string, count: number, type?: string): (printed: PrintedCall) => string {
  return (printed) => {
    const text = aggregateCall(
      printed,
      `${name}(${printed.isDistinct ? 'DISTINCT ' : ''}${printed.values.slice(0, count).join(', ')})`,
    )
    return type === undefined ? text : `CAST(${text} AS ${type})`
  }
}

/** NULL where either does not vary. */
function correlation(printed: PrintedCall): string {
  return overNumbers(printed, true, (values) => {
    const text = call('corr', 2)({ ...printed, values })
    return `(CASE WHEN isnan(${text}) THEN NULL ELSE ${text} END)`
  })
}

/** NULL where x does not vary, of which the engine makes NaN. */
function line(printed: PrintedCall, name: string): string {
  return overNumbers(printed, false, (values) => {
    const numbers = { ...printed, values }
    return `(CASE WHEN ${call('regr_sxx', 2)(numbers)} = 0 THEN NULL ELSE ${call(name, 2)(numbers)} END)`
  })
}

/** The engine corrects for the sample's size; Spark takes the values as the whole population. */
function skewness(printed: PrintedCall): string {
  return overNumbers(printed, false, ([value = '']) => {
    const over = (name: string): string =>
      aggregateCall(printed, `${name}(${printed.isDistinct ? 'DISTINCT ' : ''}${value})`)
    const count = over('count')
    return `(CASE WHEN ${over('var_pop')} = 0 THEN NULL WHEN ${count} = 2 THEN 0.0 ELSE ${over('skewness')} * (${count} - 2) / sqrt(CAST(${count} AS DOUBLE) * (${count} - 1)) END)::DOUBLE`
  })
}

/** The lowest of the most frequent values when asked for, else any of them. */
function mode(printed: PrintedCall): string {
  const [value = ''] = printed.values
  const order = printed.orderBy === '' ? ` ORDER BY ${value}` : printed.orderBy
  // The engine takes a constant behind ORDER BY for something else.
  const varies = printed.arguments[0] && someExpression(printed.arguments[0], ({ kind }) => kind === 'column')
  return aggregateCall(printed, `mode(${value}${printed.isWindow || varies !== true ? '' : order})`)
}

function topType([type = longType]: readonly DataType[]): DataType {
  return arrayType(
    structType([
      { name: 'item', type },
      { name: 'count', type: longType },
    ]),
  )
}

/** The most frequent values with how often they stand there; the lower first among equals. */
function mostFrequent(printed: PrintedCall): string {
  const [value = '', most = '5'] = printed.values
  const entries = `map_entries(${aggregateCall(printed, `histogram(${value})`)})`
  const ranked = `list_sort(list_transform(${entries}, lambda e: {n: -CAST((e)."value" AS BIGINT), item: (e)."key"}))`
  return `coalesce(list_transform(${ranked}[1:${most}], lambda e: {item: (e).item, count: -(e).n}), [])`
}
