import { must } from '#base/assert.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { DataType, Field } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import type { IcebergField, IcebergStruct } from '#types/iceberg.ts'
import type { ShapeNode } from './file-shape.ts'
import { projection } from './projection.ts'
import type { ScanFile } from './table-files.ts'

/** Files that one call of the engine's reader can read. */
export interface ScanGroup {
  readonly files: readonly ScanFile[]
  /** Their columns, when fields inside of them are named otherwise than today. */
  readonly columns: readonly ShapeNode[] | undefined
  /** A condition over the system columns that their rows must meet. */
  readonly where?: string
}

/**
 * A parenthesised query over the files. Columns are found by field id and given as declared (files hold wider
 * integers); without files, and so without rows, nothing is opened. No columns at all: one constant a row.
 */
export function scanSql(
  groups: readonly ScanGroup[],
  columns: readonly Field[],
  struct: IcebergStruct,
  /** The name of another column, last: the path of the row's file. */
  fileColumn?: string,
): string {
  const filled = groups.filter((group) => group.files.length > 0)
  if (filled.length === 0) {
    const nulls = columns.map(
      (column) => `NULL::${duckdbType(column.type)} AS ${quoteIdentifier(column.name)}`,
    )
    return `(SELECT ${nulls.join(', ') || 'true'} WHERE false)`
  }
  const names = [...columns.map((column) => column.name), ...(fileColumn === undefined ? [] : [fileColumn])]
  const list = names.map(quoteIdentifier).join(', ') || 'true'
  const parts = filled.map((group) => {
    const needed = group.where === undefined ? columns : withIngestTime(columns, struct)
    const where = group.where === undefined ? '' : ` WHERE ${group.where}`
    return `SELECT ${list} FROM ${groupSql(group, needed, struct, fileColumn)}${where}`
  })
  return `(${parts.join(' UNION ALL ')})`
}

const systemMetadata = '_acp_system_metadata'
export const ingestTimeSql = `struct_extract(${quoteIdentifier(systemMetadata)}, 'ingestTime')`

/** Conditions of groups are over the time of ingestion. */
function withIngestTime(columns: readonly Field[], struct: IcebergStruct): readonly Field[] {
  if (columns.some((column) => column.name === systemMetadata)) return columns
  fieldOf(struct, systemMetadata)
  const type: DataType = {
    kind: 'struct',
    fields: [
      { name: 'ingestTime', type: { kind: 'long' } },
      { name: 'sourceBatchId', type: { kind: 'string' } },
    ],
  }
  return [...columns, { name: systemMetadata, type }]
}

function groupSql(
  group: ScanGroup,
  columns: readonly Field[],
  struct: IcebergStruct,
  fileColumn: string | undefined,
): string {
  const files = `[${group.files.map(({ path }) => quoteLiteral(path)).join(', ')}]`
  const options = [
    'hive_partitioning = false',
    ...(fileColumn === undefined ? [] : [`filename = ${quoteLiteral(fileColumn)}`]),
  ].join(', ')
  if (group.columns) {
    const { columns: shape } = group
    const projected = columns.map((column) => {
      const field = fieldOf(struct, column.name)
      return `${projection(column.type, field, shape)} AS ${quoteIdentifier(column.name)}`
    })
    const file = fileColumn === undefined ? [] : [quoteIdentifier(fileColumn)]
    return `(SELECT ${[...projected, ...file].join(', ') || 'true'} FROM read_parquet(${files}, ${options}))`
  }
  // Naming a column that no file has is the way to read none.
  const wanted = columns.length > 0 ? columns : [{ name: 'none', type: { kind: 'boolean' } as const }]
  const schema = wanted.map((column) => {
    const id = columns.length > 0 ? fieldOf(struct, column.name).id : idOfNone
    return `${id}: {name: ${quoteLiteral(column.name)}, type: ${quoteLiteral(duckdbType(column.type))}, default_value: NULL}`
  })
  return `read_parquet(${files}, schema = map {${schema.join(', ')}}, ${options})`
}

/** Above every id that Iceberg allows to a user's column. */
const idOfNone = 2_147_483_647

function fieldOf(struct: IcebergStruct, name: string): IcebergField {
  return must(
    struct.fields.find((field) => field.name === name),
    `the table has the column ${name}`,
  )
}
