import type { CatalogueTable, TableScan } from '../src/sql/compile.ts'
import { createSqlFrontEnd } from '../src/sql/front-end.ts'
import { structType } from '../src/types/data-type.ts'
import { parseSparkType } from '../src/types/spark-ddl.ts'

/** What the front end prints for a query of `events`, which are the rows of a file of `generateEvents`. */
export function compiledForFile(sql: string, file: string): string {
  const columns = parseSparkType(
    'struct<_id:string,timestamp:timestamp,user_id:string,event_type:string,channel:string,value:double>',
  )
  if (columns.kind !== 'struct') throw new Error('The events are a struct.')
  const table: CatalogueTable = { key: 'events', name: 'events', columns, systemColumns: structType([]) }
  const frontEnd = createSqlFrontEnd()
  const [statement] = frontEnd.split(sql)
  const parsed = statement && frontEnd.parse(statement)
  if (parsed?.kind !== 'query') throw new Error(`${sql} is no query.`)
  const query = frontEnd.bind(parsed.query, {
    catalogue: { table: () => table, tableNames: ['events'] },
    variables: {},
    dropsSystemColumns: true,
    now: new Date('2025-06-01T00:00:00Z'),
  })
  const scanOf = (scan: TableScan): string =>
    `SELECT ${scan.columns.map((column) => `"${column}"`).join(', ')} FROM read_parquet('${file}')`
  return query.print('duckdb', new Map(query.scans.map((scan) => [scan, scanOf(scan)])))
}
