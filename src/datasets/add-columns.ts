import type { Caller } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Lake } from '#lake/lake.ts'
import { lockDataset, lockDatasetsOf, updateDataset } from '#metadata/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Schemas } from '#schemas/schemas.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import { type Field, structType } from '#types/data-type.ts'
import { tableColumns } from './columns.ts'

export interface AddedColumns {
  readonly datasetId: DatasetId
  readonly columns: readonly Field[]
}

/**
 * New columns at the end of a table whose schema was generated from its columns: dataset, schema and table change
 * together. The dataset is locked before its table, as by everybody. False: there is no such dataset.
 * @throws AppError 'schema.conflict' for a column there is, or when the table follows a schema somebody made
 */
export async function addColumns(
  { schemas, lake, clock }: { readonly schemas: Schemas; readonly lake: Lake; readonly clock: Clock },
  tx: Transaction,
  { caller, datasetId, columns }: AddedColumns & { readonly caller: Caller },
): Promise<boolean> {
  const dataset = await lockDataset(tx, caller.sandbox.id, datasetId)
  if (!dataset) return false
  const before = structTypeFromJson(dataset.columns)
  const known = new Set(before.fields.map(({ name }) => name.toLowerCase()))
  const taken = columns.find(({ name }) => known.has(name.toLowerCase()))
  if (taken) {
    throw new AppError('schema.conflict', `There is a column ${JSON.stringify(taken.name)} already.`, {
      hint: 'Choose another name.',
    })
  }
  const wanted = tableColumns(structType([...before.fields, ...columns]))
  const sharing = await lockDatasetsOf(tx, caller.sandbox.id, dataset.schema_id)
  if (sharing.length > 1) {
    throw new AppError('schema.conflict', `${sharing.length} datasets have the schema of this table.`, {
      hint: 'Change the schema; the tables follow.',
    })
  }
  await schemas.changeColumns(tx, caller, { id: dataset.schema_id, columns: wanted })
  const schema = await lake.addColumns(tx, { tableId: dataset.table_id, schema: wanted })
  await updateDataset(tx, dataset.id, {
    columns: JSON.stringify(schema),
    version: dataset.version + 1,
    updated_at: clock.now(),
    updated_by: caller.principal.id,
  })
  return true
}
