import { loadCatalogue, unknownTable } from './catalogue.ts'
import { describeQuery } from './plan-query.ts'
import type { Statement } from './query.ts'
import type { Scope } from './scope.ts'
import { textColumns } from './static-rows.ts'
import { sparkName, type Field } from '#types/data-type.ts'

export const describeColumns = textColumns('Column', 'Type')

/** Columns of a table or view, with the types as the dialect writes them. */
export async function describeTable(
  scope: Scope,
  { table }: Extract<Statement, { readonly kind: 'describe' }>,
): Promise<{ readonly columns: readonly Field[]; readonly rows: readonly (readonly string[])[] }> {
  const catalogue = await loadCatalogue(scope, [table])
  const view = catalogue.view?.(table.parts)
  const fields = view
    ? (await describeQuery(scope, view, [])).columns
    : catalogue.table(table.parts)?.columns.fields
  if (!fields) throw await unknownTable(scope, table)
  return { columns: describeColumns, rows: fields.map(({ name, type }) => [name, sparkName(type)]) }
}
