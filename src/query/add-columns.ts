import { AppError } from '#base/errors.ts'
import { updateDataset } from '#metadata/datasets.ts'
import { findTable, unknownTable } from './catalogue.ts'
import type { Statement } from './query.ts'
import type { Scope } from './scope.ts'

/** New columns at the end of a table that a statement made; rows there are have NULL in them. */
export async function addColumns(
  scope: Scope,
  { table, columns }: Extract<Statement, { readonly kind: 'addColumns' }>,
): Promise<void> {
  const { services, caller, journal, signal } = scope
  const dataset = await findTable(scope, table.parts)
  if (!dataset) throw unknownTable(table)
  await services.access.require({
    principal: caller.principal,
    permission: 'datasets.manage',
    sandboxId: caller.sandbox.id,
    datasetId: dataset.id,
  })
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
  await services.lake.evolve({
    tableId: dataset.tableId,
    changes: columns.map(({ name, type }) => ({ kind: 'add', name, type })),
    within: async (tx, { schema }) => {
      await journal.assertHeld(tx)
      await updateDataset(tx, dataset.id, {
        columns: JSON.stringify(schema),
        version: dataset.version + 1,
        updated_at: services.clock.now(),
        updated_by: caller.principal.id,
      })
    },
    signal,
  })
}
