import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { passableFolder } from './support/passable-folder.ts'
import { startProduct, type Product } from './support/product.ts'
import { sqlClients, type SqlClients } from './support/sql-clients.ts'

/** What BI tools write in PostgreSQL's dialect, where Spark's has nothing else in its place. */
let home: string
let product: Product
let clients: SqlClients

beforeAll(async () => {
  home = passableFolder('postgres-functions')
  product = await startProduct({ home: join(home, 'home') })
  clients = sqlClients(product, join(home, 'home'))
  await product.run(`
    CREATE TABLE orders AS
    SELECT * FROM VALUES
      (1, timestamp '2026-01-31 22:30:15.5', array('a', 'b')),
      (2, timestamp '2026-03-01 08:00:00', array())
    AS v(id, at, tags)`)
})
afterAll(async () => {
  await product[Symbol.asyncDispose]()
  await rm(home, { recursive: true, force: true })
})

const asTexts: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value }

async function rows(text: string, before = 'SELECT 1'): Promise<unknown[][]> {
  return await clients.connected('prod:all', async (client) => {
    await client.query(before)
    return (await client.query({ text, rowMode: 'array', types: asTexts })).rows as unknown[][]
  })
}

const at = "timestamp '2026-01-02 13:04:05.678'"

describe.each<[what: string, answers: readonly (readonly [sql: string, value: string | null])[]]>([
  [
    'functions',
    [
      ["strpos('abcb', 'b')", '2'],
      ['trunc(1.29)', '1'],
      ['trunc(-1.99, 1)', '-1.9'],
      ['trunc(-129.9, -1)', '-120'],
      ["trunc('-2.7'::float8)", '-2'],
      ["trunc('2026-05-05', 'MM')", '2026-05-01'],
      ["array_to_string(ARRAY['a', NULL, 'b'], ',', '*')", 'a,*,b'],
      ['array_length(ARRAY[1, 2], 1)', '2'],
      ['array_length(ARRAY[1, 2], 2)', null],
      ["array_to_string(array_cat(ARRAY['x'], ARRAY['y']), '')", 'xy'],
      ['statement_timestamp() = clock_timestamp()', 't'],
      ["age(timestamp '2001-04-10', timestamp '1957-06-13')", '43 years 9 mons 27 days'],
      ['age(current_date)', '00:00:00'],
      [
        "date_bin('15 minutes', timestamp '2020-02-11 15:44:17', timestamp '2001-01-01')",
        '2020-02-11 15:30:00+00',
      ],
      [
        "date_bin(interval '1 day', timestamp '1999-02-11 04:00', timestamp '2001-01-01 06:00')",
        '1999-02-10 06:00:00+00',
      ],
      ["regexp_replace('aBab', 'b', 'x', 'gi')", 'axax'],
      ["regexp_replace('abab', 'b', 'x', 2)", 'axax'],
    ],
  ],
  [
    'patterns of times',
    [
      [`to_char(${at}, 'YYYY-MM-DD HH24:MI:SS.MS')`, '2026-01-02 13:04:05.678'],
      [`to_char(${at}, 'HH12:MI AM')`, '01:04 PM'],
      [`to_char(${at}, 'Dy, FMDD Mon YY')`, 'Fri, 2 Jan 26'],
      [`to_char(${at}, 'yyyymmdd"T"hh24mi')`, '20260102T1304'],
      [`to_char(${at}, 'FMMonth YYYY"-Q"Q')`, 'January 2026-Q1'],
      [`to_char(${at}, 'yyyy-MM')`, '2026-01'],
      ["to_date('02 Jan 2026', 'DD Mon YYYY')", '2026-01-02'],
      ["to_timestamp('20260102 1304', 'YYYYMMDD HH24MI')", '2026-01-02 13:04:00+00'],
      ["timestamp with time zone '2026-01-02 03:00:00.000Z'", '2026-01-02 03:00:00+00'],
      ["timestamptz '2026-01-02 03:00+02'", '2026-01-02 01:00:00+00'],
      ["timestamp without time zone '2026-01-02 03:00'", '2026-01-02 03:00:00'],
    ],
  ],
  [
    'types',
    [
      ["'1.1'::float(53)", '1.1'],
      ["'1.5'::float(24)", '1.5'],
      ["'2026-01-02 03:00'::timestamp(6) without time zone", '2026-01-02 03:00:00'],
      ["'2026-01-02 03:00'::timestamptz(6)", '2026-01-02 03:00:00+00'],
      ["'a'::bpchar", 'a'],
    ],
  ],
])('%s', (_what, answers) => {
  it.each(answers)('%s', async (sql, value) => {
    expect(await rows(`SELECT ${sql}`)).toEqual([[value]])
  })
})

