import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { registerNatives } from '../../src/engine/duckdb/natives.ts'
import { differenceFrom, readCases, readGaps } from './recorded-case.ts'

/** A test for each case of a fixture, by topic: the answer recorded from Spark, or a difference that is listed. */
export function testRecorded(title: string, fixture: string): void {
  const cases = readCases(`${fixture}.jsonl`)
  const gaps = readGaps(`${fixture}-gaps.json`)
  let connection: DuckDBConnection

  beforeAll(async () => {
    const instance = await DuckDBInstance.create(':memory:')
    connection = await instance.connect()
    await connection.run("SET TimeZone = 'UTC'")
    registerNatives(connection)
  })

  describe.each([...Map.groupBy(cases, ({ topic }) => topic)])(`${title}: %s`, (_topic, own) => {
    it.each(own.map((recorded) => [recorded.sql, recorded] as const))('%s', async (sql, recorded) => {
      const difference = await differenceFrom(connection, recorded)
      if (gaps[sql] === undefined) expect(difference).toBeUndefined()
      else expect(difference, `It passes: take it off the list of gaps`).toBeDefined()
    })
  })

  it('lists only gaps of cases there are', () => {
    const statements = new Set(cases.map(({ sql }) => sql))
    expect(Object.keys(gaps).filter((sql) => !statements.has(sql))).toEqual([])
  })
}
