import { describe, expect, it } from 'vitest'
import { parseSparkType } from '#types/spark-ddl.ts'
import { structType } from '#types/data-type.ts'
import { errorCodeOf } from '../../test/support/error-code.ts'
import type { BindContext, CatalogueTable, ParsedQuery } from './compile.ts'
import { createSqlFrontEnd } from './front-end.ts'

const frontEnd = createSqlFrontEnd()
const columns = parseSparkType('struct<x:int>')
if (columns.kind !== 'struct') throw new Error('A table has columns.')
const table: CatalogueTable = { key: 't', name: 't', columns, systemColumns: structType([]) }

function queryOf(sql: string): ParsedQuery {
  const [scanned] = frontEnd.split(sql)
  const statement = scanned && frontEnd.parse(scanned)
  if (statement?.kind !== 'query') throw new Error('It is no query.')
  return statement.query
}

/** What is printed for a statement over a table `t` of one column `x`. */
function printed(sql: string, view?: BindContext['catalogue']['view']): string {
  const query = frontEnd.bind(queryOf(sql), {
    catalogue: {
      table: (parts) => (parts[0] === 't' ? table : undefined),
      tableNames: ['t'],
      ...(view ? { view } : {}),
    },
    variables: {},
    dropsSystemColumns: true,
    now: new Date(0),
  })
  return query.print('duckdb', new Map(query.scans.map((scan) => [scan, 'SELECT x FROM t'])))
}

const chain = (count: number, one: (index: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, index) => one(index + 1))
const nested = (count: number, inner: string, around: (inner: string) => string): string =>
  Array.from({ length: count }).reduce<string>((text) => around(text), inner)

/** Each level stands for twice as much as the one before it. */
const doubling: Readonly<Record<string, (levels: number) => string>> = {
  'columns of tables read twice': (levels) =>
    `WITH ${['c0 AS (SELECT x FROM t)', ...chain(levels, (n) => `c${n} AS (SELECT a.*, b.* FROM c${n - 1} a, c${n - 1} b)`)].join(', ')}
     SELECT count(*) FROM c${levels}`,
  'aliases used twice': (levels) =>
    `SELECT ${['x AS a0', ...chain(levels, (n) => `a${n - 1} + a${n - 1} AS a${n}`)].join(', ')} FROM t`,
  'structs of structs': (levels) =>
    `SELECT ${['struct(x, x) AS a0', ...chain(levels, (n) => `struct(a${n - 1}, a${n - 1}) AS a${n}`)].join(', ')} FROM t`,
  'BETWEEN inside BETWEEN': (levels) =>
    `SELECT ${nested(levels, 'x', (inner) => `CASE WHEN ${inner} BETWEEN 1 AND 2 THEN 1 ELSE 2 END`)} FROM t`,
  'sessions of sessions': (levels) =>
    `SELECT ${nested(levels, 'x', (inner) => `SESS_TIMEOUT(timestamp_seconds(${inner}), 5) OVER (PARTITION BY x ORDER BY x).num`)} FROM t`,
}

describe('what stands for more than was written', () => {
  it.each(Object.entries(doubling))(
    '%s: a few levels are compiled, many are refused at once',
    (_name, sqlOf) => {
      expect(printed(sqlOf(4))).toContain('SELECT')
      for (const levels of [30, 90]) expect(errorCodeOf(() => printed(sqlOf(levels)))).toBe('query.limit')
    },
  )

  it('views of views', () => {
    const view = ([name = '']: readonly string[]): ParsedQuery | undefined => {
      const level = Number(/^v(\d+)$/.exec(name)?.[1] ?? NaN)
      if (Number.isNaN(level)) return undefined
      return queryOf(
        level === 0 ? 'SELECT x FROM t' : `SELECT a.x FROM v${level - 1} a JOIN v${level - 1} b ON a.x = b.x`,
      )
    }
    expect(printed('SELECT * FROM v6', view)).toContain('JOIN')
    expect(errorCodeOf(() => printed('SELECT * FROM v30', view))).toBe('query.limit')
  })

  it('windows of many keys that many name', () => {
    const sqlOf = (count: number): string => {
      const calls = chain(count, (n) => `sum(x) OVER w AS s${n}`)
      return `SELECT ${calls.join(', ')} FROM t WINDOW w AS (PARTITION BY ${chain(count, (n) => `x + ${n}`).join(', ')})`
    }
    expect(printed(sqlOf(60))).toContain('SELECT')
    for (const count of [300, 3_000]) expect(errorCodeOf(() => printed(sqlOf(count)))).toBe('query.limit')
  })

  it('tables of WITH that are read twice are printed once', () => {
    const sql = `WITH ${['c0 AS (SELECT x FROM t)', ...chain(60, (n) => `c${n} AS (SELECT a.x + b.x AS x FROM c${n - 1} a, c${n - 1} b)`)].join(', ')}
      SELECT * FROM c60`
    expect(printed(sql).length).toBeLessThan(20_000)
  })
})