it('groups of a match have a backslash before them', async () => {
  const sql = String.raw`SELECT regexp_replace('ab cb', '(.)b', '[\1$1\&]', 'g')`
  expect(await rows(sql, 'SET standard_conforming_strings = on')).toEqual([['[a$1ab] [c$1cb]']])
})

describe('rows of functions', () => {
  it.each<[sql: string, expected: readonly (readonly (string | null)[])[]]>([
    ['SELECT * FROM generate_series(1, 3)', [['1'], ['2'], ['3']]],
    ['SELECT x FROM generate_series(1, 7, 3) AS x', [['1'], ['4'], ['7']]],
    ['SELECT x FROM generate_series(3, 1) x', []],
    ['SELECT x FROM generate_series(3, 1, -2) x', [['3'], ['1']]],
    [
      'SELECT generate_series(1, 2), pg_typeof(1)',
      [
        ['1', 'integer'],
        ['2', 'integer'],
      ],
    ],
    [
      `SELECT t.month::date, count(o.id) FROM generate_series('2026-01-01'::date, '2026-03-01'::date, '1 month') AS t(month)
       LEFT JOIN orders o ON date_trunc('month', o.at) = t.month GROUP BY 1 ORDER BY 1`,
      [
        ['2026-01-01', '1'],
        ['2026-02-01', '0'],
        ['2026-03-01', '1'],
      ],
    ],
    [
      'SELECT o.id, tag FROM orders o LEFT JOIN LATERAL unnest(o.tags) AS tag ON true ORDER BY 1, 2',
      [
        ['1', 'a'],
        ['1', 'b'],
        ['2', null],
      ],
    ],
    ["SELECT unnest(ARRAY['x', 'y'])", [['x'], ['y']]],
    [
      'WITH a AS MATERIALIZED (SELECT 1 AS n), b AS NOT MATERIALIZED (SELECT 2 AS m) SELECT n, m FROM a, b',
      [['1', '2']],
    ],
  ])('%s', async (sql, expected) => {
    expect(await rows(sql)).toEqual(expected)
  })

  it('names a column as its rows', async () => {
    const fields = await clients.connected('prod:all', async (client) =>
      (
        await client.query(
          'SELECT * FROM generate_series(1, 1) AS n, unnest(ARRAY[1]), generate_series(1, 1)',
        )
      ).fields.map(({ name }) => name),
    )
    expect(fields).toEqual(['n', 'unnest', 'generate_series'])
  })
})

it.each([
  ['SELECT 0x1F', '42601'],
  ['SELECT 1_000', '42601'],
  ['SELECT 1 FROM orders WHERE id=1AND true', '42601'],
  ["SELECT '2026-01-02'::timestamp(3)", '42601'],
  ["SELECT '1'::float(54)", '42601'],
  ["SELECT to_char(at, 'IYYY-IW') FROM orders", '0A000'],
  ["SELECT to_char(at, 'Month YYYY') FROM orders", '0A000'],
  ["SELECT regexp_replace('a', 'a', 'b', 'i')", '0A000'],
  ['SELECT x FROM generate_series(1, 3, 0) x', '22000'],
])('%s is refused, and not taken for something else', async (sql, code) => {
  await expect(rows(sql)).rejects.toMatchObject({ code })
})

it('a table can be made of the columns that pandas writes', async () => {
  await clients.connected('prod:all', async (client) => {
    await client.query(
      'CREATE TABLE frames (a BIGINT, b TEXT, c TIMESTAMP WITHOUT TIME ZONE, d FLOAT(53), e BOOLEAN, f TIMESTAMP(6) WITH TIME ZONE)',
    )
    await client.query('INSERT INTO frames (a, d) VALUES (1, 1.1)')
    expect((await client.query('SELECT d FROM frames')).rows).toEqual([{ d: 1.1 }])
    await client.query('DROP TABLE frames')
  })
})
