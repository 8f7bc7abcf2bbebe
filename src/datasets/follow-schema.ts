import type { Clock } from '#base/clock.ts'
import type { Lake } from '#lake/lake.ts'
import { lockDatasetsOf, updateDataset } from '#metadata/datasets.ts'
import type { ColumnsAdded } from '#schemas/schemas.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import { sameType } from '#types/data-type.ts'
import { extendColumns } from '#types/extend-columns.ts'

/**
 * When a schema gains fields, so do the datasets that use it, and their tables: in one transaction, or none. Datasets
 * are locked before their tables, each in the order of their ids, as by everybody.
 */
export function followSchema({ lake, clock }: { readonly lake: Lake; readonly clock: Clock }): ColumnsAdded {
  return async (tx, caller, schema) => {
    for (const dataset of await lockDatasetsOf(tx, caller.sandbox.id, schema.id)) {
      const before = structTypeFromJson(dataset.columns)
      const isWider = !sameType(before, extendColumns(before, schema.columns))
      const required = JSON.stringify(schema.required)
      const constraints = JSON.stringify(schema.constraints)
      const isSame =
        required === JSON.stringify(dataset.required_fields) &&
        constraints === JSON.stringify(dataset.constraints)
      if (!isWider && isSame) continue
      const columns = isWider
        ? await lake.addColumns(tx, { tableId: dataset.table_id, schema: schema.columns })
        : before
      await updateDataset(tx, dataset.id, {
        columns: JSON.stringify(columns),
        required_fields: required,
        constraints,
        version: dataset.version + 1,
        updated_at: clock.now(),
        updated_by: caller.principal.id,
      })
    }
  }
}
