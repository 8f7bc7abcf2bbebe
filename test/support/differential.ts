import { sparkName as shownType } from '../../src/types/data-type.ts'
import type { Answer, CompiledSql } from './compiled-sql.ts'
import type { GeneratedQuery } from './query-generator.ts'

/** Two engines with the same table. */
export interface Both {
  readonly duckdb: Pick<CompiledSql, 'run'>
  readonly spark: Pick<CompiledSql, 'run'>
}

interface Outcome {
  readonly answer?: Answer
  readonly failure?: string
}

/** What the engines do not agree on, one sentence each; nothing when they do. */
export async function differencesOf({ duckdb, spark }: Both, query: GeneratedQuery): Promise<string[]> {
  const [one, other] = await Promise.all([outcomeOf(duckdb, query.sql), outcomeOf(spark, query.sql)])
  // What the front end refuses it refuses for both, and what the data make impossible fails on both.
  if (!one.answer && !other.answer) return []
  if (!one.answer) return [`DuckDB fails: ${one.failure}\n  ${query.sql}`]
  if (!other.answer) return [`Spark fails: ${other.failure}\n  ${query.sql}`]
  return [...typeDifferences(other.answer, query), ...rowDifferences(one.answer, other.answer, query)]
}

async function outcomeOf(engine: Pick<CompiledSql, 'run'>, sql: string): Promise<Outcome> {
  try {
    return { answer: await engine.run(sql) }
  } catch (error) {
    const { message, cause } = error as Error
    return { failure: typeof cause === 'string' ? `${message} ${cause}`.slice(0, 600) : message }
  }
}

/** Spark's own analysis of what we print against what the binder said. */
function typeDifferences({ types, engineTypes }: Answer, { parts }: GeneratedQuery): string[] {
  return types.flatMap((type, index) => {
    const found = engineTypes[index]
    return found === shownType(type)
      ? []
      : [`Type of ${parts[index - 1]}: ${shownType(type)}, Spark: ${found}`]
  })
}

function rowDifferences(one: Answer, other: Answer, { sql, parts }: GeneratedQuery): string[] {
  if (one.rows.length !== other.rows.length)
    return [`${one.rows.length} rows on DuckDB, ${other.rows.length} on Spark: ${sql}`]
  const [left, right] = [one, other].map(({ rows }) => rows.toSorted(byText))
  for (const [row, values] of left!.entries()) {
    const wrong = values.findIndex((value, column) => !isSame(value, right![row]?.[column]))
    if (wrong < 0) continue
    const shown = [values[wrong], right![row]?.[wrong]].map((value) => JSON.stringify(value) ?? String(value))
    return [
      `${parts[wrong - 1] ?? 'the key'}: ${shown[0]} on DuckDB, ${shown[1]} on Spark (key ${String(values[0])})`,
    ]
  }
  return []
}

const shortened = (value: unknown): unknown =>
  typeof value === 'number' ? Number(value.toPrecision(9)) : value

function byText(one: readonly unknown[], other: readonly unknown[]): number {
  const [left, right] = [one, other].map((row) => JSON.stringify(row.map(shortened)))
  return left! < right! ? -1 : left! > right! ? 1 : 0
}

/** Floating point to 12 digits: sums are not added in one order. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one === 'number' && typeof other === 'number') {
    if (Object.is(one, other) || one === other) return true
    return Math.abs(one - other) <= 1e-12 * Math.max(Math.abs(one), Math.abs(other))
  }
  return one === other
}
