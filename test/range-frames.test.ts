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
