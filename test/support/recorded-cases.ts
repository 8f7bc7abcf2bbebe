import { readFileSync } from 'node:fs'
import type { DuckDBConnection } from '@duckdb/node-api'
import { createSqlFrontEnd } from '../../src/sql/front-end.ts'
import { sparkName } from '../../src/types/data-type.ts'
import { duckdbType } from '../../src/types/duckdb.ts'
import { asRecorded, isRecorded } from './spark-values.ts'

/** A statement with what Apache Spark answered. */
export interface RecordedCase {
  readonly function: string
  readonly n: number
  readonly sql: string
  readonly types: readonly string[]
  readonly rows: readonly (readonly unknown[])[]
}

const fixtures = new URL('../fixtures/', import.meta.url)

export function recordedCases(file: string): RecordedCase[] {
  return readFileSync(new URL(file, fixtures), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedCase)
}

/** Reasons by the names of the cases that do not pass. */
export function recordedGaps(file: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(new URL(file, fixtures), 'utf8')) as Record<string, string>
}

export function nameOf({ function: name, n }: RecordedCase): string {
  return `${name} ${n}`
}

/** What is not as Spark answered: an error, a type or a row. */
export async function differenceFrom(
  connection: DuckDBConnection,
  { sql, types, rows }: Pick<RecordedCase, 'sql' | 'types' | 'rows'>,
): Promise<string | undefined> {
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
    const answer = unordered(
      types,
      result.getRows().map((row) => row.map(asRecorded)),
    )
    if (!isRecorded(sorted(unordered(types, rows)), sorted(answer)))
      return `Rows: ${JSON.stringify(rows)}, not ${JSON.stringify(answer)}.`
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Maps have no order: their entries by key. */
function unordered(
  types: readonly string[],
  rows: readonly (readonly unknown[])[],
): readonly (readonly unknown[])[] {
  return rows.map((row) =>
    row.map((value, index) =>
      types[index]?.startsWith('map<') && Array.isArray(value)
        ? value.toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)))
        : value,
    ),
  )
}

function sorted(rows: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return rows.length < 2
    ? rows
    : rows.toSorted((left, right) => JSON.stringify(left).localeCompare(JSON.stringify(right)))
}
