import { assert } from '#base/assert.ts'
import { lendFolder } from '#base/engine-folder.ts'
import { AppError } from '#base/errors.ts'
import type { BatchId } from '#base/ids.ts'
import { quoteIdentifier, quoteLiteral } from '#base/sql-text.ts'
import type { CopyFormat, CopyOptions, CopyResult, Engine } from '#engine/engine.ts'
import type { StructType } from '#types/data-type.ts'
import { duckdbType } from '#types/duckdb.ts'
import { type IcebergStruct, nestedIds } from '#types/iceberg.ts'
import { adoptFiles } from './adopt-files.ts'
import { clusterPath } from './cluster-path.ts'
import { dataFileOf, measuredColumns } from './data-file.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { schemaOf } from './iceberg/table-metadata.ts'
import type { RowSource } from './lake.ts'
import { storedTypeOf } from './stored-type.ts'
import { systemColumns } from './system-columns.ts'
import type { TableBase } from './table-base.ts'
import { allColumns } from './table-definition.ts'

/** Another file is started at about this size: large enough to scan well, small enough to skip. */
export const dataFileBytesMax = 256 * 1024 * 1024

export interface WriteRequest {
  readonly writeId: string
  /** A folder of its own within the write's; absent: the write's itself. */
  readonly part?: string
  readonly rows: NewRows | KeptRows
  /** Days since 1970 that all the rows are of: then files are split by size, and rows sorted over all of them. */
  readonly onlyDay?: number | null
  readonly fileBytesMax?: number
  readonly onProgress?: CopyOptions['onProgress'] | undefined
  readonly signal: AbortSignal
}

/** Rows that come in: the source has the columns named, or else the user's. */
export interface NewRows {
  readonly kind: 'new'
  readonly batchId: BatchId
  readonly ingestTimeMs: number
  readonly source: RowSource
  readonly columns: StructType | undefined
}

/** Rows of the table in other files: the source has its system columns, too, last. */
export interface KeptRows {
  readonly kind: 'kept'
  readonly source: RowSource
}

/** The folder of a write, below the table's. */
export function writeFolder(writeId: string): string {
  return `data/${writeId}`
}

/** A part for rows that are in the table already, beside those that come in. */
export function keptPart(index: number): string {
  return `kept-${index}`
}

/** Whether a file that a commit added holds rows that were there before it. */
export function holdsKeptRows({ path }: Pick<DataFile, 'path'>): boolean {
  return /\/data\/[^/]+\/kept-\d+\//.test(path)
}

/** Writes the rows of a statement as Parquet files that are complete and durable, but in no snapshot yet. */
export async function writeDataFiles(
  engine: Engine,
  base: TableBase,
  request: WriteRequest,
): Promise<readonly DataFile[]> {
  const { definition, files, metadata } = base
  const name = [writeFolder(request.writeId), ...(request.part === undefined ? [] : [request.part])].join('/')
  const struct = schemaOf(metadata)
  const { dayColumn, clusterBy, schema } = definition
  const isOneDay = request.onlyDay !== undefined
  const day = dayColumn === undefined || isOneDay ? undefined : dayPartition(dayColumn, struct)
  const cluster = clusterBy.map((path) => clusterPath(path, schema).expression)
  const dayOrder = dayColumn === undefined ? [] : [quoteIdentifier(dayColumn)]
  const orderBy = [...new Set([...cluster, ...dayOrder])]
  const folder = await files.outbox(name)
  await lendFolder(folder)
  const copied = await copyRows(engine, base, request, {
    folder,
    format: {
      kind: 'parquet',
      compression: 'zstd',
      fieldIds: nestedIds(struct),
      // The engine splits by day or by size, not both: a day of one append is one file, however large.
      ...(day ? { partitionBy: [day] } : { fileBytesMax: request.fileBytesMax ?? dataFileBytesMax }),
      ...(orderBy.length > 0 ? { orderBy } : {}),
      ...(request.rows.kind === 'new' ? { columns: withSystemColumns(struct, request.rows) } : {}),
    },
  })
  const filled = copied.files.filter((file) => file.rowCount > 0)
  const rowCount = filled.reduce((sum, file) => sum + file.rowCount, 0)
  assert(
    rowCount === copied.rowCount,
    `the ${copied.rowCount} rows written are in the files, not ${rowCount}`,
  )
  for (const file of filled) assert(file.path.startsWith(`${folder}/`), 'the engine wrote into its folder')
  await adoptFiles(folder, new Map(filled.map((file) => [file.path, file.bytes])))
  const made = filled.map(({ path, bytes }) => ({ name: path.slice(folder.length + 1), bytes }))
  await files.deliver(name, made, { signal: request.signal })
  const measured = measuredColumns(struct, [...(dayColumn === undefined ? [] : [dayColumn]), ...clusterBy])
  return filled.map((file) => ({
    ...dataFileOf(file, {
      uri: files.uri(`${name}${file.path.slice(folder.length)}`),
      dayName: day?.name,
      measured,
      sortOrderId: metadata['default-sort-order-id'],
    }),
    ...(request.onlyDay === undefined ? {} : { day: request.onlyDay }),
  }))
}

