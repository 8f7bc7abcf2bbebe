import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import { lockDatasetsOf, updateDataset } from '#metadata/datasets.ts'
import { structTypeFromJson } from '#types/data-type-json.ts'
import { structType } from '#types/data-type.ts'
import { findTable, unknownTable } from './catalogue.ts'
import type { Statement } from './query.ts'
import { requireManage } from './rights.ts'
import type { Scope } from './scope.ts'

/** New columns at the end of a table that a statement made; rows there are have NULL in them. */
export async function addColumns(
  scope: Scope,
  { table, columns }: Extract<Statement, { readonly kind: 'addColumns' }>,
): Promise<void> {
  const { services, caller, journal } = scope
  const dataset = await findTable(scope, table.parts)
  if (!dataset) throw unknownTable(table)
  await requireManage(scope, dataset)
  if (dataset.behavior !== 'adhoc') {
    throw new AppError('schema.evolution', 'The columns of this table follow its schema.', {
      position: table.position,
      hint: 'Add the fields to the schema in the schema registry.',
    })
  }
  const known = new Set(dataset.schema.fields.map(({ name }) => name.toLowerCase()))
  const taken = columns.find(({ name }) => known.has(name.toLowerCase()))
  if (taken) {
    // A run that is tried again finds its own columns.
    if (journal.mark) return
    throw new AppError('schema.conflict', `There is a column ${JSON.stringify(taken.name)} already.`, {
      position: table.position,
    })
  }
  await services.metadata.transaction(async (tx) => {
    await journal.assertHeld(tx)
    // The dataset before its table, as everybody locks them.
    const rows = await lockDatasetsOf(tx, caller.sandbox.id, dataset.schemaId)
    const row = must(
      rows.find(({ id }) => id === dataset.id),
      'a dataset is of its schema',
    )
    const before = structTypeFromJson(row.columns)
    const schema = await services.lake.addColumns(tx, {
      tableId: dataset.tableId,
      schema: structType([...before.fields, ...columns]),
    })
    await updateDataset(tx, dataset.id, {
      columns: JSON.stringify(schema),
      version: row.version + 1,
      updated_at: services.clock.now(),
      updated_by: caller.principal.id,
    })
  })
}
