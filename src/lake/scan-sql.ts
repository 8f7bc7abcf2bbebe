import { must } from '#base/assert.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { IcebergStruct } from '#types/iceberg.ts'

/**
 * A parenthesised query over the files. Columns are found by field id and given as declared (files hold wider
 * integers); without files, and so without rows, nothing is opened. No columns at all: one constant a row.
 */
export function scanSql(paths: readonly string[], columns: readonly Field[], struct: IcebergStruct): string {
  const names = columns.map((column) => quoteIdentifier(column.name))
  if (paths.length === 0) {
    const nulls = columns.map((column, index) => `NULL::${duckdbType(column.type)} AS ${names[index]}`)
    return `(SELECT ${nulls.join(', ') || 'true'} WHERE false)`
  }
  // Naming a column that no file has is the way to read none.
  const wanted = columns.length > 0 ? columns : [{ name: 'none', type: { kind: 'boolean' } as const }]
  const schema = wanted.map((column) => {
    const id = columns.length > 0 ? idOf(struct, column.name) : idOfNone
    return `${id}: {name: ${quoteLiteral(column.name)}, type: ${quoteLiteral(duckdbType(column.type))}, default_value: NULL}`
  })
  const files = paths.map(quoteLiteral).join(', ')
  return `(SELECT ${names.join(', ') || 'true'} FROM read_parquet([${files}], schema = map {${schema.join(', ')}}, hive_partitioning = false))`
}

/** Above every id that Iceberg allows to a user's column. */
const idOfNone = 2_147_483_647

function idOf(struct: IcebergStruct, name: string): number {
  return must(
    struct.fields.find((field) => field.name === name),
    `the table has the column ${name}`,
  ).id
}
