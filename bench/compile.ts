import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { DuckDBInstance } from '@duckdb/node-api'
import { registerNatives } from '../src/engine/duckdb/natives.ts'
import { must } from '../src/base/assert.ts'
import { quoteIdentifier } from '../src/base/sql-text.ts'
import { createSqlFrontEnd } from '../src/sql/front-end.ts'
import { structType, type StructType } from '../src/types/data-type.ts'
import { duckdbType } from '../src/types/duckdb.ts'
import { parseSparkType } from '../src/types/spark-ddl.ts'

/**
 * From a statement's text to the engine's text, warm, for the documented examples that read tables, beside what the
 * engine takes to read and plan that text on empty tables.
 */
const rounds = 200
const warmUpRounds = 50

interface Example {
  readonly id: string
  readonly sql: string
  readonly tables?: Readonly<Record<string, { readonly type: string }>>
}

const frontEnd = createSqlFrontEnd()
const { examples } = JSON.parse(
  readFileSync(new URL('../test/fixtures/query-service.json', import.meta.url), 'utf8'),
) as { readonly examples: readonly Example[] }

const connection = await (await DuckDBInstance.create(':memory:')).connect()
registerNatives(connection)
await connection.run("SET TimeZone = 'UTC'")

const ours: number[] = []
const engines: number[] = []
let count = 0
for (const example of examples) {
  const tables = new Map<string, StructType>()
  for (const [name, { type }] of Object.entries(example.tables ?? {})) {
    const struct = parseSparkType(type)
    if (struct.kind === 'struct') tables.set(name.toLowerCase(), struct)
  }
  // Statements that store a table are compiled for their query.
  const queries = frontEnd.split(example.sql).flatMap((scanned) => {
    const parsed = frontEnd.parse(scanned)
    return 'query' in parsed ? [scanned.text] : []
  })
  for (const text of queries) {
    let printed: string
    try {
      printed = compile(text, tables)
    } catch {
      continue // It reads what an earlier statement of its page made.
    }
    count++
    const times = timed(() => compile(text, tables))
    ours.push(median(times))
    for (const [name, struct] of tables) await createEmpty(name, struct)
    const prepared: number[] = []
    for (let round = 0; round < 20; round++) {
      const start = performance.now()
      const statement = await connection.prepare(printed)
      prepared.push(performance.now() - start)
      statement.destroySync()
    }
    engines.push(median(prepared))
  }
}

console.log(`\n${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}\n`)
console.log(`| ${count} documented statements | p50 | p90 | slowest |\n|---|---:|---:|---:|`)
for (const [what, times] of [
  ['compile', ours],
  ['the engine reads and plans the text', engines],
] as const) {
  console.log(
    `| ${what} | ${[0.5, 0.9, 1].map((part) => `${quantile(times, part).toFixed(2)} ms`).join(' | ')} |`,
  )
}

function compile(text: string, tables: ReadonlyMap<string, StructType>): string {
  const parsed = frontEnd.parse(must(frontEnd.split(text)[0], 'the text has a statement'))
  const query = 'query' in parsed ? parsed.query : undefined
  const bound = frontEnd.bind(must(query, 'it has a query'), {
    catalogue: {
      table: (parts) => {
        const key = parts.join('.').toLowerCase()
        const columns = tables.get(key)
        return columns && { key, name: key, columns, systemColumns: structType([]) }
      },
      tableNames: [...tables.keys()],
    },
    variables: {},
    dropsSystemColumns: true,
    now: new Date('2026-01-01T00:00:00Z'),
  })
  const scans = bound.scans.map((scan) => {
    const names = scan.columns.map(quoteIdentifier).join(', ')
    return [scan, `(SELECT ${names || 'true'} FROM ${quoteIdentifier(scan.table.key)})`] as const
  })
  return bound.print('duckdb', new Map(scans))
}

async function createEmpty(name: string, { fields }: StructType): Promise<void> {
  const columns = fields.map((field) => `${quoteIdentifier(field.name)} ${duckdbType(field.type)}`)
  await connection.run(`CREATE OR REPLACE TABLE ${quoteIdentifier(name)} (${columns.join(', ')})`)
}

function timed(work: () => void): number[] {
  for (let round = 0; round < warmUpRounds; round++) work()
  return Array.from({ length: rounds }, () => {
    const start = performance.now()
    work()
    return performance.now() - start
  })
}

function median(times: readonly number[]): number {
  return quantile(times, 0.5)
}

function quantile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN
}
