import type { TableId } from '#base/ids.ts'
import type { LakeTableRow } from '#metadata/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { TableMetadata } from './iceberg/table-metadata.ts'
import type { LakeFiles } from './lake-files.ts'
import { definitionOf, knownTable, type TableDefinition } from './table-definition.ts'
import { type TableFiles, tableFiles } from './table-files.ts'
import type { TableReader } from './table-reader.ts'

/** A table as it is at one moment: what the next commit builds on. */
export interface TableBase {
  readonly row: LakeTableRow
  readonly definition: TableDefinition
  readonly files: TableFiles
  readonly metadata: TableMetadata
}

/** @throws AppError 'dataset.unknown', 'lake.corrupt' */
export async function readBase(
  context: { readonly metadata: Metadata; readonly lakeFiles: LakeFiles; readonly reader: TableReader },
  tableId: TableId,
): Promise<TableBase> {
  const row = await knownTable(context.metadata.db, tableId)
  try {
    return await baseOf(context, row)
  } catch (error) {
    // A pointer that was just moved may name a file that is just being forgotten: then it is read once more.
    const newer = await knownTable(context.metadata.db, tableId)
    if (newer.metadata_file === row.metadata_file) throw error
    return await baseOf(context, newer)
  }
}

/**
 * What work on a table as it was comes to; undefined when it failed and the table is another by now: rows that were
 * deleted for good meanwhile took files with them that the work still read, and it has to begin again.
 */
export async function unlessMoved<T>(
  context: { readonly metadata: Metadata },
  { row }: TableBase,
  { signal, work }: { readonly signal: AbortSignal; readonly work: () => Promise<T> },
): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    const now = await knownTable(context.metadata.db, row.id)
    if (now.metadata_file === row.metadata_file) throw error
    return undefined
  }
}

/** The table as its row says it is. @throws AppError 'lake.corrupt' */
export async function baseOf(
  context: { readonly lakeFiles: LakeFiles; readonly reader: TableReader },
  row: LakeTableRow,
): Promise<TableBase> {
  const files = tableFiles(context.lakeFiles, row.dataset_id)
  const metadata = await context.reader.metadata(files, row.metadata_file, row.metadata_sha256 ?? undefined)
  return { row, definition: definitionOf(row), files, metadata }
}
