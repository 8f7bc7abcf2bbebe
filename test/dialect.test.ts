import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { registerNatives } from '#engine/duckdb/natives.ts'
import { functionEntries } from '#sql/functions/registry.ts'
import { differenceFrom, nameOf, readCases, readGaps } from './support/recorded-case.ts'

const cases = readCases('spark-functions.jsonl')
const gaps = readGaps('spark-functions-gaps.json')

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  registerNatives(connection)
})

describe('functions answer as Apache Spark does', () => {
  it.each(cases.map((recorded) => [nameOf(recorded), recorded] as const))('%s', async (name, recorded) => {
    const difference = await differenceFrom(connection, recorded)
    if (gaps[name] === undefined) expect(difference).toBeUndefined()
    else expect(difference, `${name} passes: take it off the list of gaps`).toBeDefined()
  })

  it('lists only gaps of cases there are', () => {
    const names = new Set(cases.map(nameOf))
    expect(Object.keys(gaps).filter((name) => !names.has(name))).toEqual([])
  })
})

it('gives each name to one function', () => {
  const names = functionEntries.flatMap((entry) => entry.names)
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})
