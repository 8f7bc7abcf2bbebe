import { requireWritable } from '#datasets/require-writable.ts'
import { findTable } from '../names/find-table.ts'
import type { StatementOf } from '../query.ts'
import { requireManage } from '../names/rights.ts'
import type { Scope } from '../scope.ts'
import { unknownTable, unlessDropped } from '../names/unknown-table.ts'

/** New columns at the end of a table that a statement made; rows there are have NULL in them. */
export async function addColumns(scope: Scope, { table, columns }: StatementOf<'addColumns'>): Promise<void> {
  const { services, caller, journal, step } = scope
  const dataset = await findTable(scope, table.parts)
  if (!dataset) throw await unknownTable(scope, table)
  await requireManage(scope, dataset)
  requireWritable(dataset)
  const known = new Set(dataset.schema.fields.map(({ name }) => name.toLowerCase()))
  // An earlier attempt of this run did it.
  if (journal.wasBegun(step) && columns.every(({ name }) => known.has(name.toLowerCase()))) return
  await unlessDropped(scope, table, () =>
    services.metadata.transaction(async (tx) => {
      await journal.assertHeld(tx)
      await services.datasets.addColumns(tx, caller, { datasetId: dataset.id, columns })
    }),
  )
}