describe('long chains', () => {
  const chains: Readonly<Record<string, (count: number) => string>> = {
    OR: (count) => `SELECT ${chain(count, (n) => `x = ${n}`).join(' OR ')} FROM t`,
    '||': (count) => `SELECT ${chain(count, (n) => `'${n}'`).join(' || ')}`,
    'UNION ALL': (count) => chain(count, () => 'SELECT x FROM t').join(' UNION ALL '),
    JOIN: (count) =>
      `SELECT count(*) FROM t t0 ${chain(count, (n) => `JOIN t t${n} ON t${n}.x = t${n - 1}.x`).join(' ')}`,
    ',': (count) => `SELECT count(*) FROM ${chain(count, (n) => `t t${n}`).join(', ')}`,
    '::': (count) => `SELECT x${'::int'.repeat(count)} FROM t`,
  }
  it.each(Object.entries(chains))('of %s: hundreds are compiled, too many are said to be', (_name, sqlOf) => {
    expect(printed(sqlOf(300))).toContain('SELECT')
    expect(errorCodeOf(() => printed(sqlOf(15_000)))).toBe('query.limit')
  })

  it('of values, columns and branches may be long', () => {
    const numbers = chain(20_000, String)
    expect(printed(`SELECT x IN (${numbers.join(', ')}) FROM t`)).toContain('20000')
    expect(
      printed(
        `SELECT ${numbers
          .slice(0, 5_000)
          .map((n) => `x + ${n} AS c${n}`)
          .join(', ')} FROM t`,
      ),
    ).toContain('c5000')
    expect(
      printed(
        `SELECT CASE ${numbers
          .slice(0, 5_000)
          .map((n) => `WHEN x = ${n} THEN ${n}`)
          .join(' ')} END FROM t`,
      ),
    ).toContain('5000')
  })
})

/** Quadratic work on these would take minutes, in which the server answers nobody. */
describe('literals of half a million signs', () => {
  const [blanks, zeros] = [' '.repeat(500_000), '0'.repeat(500_000)]
  it.each([
    ['CAST', (text: string) => `CAST('${text}' AS INT)`],
    ['CAST to double', (text: string) => `CAST('${text}' AS DOUBLE)`],
    ['a comparison', (text: string) => `x = '${text}'`],
    ['a date', (text: string) => `DATE '${text}'`],
    ['a timestamp', (text: string) => `TIMESTAMP '2024-01-01${text}'`],
    ['an interval', (text: string) => `INTERVAL '${text}'`],
    ['a spread interval', (text: string) => `INTERVAL '${text}' DAY TO HOUR`],
    ['a window', (text: string) => `window(current_timestamp(), '${text}')`],
  ])('in %s are looked at once', (_name, expression) => {
    for (const text of [`1${blanks}x`, `${blanks}x`, `${zeros}x`, zeros]) {
      const code = errorCodeOf(() => printed(`SELECT ${expression(text)} FROM t`))
      expect([undefined, 'query.syntax', 'query.value']).toContain(code)
    }
  })
})

describe('long lists', () => {
  it.each([
    ['common tables', `WITH ${chain(20_000, (n) => `c${n} AS (SELECT ${n})`).join(', ')} SELECT 1`],
    ['groups', `SELECT 1 FROM t GROUP BY ${chain(20_000, (n) => `x + ${n}`).join(', ')}`],
    ['columns', `SELECT ${chain(20_000, (n) => `${n} AS c${n}`).join(', ')}`],
  ])('of %s take as long as they are', (_what, sql) => {
    const started = performance.now()
    expect(printed(sql)).toContain('SELECT')
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('of columns have an end', () => {
    const many = chain(20_001, (n) => `${n} AS c${n}`).join(', ')
    expect(errorCodeOf(() => printed(`SELECT ${many}`))).toBe('query.limit')
  })
})

describe('the name of a column', () => {
  it.each([
    ['a call that shows its argument twice', nested(20, 'x = 1', (inner) => `assert_true(${inner})`)],
    ['a value of many cases', `CASE '${'a'.repeat(5_000)}' ${'WHEN x THEN 1 '.repeat(5_000)} END`],
  ])('of %s has an end', (_what, value) => {
    const started = performance.now()
    errorCodeOf(() => expect(printed(`SELECT ${value} FROM t`).length).toBeLessThan(2_000_000))
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})

describe('constants of anybody', () => {
  it('a pattern is looked through once, whatever it holds', () => {
    for (const pattern of ['['.repeat(100_000), '\\\\Q'.repeat(50_000), `[${'\\\\a'.repeat(50_000)}`]) {
      const started = performance.now()
      errorCodeOf(() =>
        printed(`SELECT regexp_extract('x', '${pattern}'), regexp_replace('x', '${pattern}', 'y')`),
      )
      expect(performance.now() - started).toBeLessThan(10_000)
    }
  })

  it.each([
    ['the number of a line of CSV', `schema_of_csv('${'1'.repeat(400_000)}x')`],
    ['the fraction of a time', `TIMESTAMP '2024-01-05 10:00:00.${'0'.repeat(400_000)}1'`],
  ])('%s is looked through once', (_what, value) => {
    const started = performance.now()
    errorCodeOf(() => printed(`SELECT ${value}`))
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  it('the separator of CSV is something', () => {
    for (const call of [
      "from_csv('a', 'b STRING', map('sep', ''))",
      "schema_of_csv('a', map('delimiter', ''))",
    ]) {
      expect(errorCodeOf(() => printed(`SELECT ${call}`))).toBe('query.type')
    }
  })

  it('a type of JSON of many levels is printed once a level', () => {
    const type = nested(25, 'int', (inner) => `array<struct<a:${inner}>>`)
    expect(printed(`SELECT from_json('[]', '${type}')`).length).toBeLessThan(50_000)
  })

  it('a format of numbers has an end', () => {
    expect(errorCodeOf(() => printed(`SELECT to_number('1', '9${','.repeat(40_000)}')`))).toBe(
      'query.unsupported',
    )
    expect(errorCodeOf(() => printed(`SELECT to_number('1', '${'9'.repeat(39)}')`))).toBe('query.unsupported')
  })
})
