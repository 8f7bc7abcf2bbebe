import type { Caller } from '#access/access.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { LakeTable } from '#lake/lake.ts'
import { lockDataset, lockDatasetsOf, updateDataset } from '#metadata/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Schemas } from '#schemas/schemas.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import { sameType } from '#types/data-type.ts'
import { tableColumns } from './columns.ts'
import { unknownDataset } from './create-datasets.ts'

/**
 * When another engine changes the columns of a table, so do its dataset and the schema that was generated for it.
 * @throws AppError 'schema.conflict' when the dataset follows a schema of the registry; 'dataset.unknown' when it is gone
 */
export async function followTable(
  { schemas, clock }: { readonly schemas: Schemas; readonly clock: Clock },
  tx: Transaction,
  given: { readonly caller: Caller; readonly datasetId: DatasetId; readonly table: LakeTable },
): Promise<void> {
  const { caller, datasetId, table } = given
  const { sandbox, principal } = caller
  const dataset = await lockDataset(tx, sandbox.id, datasetId)
  if (!dataset) throw unknownDataset(datasetId)
  if (sameType(structTypeFromJson(dataset.columns), table.schema)) return
  const columns = tableColumns(table.schema)
  const sharing = await lockDatasetsOf(tx, sandbox.id, dataset.schema_id)
  if (sharing.length > 1) {
    throw new AppError('schema.conflict', `${sharing.length} datasets have the schema of this table.`, {
      hint: 'Change the schema; the tables follow.',
    })
  }
  await schemas.changeColumns(tx, caller, { id: dataset.schema_id, columns })
  await updateDataset(tx, dataset.id, {
    columns: JSON.stringify(columns),
    version: dataset.version + 1,
    updated_at: clock.now(),
    updated_by: principal.id,
  })
}
