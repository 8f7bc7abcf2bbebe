import { readFileSync } from 'node:fs'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { functionEntries } from '#sql/functions/registry.ts'
import { sparkName } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { asRecorded, isRecorded, sortedRows, unorderedMaps } from './support/spark-values.ts'

interface RecordedCase {
  readonly function: string
  readonly n: number
  readonly sql: string
  readonly types: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

const fixtures = new URL('fixtures/', import.meta.url)
const cases = readFileSync(new URL('spark-functions.jsonl', fixtures), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as RecordedCase)
const gaps = JSON.parse(readFileSync(new URL('spark-functions-gaps.json', fixtures), 'utf8')) as Readonly<
  Record<string, string>
>

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
})

describe('functions answer as Apache Spark does', () => {
  it.each(cases.map((recorded) => [nameOf(recorded), recorded] as const))('%s', async (name, recorded) => {
    const difference = await differenceFrom(recorded)
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

function nameOf({ function: name, n }: RecordedCase): string {
  return `${name} ${n}`
}

/** What is not as Spark answered: an error, a type or a row. */
async function differenceFrom({ sql, types, rows }: RecordedCase): Promise<string | undefined> {
  const frontEnd = createSqlFrontEnd()
  try {
    const [statement] = frontEnd.split(sql)
    const parsed = statement && frontEnd.parse(statement)
    if (parsed?.kind !== 'query') return 'It is not read as a query.'
    const query = frontEnd.bind(parsed.query, {
      catalogue: { table: () => undefined, tableNames: [] },
      variables: {},
      dropsSystemColumns: true,
      now: new Date('2026-01-01T00:00:00Z'),
    })
    const result = await connection.runAndReadAll(query.print('duckdb', new Map()))
    const wantedTypes = types.map((type) => type.replaceAll(/interval [a-z ]+(?=[,>]|$)/g, 'interval'))
    const ownTypes = query.columns.map((column) => sparkName(column.type))
    if (wantedTypes.join() !== ownTypes.join()) return `Types: ${wantedTypes.join()}, not ${ownTypes.join()}.`
    const promised = await connection.runAndReadAll(
      `SELECT ${query.columns.map((column) => `CAST(NULL AS ${duckdbType(column.type)})`).join(', ')}`,
    )
    const [engineTypes, promisedTypes] = [result, promised].map((answer) =>
      answer.columnTypes().map(String).join(),
    )
    if (engineTypes !== promisedTypes) return `Engine types: ${promisedTypes}, not ${engineTypes}.`
    const answer = unorderedMaps(
      types,
      result.getRows().map((row) => row.map(asRecorded)),
    )
    if (!isRecorded(sortedRows(unorderedMaps(types, rows)), sortedRows(answer)))
      return `Rows: ${JSON.stringify(rows)}, not ${JSON.stringify(answer)}.`
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