/** Files of the lake are held for as long as the engine reads them, and waited for before its turn. */
async function copyRows(
  engine: Engine,
  base: TableBase,
  { rows, onProgress, signal }: WriteRequest,
  target: { readonly folder: string; readonly format: CopyFormat },
): Promise<CopyResult> {
  const { files, lakeFiles = [], pool, inTurn } = rows.source
  using lease = await base.files.lease(lakeFiles, { signal })
  const statement = { sql: rowsSql(base, rows), files: [...files, ...lease.paths], pool }
  const progress = onProgress ? { onProgress } : {}
  return await engine.copy(statement, { ...target, ...progress, ...(inTurn ? { inTurn } : {}), signal })
}

/**
 * The source's columns, by position in the order declared, as the files have them. Columns that the table gained since
 * the source was made are NULL; the engine casts structs by name, so inside of columns, too. New rows are without the
 * system columns.
 * @throws AppError 'lake.conflict' when the table does not have one of the source's columns any more
 */
function rowsSql({ definition, metadata }: TableBase, rows: NewRows | KeptRows): string {
  const struct = schemaOf(metadata)
  const own = rows.kind === 'new' ? (rows.columns ?? definition.schema) : definition.schema
  const given = rows.kind === 'kept' ? allColumns(own) : own
  const gone = given.fields.find(({ name }) => !struct.fields.some((field) => field.name === name))
  if (gone) {
    throw new AppError('lake.conflict', `The column ${JSON.stringify(gone.name)} was renamed meanwhile.`, {
      hint: 'Try again with the columns as they are now.',
    })
  }
  const added = rows.kind === 'new' ? systemColumns.fields.map((field) => field.name) : []
  const values = struct.fields.flatMap(({ name, type }) => {
    if (added.includes(name)) return []
    const column = quoteIdentifier(name)
    const value = given.fields.some((field) => field.name === name) ? column : 'NULL'
    return [`CAST(${value} AS ${duckdbType(storedTypeOf(type))}) AS ${column}`]
  })
  const names = given.fields.map((field) => quoteIdentifier(field.name))
  return `SELECT ${values.join(', ')} FROM (${rows.source.sql}\n) AS source(${names.join(', ')})`
}

/** All columns of the table: what is the same for all rows of a batch beside the ones that they have. */
function withSystemColumns(struct: IcebergStruct, { batchId, ingestTimeMs }: NewRows): readonly string[] {
  const [system, batch] = systemColumns.fields.map((field) => field.name)
  const batchText = quoteLiteral(batchId)
  return struct.fields.map(({ name }) => {
    const column = quoteIdentifier(name)
    if (name === batch) return `${batchText} AS ${column}`
    if (name !== system) return column
    return `struct_pack("ingestTime" := ${ingestTimeMs}::BIGINT, "sourceBatchId" := ${batchText}) AS ${column}`
  })
}

/** The days since 1970 that rows are partitioned by, as a column that no table has. */
function dayPartition(
  column: string,
  struct: IcebergStruct,
): { readonly name: string; readonly expression: string } {
  let name = 'day'
  while (struct.fields.some((field) => field.name.toLowerCase() === name)) name += '_'
  const isZoned = struct.fields.some((field) => field.name === column && field.type === 'timestamptz')
  const value = quoteIdentifier(column)
  // The engine asks a calendar for the day of a time with a zone, which takes many times as long; ours is always UTC.
  const time = isZoned ? `make_timestamp(epoch_us(${value}))` : value
  // As the engine's narrower number: rows are sorted by it, and a wide key takes a tenth longer.
  return { name, expression: `CAST(date_diff('day', DATE '1970-01-01', CAST(${time} AS DATE)) AS INTEGER)` }
}
