import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, expect, it } from 'vitest'
import { registerNatives } from '#engine/duckdb/natives.ts'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { asRecorded } from './support/spark-values.ts'

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  registerNatives(connection)
  await connection.run("SET TimeZone = 'UTC'")
})

/** Where the engine has something of the same name with another result, or raises an error. */
it.each([
  ['2147483647 + 1', -2147483648],
  ["'1E-8'::numeric", '0.00000001'],
  ["'-1.5e3'::numeric", '-1500'],
  ["'12.50'::numeric", '12.50'],
  ["'12.50'::pg_catalog.numeric", '12.50'],
  ['cast(7L AS "pg_catalog"."int4")', 7],
  ["quote_literal('it''s \\\\ one')", "'it''s \\\\ one'"],
  ['quote_literal(NULL)', null],
  ['100Y + 100Y', -56],
  ['1 / 0', null],
  ['5 % 0', null],
  ['2.50 / 0', null],
  ['7L / 2', 3.5],
  ['-7 div 2', -3],
  ['10.0 / 3', '3.333333'],
  ['cast(10 as decimal(38,18)) * cast(10 as decimal(38,18))', '100.000000'],
  ['cast(1.5 as decimal(20,2)) / cast(3 as decimal(10,2))', '0.5000000000000'],
  ['5 ^ 1', 4],
  ['pmod(-7, 3)', 2],
  ['log(0)', null],
  ['sqrt(-1)', 'NaN'],
  ['factorial(21)', null],
  ['round(1.005d, 2)', 1.01],
  ['round((select 2.345d), 2)', 2.35],
  ['ceil(2.5d)', 3],
  ["substring('abc', 0, 2)", 'ab'],
  ["substring('abc', -1, 6)", 'c'],
  ["left('abc', -1)", ''],
  ["concat('a', null)", null],
  ["regexp_extract('ab12', '([a-z]+)(\\\\d+)')", 'ab'],
  ["regexp_replace('abcb', '(b)', '<$1>')", 'a<b>c<b>'],
  ["split('a,b,c', ',', 2)", ['a', 'b,c']],
  ["trim(BOTH 'x' FROM 'xax')", 'a'],
  ["soundex('Ashcraft')", 'A261'],
  ["conv('-1', 10, 16)", 'FFFFFFFFFFFFFFFF'],
  ["parse_url('http://u:p@example.com:80/a?b=1&c=2#r', 'QUERY', 'c')", '2'],
  ['array(1, 2)[-1]', null],
  ['cast(99999999.99 as decimal(10,2)) * cast(99999999.99 as decimal(10,2))', '9999999998000000.0001'],
  ["bigint('abc')", null],
  ['int(1.7)', 1],
  ["1 = '1'", true],
  ["'abc' = 1", null],
  ['shiftleft(1, 33)', 2],
  ["date'2020-01-31' + interval 1 month", '2020-02-29'],
  ["timestamp'2020-01-01 00:00:00' - interval 1 hour", '2019-12-31 23:00:00'],
])('%s', async (text, wanted) => {
  const frontEnd = createSqlFrontEnd()
  const [statement] = frontEnd.split(`SELECT ${text}`)
  const parsed = statement && frontEnd.parse(statement)
  if (parsed?.kind !== 'query') throw new Error('It is not read as a query.')
  const query = frontEnd.bind(parsed.query, {
    catalogue: { table: () => undefined, tableNames: [] },
    variables: {},
    dropsSystemColumns: true,
    now: new Date('2026-01-01T00:00:00Z'),
  })
  const result = await connection.runAndReadAll(query.print('duckdb', new Map()))
  expect(result.getRows().map((row) => row.map(asRecorded))).toEqual([[wanted]])
})
