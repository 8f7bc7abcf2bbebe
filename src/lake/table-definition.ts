import { AppError } from '#base/errors.ts'
import type { DatasetId, TableId } from '#base/ids.ts'
import { type LakeTableRow, selectLakeTable } from '#metadata/lake.ts'
import type { Db } from '#metadata/metadata.ts'
import { type DataType, type StructType, structType } from '#types/data-type.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import { systemColumns } from './system-columns.ts'

/** What stays the same of a table for its whole life. */
export interface TableDefinition {
  readonly id: TableId
  readonly datasetId: DatasetId
  /** The user's columns, as declared. */
  readonly schema: StructType
  readonly dayColumn: string | undefined
  readonly clusterBy: readonly string[]
}

export function definitionOf(row: LakeTableRow): TableDefinition {
  return {
    id: row.id,
    datasetId: row.dataset_id,
    schema: structTypeFromJson(row.columns),
    dayColumn: row.day_column ?? undefined,
    clusterBy: row.cluster_by,
  }
}

/** User and system columns. */
export function allColumns(schema: StructType): StructType {
  return structType([...schema.fields, ...systemColumns.fields])
}

/** @throws AppError 'dataset.unknown' */
export async function knownTable(db: Db, tableId: TableId): Promise<LakeTableRow> {
  return known(await selectLakeTable(db, tableId), tableId)
}

/** @throws AppError 'dataset.unknown' */
export function known(row: LakeTableRow | undefined, tableId: TableId): LakeTableRow {
  if (row) return row
  throw new AppError('dataset.unknown', `There is no table ${tableId}.`, {
    hint: 'Its dataset may have been deleted meanwhile.',
  })
}

/** @throws AppError 'schema.invalid' for columns that the lake cannot tell apart or hold. */
export function checkColumns(schema: StructType, dayColumn: string | undefined): void {
  checkNames(allColumns(schema), '')
  if (schema.fields.length === 0) {
    throw new AppError('schema.invalid', 'A table needs at least one column.')
  }
  if (dayColumn === undefined) return
  const type = schema.fields.find((field) => field.name === dayColumn)?.type
  if (type?.kind !== 'timestamp' && type?.kind !== 'timestamp_ntz' && type?.kind !== 'date') {
    throw new AppError(
      'schema.invalid',
      `The table is to be partitioned by the day of ${JSON.stringify(dayColumn)}, which is no top-level timestamp or date.`,
    )
  }
}

/** The engine does not tell apart names that differ only by case. */
function checkNames(type: DataType, path: string): void {
  if (type.kind === 'array') checkNames(type.element, path)
  if (type.kind === 'map') {
    checkNames(type.key, path)
    checkNames(type.value, path)
  }
  if (type.kind !== 'struct') return
  const seen = new Set<string>()
  for (const field of type.fields) {
    const folded = field.name.toLowerCase()
    if (field.name === '' || seen.has(folded)) {
      throw new AppError(
        'schema.invalid',
        `The name ${JSON.stringify(path + field.name)} is empty, or there is another that differs only by case.`,
        { hint: 'Rename one of the two.' },
      )
    }
    seen.add(folded)
    checkNames(field.type, `${path}${field.name}.`)
  }
}
