import { readFileSync } from 'node:fs'
import type { DuckDBConnection } from '@duckdb/node-api'
import { createSqlFrontEnd } from '#sql/front-end.ts'
import { sparkName } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { asRecorded, isRecorded, sortedRows, unorderedMaps } from './spark-values.ts'

/** A statement and what Apache Spark made of it: `types` and `rows`, or the class of an `error`. */
export interface RecordedCase {
  readonly sql: string
  readonly types?: readonly string[]
  readonly rows?: readonly (readonly unknown[])[]
  readonly error?: string
}

/** A case with what it is of: a documented example of a function, or a topic. */
interface NamedCase extends RecordedCase {
  readonly function?: string
  readonly n?: number
  readonly topic?: string
}

/** The lines of a fixture of cases. */
export function readCases(name: string): readonly NamedCase[] {
  return readFixture(name)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line, exactly) as NamedCase)
}

/** Whole numbers beyond 53 bits as text, as answers give them. */
function exactly(_key: string, value: unknown, { source }: { source?: string } = {}): unknown {
  return typeof value === 'number' &&
    Number.isInteger(value) &&
    !Number.isSafeInteger(value) &&
    source !== undefined &&
    /^-?\d+$/.test(source)
    ? source
    : value
}

/** Which cases are not as Spark has them, each with the reason. */
export function readGaps(name: string): Readonly<Record<string, string>> {
  return JSON.parse(readFixture(name)) as Readonly<Record<string, string>>
}

function readFixture(name: string): string {
  return readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')
}

export function nameOf({ function: name, n }: NamedCase): string {
  return `${name} ${n}`
}

/** What is not as Spark answered: an error, a type or a row. Undefined: nothing. */
export async function differenceFrom(
  connection: DuckDBConnection,
  recorded: RecordedCase,
): Promise<string | undefined> {
  try {
    const difference = await differenceOfAnswer(connection, recorded)
    return recorded.error === undefined ? difference : `No error, where Spark has ${recorded.error}.`
  } catch (error) {
    if (recorded.error !== undefined) return undefined
    return error instanceof Error ? error.message : String(error)
  }
}

async function differenceOfAnswer(
  connection: DuckDBConnection,
  { sql, types = [], rows = [] }: RecordedCase,
): Promise<string | undefined> {
  const frontEnd = createSqlFrontEnd()
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
  const ownTypes = query.columns.map((column) => sparkName(column.type))
  if (types.join() !== ownTypes.join()) return `Types: ${types.join()}, not ${ownTypes.join()}.`
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
}
