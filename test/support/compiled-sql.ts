import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { must } from '../../src/base/assert.ts'
import { quoteIdentifier, quoteLiteral } from '../../src/base/sql-text.ts'
import { dialectText, dialectTimestampText } from '../../src/encode/text.ts'
import type { Value } from '../../src/encode/value.ts'
import { registerNatives } from '../../src/engine/duckdb/natives.ts'
import { batchReader } from '../../src/engine/duckdb/values.ts'
import type { BoundQuery, Literal, ParsedQuery, TableScan } from '../../src/sql/compile.ts'
import { createSqlFrontEnd } from '../../src/sql/front-end.ts'
import { structType, type DataType, type StructType } from '../../src/types/data-type.ts'
import { duckdbType } from '../../src/types/duckdb.ts'
import { parseSparkType } from '../../src/types/spark-ddl.ts'

/** A table as a fixture gives it: its type in Spark's words, its rows as JSON. */
export interface GivenTable {
  readonly type: string
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

export interface Answer {
  readonly columns: readonly string[]
  readonly types: readonly DataType[]
  readonly engineTypes: readonly string[]
  /** Complex values and timestamps as the dialect writes them; whole numbers as numbers. */
  readonly rows: readonly (readonly unknown[])[]
  readonly scans: readonly TableScan[]
  readonly text: string
}

/** The front end with a real engine behind it, and nothing between. */
export interface CompiledSql extends Disposable {
  /** The answer of the last statement; tables made by the ones before stay. */
  run(sql: string, options?: RunOptions): Promise<Answer>
  create(name: string, table: GivenTable): Promise<void>
}

export interface RunOptions {
  readonly parameters?: readonly Literal[]
  readonly variables?: Readonly<Record<string, Literal>>
  readonly now?: Date
}

const frontEnd = createSqlFrontEnd()

export async function compiledSql(tables: Readonly<Record<string, GivenTable>> = {}): Promise<CompiledSql> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  registerNatives(connection)
  const columns = new Map<string, StructType>()
  const own: CompiledSql = {
    async create(name, { type, rows }) {
      const struct = parseSparkType(type)
      if (struct.kind !== 'struct') throw new Error(`${name} needs a struct.`)
      columns.set(name.toLowerCase(), struct)
      const list = `CAST(${quoteLiteral(JSON.stringify(rows.map((row) => whole(struct, row))))}::JSON AS ${duckdbType(struct)}[])`
      await connection.run(
        `CREATE TABLE ${quoteIdentifier(name.toLowerCase())} AS SELECT unnest(${list}, max_depth := 2)`,
      )
    },
    async run(sql, options = {}) {
      let answer: Answer | undefined
      for (const statement of frontEnd.split(sql)) {
        const parsed = frontEnd.parse(statement)
        if (parsed.kind === 'createTableAs') {
          const { bound, text } = printed(parsed.query, columns, options)
          const name = parsed.table.parts.join('.').toLowerCase()
          await connection.run(`CREATE TABLE ${quoteIdentifier(name)} AS ${text}`)
          columns.set(name, structType(bound.columns))
        } else if (parsed.kind === 'query') {
          answer = await answered(connection, printed(parsed.query, columns, options))
        } else throw new Error(`A ${parsed.kind} is carried out by a session.`)
      }
      return must(answer, 'the last statement is a query')
    },
    [Symbol.dispose]() {
      connection.closeSync()
      instance.closeSync()
    },
  }
  for (const [name, table] of Object.entries(tables)) await own.create(name, table)
  return own
}

/** The value with every field its type has: the engine asks for all. */
function whole(type: DataType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'struct': {
      const given = value as Readonly<Record<string, unknown>>
      return Object.fromEntries(
        type.fields.map((field) => [field.name, whole(field.type, given[field.name])]),
      )
    }
    case 'array':
      return (value as readonly unknown[]).map((item) => whole(type.element, item))
    case 'map':
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, whole(type.value, item)] as const),
      )
    default:
      return value
  }
}

interface Printed {
  readonly bound: BoundQuery
  readonly text: string
}

function printed(
  query: ParsedQuery,
  columns: ReadonlyMap<string, StructType>,
  { parameters, variables = {}, now = new Date('2024-02-01T00:00:00Z') }: RunOptions,
): Printed {
  const bound = frontEnd.bind(query, {
    catalogue: {
      table: (parts) => {
        const key = parts.join('.').toLowerCase()
        const struct = columns.get(key)
        return struct && { key, name: key, columns: struct, systemColumns: structType([]) }
      },
      tableNames: [...columns.keys()],
    },
    variables,
    ...(parameters ? { parameters } : {}),
    dropsSystemColumns: true,
    now,
  })
  const texts = new Map(
    bound.scans.map((scan) => {
      // What a scan was not asked for must not be needed.
      const names = scan.columns.map(quoteIdentifier).join(', ')
      return [scan, `(SELECT ${names || 'true'} FROM ${quoteIdentifier(scan.table.key)})`] as const
    }),
  )
  return { bound, text: bound.print('duckdb', texts) }
}

async function answered(connection: DuckDBConnection, { bound, text }: Printed): Promise<Answer> {
  const result = await connection.run(text)
  const read = batchReader(bound.columns, result.columnTypes())
  const rows: unknown[][] = []
  for (;;) {
    const chunk = await result.fetchChunk()
    if (!chunk || chunk.rowCount === 0) break
    const batch = read(chunk)
    for (let row = 0; row < batch.rowCount; row++) {
      rows.push(bound.columns.map(({ type }, column) => shown(type, batch.value(column, row))))
    }
  }
  return {
    columns: bound.columns.map((column) => column.name),
    types: bound.columns.map((column) => column.type),
    engineTypes: result.columnTypes().map(String),
    rows,
    scans: bound.scans,
    text,
  }
}

/** A value as the documentation prints it. */
export function shown(type: DataType, value: Value): unknown {
  if (value === null) return null
  switch (type.kind) {
    case 'struct':
    case 'array':
    case 'map':
    case 'date':
    case 'decimal':
      return dialectText(type, value)
    case 'timestamp':
    case 'timestamp_ntz':
      return dialectTimestampText(value as bigint)
    case 'long':
      return Number(value)
    default:
      return value
  }
}
