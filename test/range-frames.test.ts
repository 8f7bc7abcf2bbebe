import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { integerType, stringType } from '#types/data-type.ts'
import type { Literal } from '#sql/compile.ts'
import { type CompiledSql, compiledSql } from './support/compiled-sql.ts'

let sql: CompiledSql

beforeAll(async () => {
  sql = await compiledSql({
    t: {
      type: 'struct<n:int,day:date,at:timestamp>',
      rows: [1, 2, 4].map((n) => ({ n, day: `2026-01-0${n}`, at: `2026-01-0${n}T00:00:00Z` })),
    },
  })
})
afterAll(() => sql[Symbol.dispose]())

const sums = async (frame: string, parameters?: readonly Literal[]): Promise<readonly unknown[]> => {
  const text = `SELECT sum(n) OVER (ORDER BY ${frame}) FROM t ORDER BY n`
  const { rows } = await sql.run(text, parameters ? { parameters } : {})
  return rows.map(([sum]) => sum)
}

describe('RANGE looks a distance back in what rows are ordered by', () => {
  it.each([
    'n RANGE BETWEEN 1 PRECEDING AND CURRENT ROW',
    'n RANGE BETWEEN 1.5 PRECEDING AND CURRENT ROW',
    "n RANGE BETWEEN '1' PRECEDING AND CURRENT ROW",
    'day RANGE BETWEEN 1 PRECEDING AND CURRENT ROW',
    'day RANGE BETWEEN 1L PRECEDING AND CURRENT ROW',
    'day RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW',
    'at RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW',
    "at - timestamp '2026-01-01 00:00:00' RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND CURRENT ROW",
  ])('%s', async (frame) => {
    expect(await sums(frame)).toEqual([1, 3, 4])
  })

  it.each([
    { type: integerType, value: 1 },
    { type: stringType, value: '1' },
  ])('a distance that is given with the statement: %o', async (distance) => {
    expect(await sums('n RANGE BETWEEN $1 PRECEDING AND CURRENT ROW', [distance])).toEqual([1, 3, 4])
  })
})

describe('bounds of which one is not known yet', () => {
  it.each([
    ['n ROWS BETWEEN $1 PRECEDING AND 1 PRECEDING', 2, [null, 1, 3]],
    ['n ROWS BETWEEN 1 FOLLOWING AND $1 FOLLOWING', 2, [6, 4, null]],
    ['n ROWS BETWEEN $1 PRECEDING AND $1 FOLLOWING', 1, [3, 7, 6]],
  ])('%s', async (frame, value, expected) => {
    expect(await sums(frame, [{ type: integerType, value }])).toEqual(expected)
  })

  it('are refused where no distance could be right', async () => {
    await expect(
      sums('n ROWS BETWEEN $1 FOLLOWING AND 1 PRECEDING', [{ type: integerType, value: 1 }]),
    ).rejects.toThrow(/ends before it begins/)
  })
})

describe('windows of a time that is no column of rows', () => {
  it.each([
    "transform(array(at), t -> window(t, '1 day').start)[0] FROM t WHERE n = 1",
    "window(max(at), '1 day').start FROM t WHERE n = 1",
    "window(lag(at, 0) OVER (ORDER BY at), '1 day').start FROM t WHERE n = 1",
  ])('SELECT %s', async (rest) => {
    const { rows } = await sql.run(`SELECT cast(${rest.replace(' FROM', ' AS string) FROM')}`)
    expect(rows).toEqual([['2026-01-01 00:00:00']])
  })

  it('that overlap are named in the select list', async () => {
    await expect(sql.run("SELECT n FROM t ORDER BY window(at, '10 minutes', '5 minutes')")).rejects.toThrow(
      /a time that each row has/,
    )
  })
})

it('distinct values are collected in an order, also of structs', async () => {
  const { rows } = await sql.run(
    'SELECT to_json(array_agg(DISTINCT struct(n % 2 AS odd) ORDER BY struct(n % 2 AS odd))) FROM t',
  )
  expect(rows).toEqual([['[{"odd":0},{"odd":1}]']])
})
