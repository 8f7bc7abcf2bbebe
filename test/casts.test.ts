import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { differenceFrom, nameOf, readCases, readGaps } from './support/recorded-case.ts'

/** Conversions without ANSI: what cannot be read is NULL, what is too large wraps or saturates. */
const cases = readCases('spark-casts.jsonl')
const gaps = readGaps('spark-casts-gaps.json')

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
})

describe.each([
  ['columns', (sql: string) => sql],
  [
    'constants, which may be converted before the engine sees them',
    // Some words are times as constants only.
    (sql: string) =>
      sql.replace(
        /^SELECT CAST\(v AS (.*)\) FROM VALUES \((?!'(?:epoch|now|today)')(.*)\) AS t\(v\)$/s,
        'SELECT CAST($2 AS $1)',
      ),
  ],
])('%s are converted as Apache Spark does', (_name, written) => {
  it.each(cases.map((recorded) => [recorded.sql, recorded] as const))('%s', async (_sql, recorded) => {
    const sql = written(recorded.sql)
    const difference = await differenceFrom(connection, { ...recorded, sql })
    const gap = gaps[nameOf(recorded)]
    if (gap === undefined) expect(difference).toBeUndefined()
    else expect(difference, `${sql} passes: take it off the list of gaps`).toBeDefined()
  })
})

it('lists only gaps of cases there are', () => {
  const names = new Set(cases.map(nameOf))
  expect(Object.keys(gaps).filter((name) => !names.has(name))).toEqual([])
})
