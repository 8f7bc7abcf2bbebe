import type { BoundCall } from '../../bind/bound.ts'

export interface PrintedCall {
  readonly call: BoundCall
  /** Spark SQL of each argument, safe to stand in any place. */
  readonly values: readonly string[]
}

type Print = (printed: PrintedCall) => string

const between =
  (word: string): Print =>
  ({ values: [left = '', right = ''] }) =>
    `(${left} ${word} ${right})`

const before =
  (word: string): Print =>
  ({ values: [value = ''] }) =>
    `(${word} ${value})`

const matching =
  (word: string): Print =>
  ({ values: [value = '', pattern = '', escape] }) =>
    `(${value} ${word} ${pattern}${escape === undefined ? '' : ` ESCAPE ${escape}`})`

/** What Spark writes between, before or behind values, by the name of our entry. */
export const operators: Readonly<Record<string, Print>> = {
  ...Object.fromEntries(
    ['=', '<>', '<', '<=', '>', '>=', '<=>', '|', '&', '^', '+', '-', '*', '/', '%', 'div', '||'].map(
      (word) => [word, between(word)],
    ),
  ),
  or: between('OR'),
  and: between('AND'),
  not: before('NOT'),
  '~': before('~'),
  negative: before('-'),
  positive: ({ values: [value = ''] }) => value,
  isnull: ({ values: [value = ''] }) => `(${value} IS NULL)`,
  isnotnull: ({ values: [value = ''] }) => `(${value} IS NOT NULL)`,
  in: ({ values: [value = '', ...items] }) => `(${value} IN (${items.join(', ')}))`,
  like: matching('LIKE'),
  ilike: matching('ILIKE'),
  rlike: between('RLIKE'),
  '[]': ({ values: [base = '', index = ''] }) => `${base}[${index}]`,
  // Exactly that key, else one that differs in upper and lower case only.
  '.': ({ values: [map = '', key = ''] }) =>
    `coalesce(${map}[${key}], filter(map_entries(${map}), e -> lower(e.key) = lower(${key}))[0].value)`,
  extract: ({ call, values: [part = '', value = ''] }) => {
    const { 0: given, 1: time } = call.arguments
    const isEpoch = given?.kind === 'literal' && /^epoch$/i.test(String(given.value))
    if (!isEpoch) return `date_part(${part}, ${value})`
    const instant =
      time?.type.kind === 'interval'
        ? `TIMESTAMP '1970-01-01 00:00:00' + ${value}`
        : `CAST(${value} AS TIMESTAMP)`
    return `CAST(unix_micros(${instant}) * 0.000001BD AS DECIMAL(20, 6))`
  },
}
