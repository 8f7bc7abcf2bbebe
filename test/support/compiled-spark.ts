import { must } from '../../src/base/assert.ts'
import { quoteSparkIdentifier, quoteSparkLiteral } from '../../src/base/spark-text.ts'
import type { Value } from '../../src/encode/value.ts'
import { readArrow } from '../../src/engine/spark/arrow-batch.ts'
import type { BoundQuery, ParsedQuery } from '../../src/sql/compile.ts'
import { createSqlFrontEnd } from '../../src/sql/front-end.ts'
import { sparkName, structType, type StructType } from '../../src/types/data-type.ts'
import { parseSparkType } from '../../src/types/spark-ddl.ts'
import { sparkType } from '../../src/types/spark-type.ts'
import { type CompiledSql, type GivenTable, type RunOptions, shown } from './compiled-sql.ts'
import type { TestSpark } from './spark.ts'

const frontEnd = createSqlFrontEnd()

interface Table {
  readonly columns: StructType
  /** A query with these columns. */
  readonly text: string
}

/** The front end with Spark behind it, and nothing between: as `compiledSql`. */
export function compiledSpark(
  spark: TestSpark,
  given: Readonly<Record<string, GivenTable>> = {},
): Omit<CompiledSql, 'create'> {
  const tables = new Map<string, Table>()
  for (const [name, { type, rows }] of Object.entries(given)) {
    const columns = parseSparkType(type)
    if (columns.kind !== 'struct') throw new Error(`${name} needs a struct.`)
    const json = quoteSparkLiteral(JSON.stringify(rows))
    const text = `SELECT inline(from_json(${json}, ${quoteSparkLiteral(`ARRAY<${sparkType(columns)}>`)}))`
    tables.set(name.toLowerCase(), { columns, text })
  }
  return {
    async run(sql, options = {}) {
      let answer: Awaited<ReturnType<CompiledSql['run']>> | undefined
      for (const statement of frontEnd.split(sql)) {
        const parsed = frontEnd.parse(statement)
        if (parsed.kind === 'createTableAs') {
          const { bound, text } = printedForSpark(parsed.query, tables, options)
          const names = bound.columns.map(({ name }) => quoteSparkIdentifier(name)).join(', ')
          tables.set(parsed.table.parts.join('.').toLowerCase(), {
            columns: structType(bound.columns),
            text: `SELECT * FROM (${text}) AS made(${names})`,
          })
        } else if (parsed.kind === 'query') {
          const { bound, text } = printedForSpark(parsed.query, tables, options)
          const found = await spark.describe(text)
          const rows = await sparkValues(spark, text, bound)
          answer = {
            columns: bound.columns.map((column) => column.name),
            types: bound.columns.map((column) => column.type),
            engineTypes: found.map(({ type }) => sparkName(type)),
            rows: rows.map((row) => row.map((value, index) => shown(bound.columns[index]!.type, value))),
            scans: bound.scans,
            text,
          }
        } else throw new Error(`A ${parsed.kind} is carried out by a session.`)
      }
      return must(answer, 'the last statement is a query')
    },
    [Symbol.dispose]() {},
  }
}

export function printedForSpark(
  query: ParsedQuery,
  tables: ReadonlyMap<string, Table>,
  { parameters, variables = {}, now = new Date('2024-02-01T00:00:00Z') }: RunOptions,
): { readonly bound: BoundQuery; readonly text: string } {
  const bound = frontEnd.bind(query, {
    engine: 'spark',
    catalogue: {
      table: (parts) => {
        const key = parts.join('.').toLowerCase()
        const table = tables.get(key)
        return table && { key, name: key, columns: table.columns, systemColumns: structType([]) }
      },
      tableNames: [...tables.keys()],
    },
    variables,
    ...(parameters ? { parameters } : {}),
    dropsSystemColumns: true,
    now,
  })
  const texts = new Map(
    bound.scans.map((scan) => {
      // What a scan was not asked for must not be needed.
      const names = scan.columns.map(quoteSparkIdentifier).join(', ')
      return [scan, `(SELECT ${names || 'true'} FROM (${tables.get(scan.table.key)!.text}))`] as const
    }),
  )
  return { bound, text: bound.print('spark', texts) }
}

/** All rows as the encoders see them. */
export async function sparkValues(
  spark: TestSpark,
  text: string,
  { columns }: Pick<BoundQuery, 'columns'>,
): Promise<readonly (readonly Value[])[]> {
  const bytes = await spark.bytes(text, { columns, encoding: { kind: 'arrow' } })
  return readArrow(bytes).flatMap((batch) =>
    Array.from({ length: batch.rowCount }, (_unused, row) =>
      columns.map((_column, column) => batch.value(column, row)),
    ),
  )
}
