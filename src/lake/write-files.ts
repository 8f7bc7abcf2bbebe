import { assert } from '#base/assert.ts'
import type { BatchId } from '#base/ids.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { CopyOptions, Engine } from '#engine/engine.ts'
import { makeFolderDurably, syncFolder } from '#objects/durable-files.ts'
import { duckdbType } from '#types/duckdb.ts'
import { nestedIds, storedType } from '#types/iceberg.ts'
import { adoptFiles, lendFolder } from './adopt-files.ts'
import { clusterPath } from './cluster-path.ts'
import { dataFileOf, measuredColumns } from './data-file.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { schemaOf, type TableMetadata } from './iceberg/table-metadata.ts'
import type { AppendRequest } from './lake.ts'
import { systemColumns } from './system-columns.ts'
import type { TableDefinition } from './table-definition.ts'
import type { TableFiles } from './table-files.ts'

/** Another file is started at about this size: large enough to scan well, small enough to skip. */
const fileBytesMax = 256 * 1024 * 1024

export interface WriteRequest {
  readonly writeId: string
  readonly batchId: BatchId
  readonly ingestTimeMs: number
  readonly source: AppendRequest['source']
  readonly onProgress?: CopyOptions['onProgress']
  readonly signal: AbortSignal
}

/** The folder of a write, below the table's. */
export function writeFolder(writeId: string): string {
  return `data/${writeId}`
}

/** Writes the rows of a statement as Parquet files that are complete and on the disk, but in no snapshot yet. */
export async function writeDataFiles(
  { engine, files }: { readonly engine: Engine; readonly files: TableFiles },
  { table, metadata }: { readonly table: TableDefinition; readonly metadata: TableMetadata },
  request: WriteRequest,
): Promise<readonly DataFile[]> {
  const folder = files.path(writeFolder(request.writeId))
  await makeFolderDurably(folder)
  await lendFolder(folder)
  const struct = schemaOf(metadata)
  const day = table.dayColumn === undefined ? undefined : dayPartition(table.dayColumn, table)
  const cluster = table.clusterBy.map((path) => clusterPath(path, table.schema).expression)
  const dayColumn = table.dayColumn === undefined ? [] : [quoteIdentifier(table.dayColumn)]
  const orderBy = [...(day ? [day.expression] : []), ...new Set([...cluster, ...dayColumn])]
  const copied = await engine.copy(
    { sql: rowsSql(table, request), files: request.source.files, pool: request.source.pool },
    {
      folder,
      format: {
        kind: 'parquet',
        compression: 'zstd',
        fieldIds: nestedIds(struct),
        // The engine splits by day or by size, not both: a day of one append is one file, however large.
        ...(day ? { partitionBy: [day] } : { fileBytesMax }),
        ...(orderBy.length > 0 ? { orderBy } : {}),
      },
      ...(request.onProgress ? { onProgress: request.onProgress } : {}),
      signal: request.signal,
    },
  )
  const filled = copied.files.filter((file) => file.rowCount > 0)
  const rowCount = filled.reduce((sum, file) => sum + file.rowCount, 0)
  assert(
    rowCount === copied.rowCount,
    `the ${copied.rowCount} rows written are in the files, not ${rowCount}`,
  )
  for (const file of filled) assert(file.path.startsWith(`${folder}/`), 'the engine wrote into its folder')
  await adoptFiles(folder, new Map(filled.map((file) => [file.path, file.bytes])))
  await syncFolder(files.path('data'))
  const measured = measuredColumns(struct, [
    ...(table.dayColumn === undefined ? [] : [table.dayColumn]),
    ...table.clusterBy,
  ])
  return filled.map((file) =>
    dataFileOf(file, {
      uri: files.uri(`${writeFolder(request.writeId)}${file.path.slice(folder.length)}`),
      dayName: day?.name,
      measured,
      sortOrderId: metadata['default-sort-order-id'],
    }),
  )
}

/** The source's columns as the files have them, by position, and the system columns. */
function rowsSql(table: TableDefinition, request: WriteRequest): string {
  const columns = table.schema.fields.map((field) => ({
    name: quoteIdentifier(field.name),
    type: duckdbType(storedType(field.type)),
  }))
  const [system, batch] = systemColumns.fields.map((field) => quoteIdentifier(field.name))
  const batchText = quoteLiteral(request.batchId)
  return `SELECT ${[
    ...columns.map(({ name, type }) => `CAST(${name} AS ${type}) AS ${name}`),
    `struct_pack("ingestTime" := ${request.ingestTimeMs}::BIGINT, "sourceBatchId" := ${batchText}) AS ${system}`,
    `${batchText} AS ${batch}`,
  ].join(', ')} FROM (${request.source.sql}\n) AS source(${columns.map(({ name }) => name).join(', ')})`
}

/** The days since 1970 that rows are partitioned by, as a column that no table has. */
function dayPartition(
  column: string,
  table: TableDefinition,
): { readonly name: string; readonly expression: string } {
  let name = 'day'
  while (table.schema.fields.some((field) => field.name.toLowerCase() === name)) name += '_'
  return { name, expression: `date_diff('day', DATE '1970-01-01', CAST(${quoteIdentifier(column)} AS DATE))` }
}
