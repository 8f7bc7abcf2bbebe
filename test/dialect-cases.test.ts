import { readFileSync } from 'node:fs'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, expect, it } from 'vitest'
import { registerNatives } from '#engine/duckdb/natives.ts'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { sparkName } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { asRecorded, isRecorded } from './support/spark-values.ts'

const cases = readFileSync(new URL('fixtures/dialect-cases.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('--'))
  .map((line) => {
    const [, expression = '', value = '', types = ''] =
      /^(.*) ==> (.*?) ([a-z_0-9<>:,()|]+)$/.exec(line) ?? []
    return { expression, value: JSON.parse(value) as unknown, types }
  })

let connection: DuckDBConnection

beforeAll(async () => {
  const instance = await DuckDBInstance.create(':memory:')
  connection = await instance.connect()
  registerNatives(connection)
  await connection.run("SET TimeZone = 'UTC'")
})

it.each(cases)('SELECT $expression', async ({ expression, value, types }) => {
  const frontEnd = createSqlFrontEnd()
  const [statement] = frontEnd.split(`SELECT ${expression}`)
  const parsed = statement && frontEnd.parse(statement)
  if (parsed?.kind !== 'query') throw new Error('It is not read as a query.')
  const { columns, ...query } = frontEnd.bind(parsed.query, {
    catalogue: { table: () => undefined, tableNames: [] },
    variables: {},
    dropsSystemColumns: true,
    now: new Date('2026-01-01T10:00:00.123Z'),
    session: { user: 'u', database: 'prod:all' },
  })
  expect(columns.map((column) => sparkName(column.type)).join('|')).toBe(types)
  const result = await connection.runAndReadAll(query.print('duckdb', new Map()))
  const promised = await connection.runAndReadAll(
    `SELECT ${columns.map((column) => `CAST(NULL AS ${duckdbType(column.type)})`).join(', ')}`,
  )
  expect(result.columnTypes().map(String)).toEqual(promised.columnTypes().map(String))
  const rows = result.getRows().map((row) => row.map(asRecorded))
  const [first = []] = rows
  const answer = rows.length === 1 && first.length === 1 ? first[0] : rows
  if (!isRecorded(value, answer)) expect(answer).toEqual(value)
})
