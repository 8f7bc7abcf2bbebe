import { sparkName, type Field } from '#types/data-type.ts'
import { loadCatalogue } from '../names/catalogue.ts'
import { shownFields, viewColumns } from '../rows/plan-query.ts'
import type { Statement } from '../query.ts'
import type { Scope } from '../scope.ts'
import { textColumns } from '../static-rows.ts'
import { unknownTable } from '../names/unknown-table.ts'

export const describeColumns = textColumns('Column', 'Type')

/** Columns of a table or view, with the types as the dialect writes them. */
export async function describeTable(
  scope: Scope,
  { table }: Extract<Statement, { readonly kind: 'describe' }>,
): Promise<{ readonly columns: readonly Field[]; readonly rows: readonly (readonly string[])[] }> {
  const catalogue = await loadCatalogue(scope, [table])
  const view = catalogue.view?.(table.parts)
  const stored = catalogue.table(table.parts)?.columns.fields
  if (!view && !stored) throw await unknownTable(scope, table)
  const fields = view ? await viewColumns(scope, view) : shownFields(scope, stored ?? [])
  return { columns: describeColumns, rows: fields.map(({ name, type }) => [name, sparkName(type)]) }
}
