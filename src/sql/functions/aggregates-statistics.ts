import { arrayType, doubleType, intervalType, longType } from '#types/data-type.ts'
import { aggregateCall } from './aggregate-call.ts'
import { aggregate, on, sameAsFirst } from './define.ts'
import type { Accepts, FunctionEntry, PrintedCall, Signature } from './entry.ts'

/** Distribution, dispersion and dependence. */
export const statisticsFunctions: readonly FunctionEntry[] = [
  aggregate('stddev std stddev_samp', of('stddev_samp($1)')),
  aggregate('stddev_pop', of('stddev_pop($1)')),
  aggregate('variance var_samp', of('var_samp($1)')),
  aggregate('var_pop', of('var_pop($1)')),
  aggregate('skewness', on(['double'], doubleType, skewness)),
  aggregate('kurtosis', of('kurtosis_pop($1)')),
  aggregate('corr', of2('corr')),
  aggregate('covar_pop', of2('covar_pop')),
  aggregate('covar_samp', of2('covar_samp')),
  ...['avgx', 'avgy', 'intercept', 'r2', 'slope', 'sxx', 'sxy', 'syy'].map((name) =>
    aggregate(`regr_${name}`, of2(`regr_${name}`)),
  ),
  aggregate('regr_count', on(['double', 'double'], longType, call('regr_count', 2, 'BIGINT'))),
  {
    ...aggregate(
      'approx_count_distinct',
      on(['any', 'double'], longType, call('approx_count_distinct', 1), { optional: 1 }),
    ),
    remarks: 'The error asked for is accepted and not used: it is about 2 %.',
  },
  aggregate(
    'median',
    on(['double'], doubleType, (printed) => quantile(printed, 'quantile_cont', '0.5')),
  ),
  aggregate('mode', on(['any', 'boolean'], sameAsFirst, mode, { optional: 1 })),
  {
    ...aggregate(
      'approx_percentile percentile_approx',
      ranked(['any', 'double', 'long'], sameAsFirst, 'quantile_disc', 1),
      ranked(['any', 'array', 'long'], ([type = doubleType]) => arrayType(type), 'quantile_disc', 1),
    ),
    remarks: 'It is exact: the accuracy asked for is accepted and not used.',
  },
  aggregate(
    'percentile',
    ranked(['double', 'double'], doubleType, 'quantile_cont', 0),
    ranked(['double', 'array'], arrayType(doubleType), 'quantile_cont', 0),
    ranked(['interval', 'double'], intervalType, 'quantile_cont', 0),
    ranked(['interval', 'array'], arrayType(intervalType), 'quantile_cont', 0),
  ),
  aggregate('percentile_cont', ranked(['double', 'double'], doubleType, 'quantile_cont', 0)),
  aggregate('percentile_disc', ranked(['double', 'double'], doubleType, 'quantile_disc', 0)),
]

function of(print: string): Signature {
  return on(['double'], doubleType, (printed) =>
    aggregateCall(
      printed,
      print.replace('$1', () => `${printed.isDistinct ? 'DISTINCT ' : ''}${printed.values[0] ?? ''}`),
    ),
  )
}

function of2(name: string): Signature {
  return on(['double', 'double'], doubleType, call(name, 2))
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

/** The engine corrects for the sample's size; Spark takes the values as the whole population. */
function skewness(printed: PrintedCall): string {
  const [value = ''] = printed.values
  const over = (name: string): string =>
    aggregateCall(printed, `${name}(${printed.isDistinct ? 'DISTINCT ' : ''}${value})`)
  const count = over('count')
  return `(CASE WHEN ${over('var_pop')} = 0 THEN NULL WHEN ${count} = 2 THEN 0.0 ELSE ${over('skewness')} * (${count} - 2) / sqrt(CAST(${count} AS DOUBLE) * (${count} - 1)) END)::DOUBLE`
}

function quantile(printed: PrintedCall, name: string, share: string): string {
  return aggregateCall(
    printed,
    `${name}(${printed.isDistinct ? 'DISTINCT ' : ''}${printed.values[0] ?? ''}, ${share})`,
  )
}

/** Values at shares of the order, which are constants: one, or an array of them. */
function ranked(
  takes: readonly Accepts[],
  gives: Signature['gives'],
  name: string,
  optional: number,
): Signature {
  const wantsArray = takes[1] === 'array'
  const wantsInterval = takes[0] === 'interval'
  return on(takes, gives, (printed) => quantile(printed, name, printed.values[1] ?? '0.5'), {
    optional,
    fits: ([value, share]) =>
      (value?.kind === 'interval') === wantsInterval && (share?.kind === 'array') === wantsArray,
    converts: ([, share]) => [undefined, share?.kind === 'array' ? arrayType(doubleType) : undefined],
  })
}

/** The lowest of the most frequent values when asked for, else any of them. */
function mode(printed: PrintedCall): string {
  const [value = ''] = printed.values
  const order = printed.orderBy === '' ? ` ORDER BY ${value}` : printed.orderBy
  return aggregateCall(printed, `mode(${value}${printed.isWindow ? '' : order})`)
}
