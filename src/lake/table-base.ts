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
  const files = tableFiles(context.lakeFiles, row.dataset_id)
  try {
    const metadata = await context.reader.metadata(files, row.metadata_file)
    return { row, definition: definitionOf(row), files, metadata }
  } catch (error) {
    // A pointer that was just moved may name a file that is just being forgotten: then it is read once more.
    const newer = await knownTable(context.metadata.db, tableId)
    if (newer.metadata_file === row.metadata_file) throw error
    const metadata = await context.reader.metadata(files, newer.metadata_file)
    return { row: newer, definition: definitionOf(newer), files, metadata }
  }
}
