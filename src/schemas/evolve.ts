import type { Caller } from '#access/access.ts'
import type { Transaction } from '#metadata/metadata.ts'
import {
  lockSchemasUsing,
  type SchemaRow,
  selectSchemasWithDatasets,
  updateSchema,
} from '#metadata/schemas.ts'
import { checkDocument, type Checked } from './check.ts'
import { resourceOf } from './document.ts'
import { invalidAt } from './errors.ts'
import { refuseIncompatible } from './evolution.ts'
import type { Json } from './json.ts'
import type { Registry } from './registry.ts'
import { type Lookup, resolveDocument } from './resolve.ts'
import { tenantOf } from './resource.ts'

/**
 * A changed resource changes every resource that contains it: their columns are made anew, and those of schemas in use
 * (by a dataset or a union) must keep what they have. Tables of datasets follow.
 * @throws AppError 'schema.evolution' listing all violations; 'schema.invalid' when the parts no longer fit together
 */
export async function spreadChange(
  registry: Registry,
  tx: Transaction,
  caller: Caller,
  {
    row,
    document,
    checked,
    lookup,
  }: { readonly row: SchemaRow; readonly document: Json; readonly checked: Checked; readonly lookup: Lookup },
): Promise<void> {
  const { sandbox } = caller
  const users = await lockSchemasUsing(tx, sandbox.id, row.id)
  const schemas = [row, ...users].filter((affected) => affected.resource_type === 'schemas')
  const withDatasets = await selectSchemasWithDatasets(
    tx,
    sandbox.id,
    schemas.map(({ id }) => id),
  )
  const isUsed = (affected: SchemaRow) => affected.is_union || withDatasets.has(affected.id)
  const follow = async (affected: SchemaRow, after: Checked): Promise<void> => {
    if (!after.columns || !withDatasets.has(affected.id)) return
    await registry.columnsAdded(tx, caller, { id: affected.id, ...after.columns })
  }

  const beforeLookup = await registry.lookup(tx, caller, [row, ...users].map(documentOf))
  if (row.resource_type === 'schemas' && isUsed(row)) {
    if ((checked.classId ?? null) !== row.class_id) {
      throw invalidAt('#/allOf', `the class of a schema in use cannot change from ${row.class_id ?? 'none'}`)
    }
    refuseIncompatible(resolveDocument(documentOf(row), beforeLookup), checked.resolved, row.title)
    await follow(row, checked)
  }

  const changed = resourceOf({ ...row, document }, sandbox).document
  const afterLookup: Lookup = {
    ...beforeLookup,
    document: (id) => (id === row.id ? changed : (beforeLookup.document(id) ?? lookup.document(id))),
  }
  for (const user of users) {
    const after = checkDocument(user.resource_type, documentOf(user), {
      lookup: afterLookup,
      tenant: tenantOf(sandbox.organizationId),
    })
    if (user.resource_type === 'schemas' && isUsed(user)) {
      refuseIncompatible(resolveDocument(documentOf(user), beforeLookup), after.resolved, user.title)
      await follow(user, after)
    }
    await updateSchema(
      tx,
      { sandboxId: sandbox.id, id: user.id },
      {
        columns: after.columns ? JSON.stringify(after.columns.columns) : null,
        required: JSON.stringify(after.columns?.required ?? []),
        constraints: JSON.stringify(after.columns?.constraints ?? []),
        extends: [...after.extends],
        uses: [...after.uses],
        class_id: after.classId ?? null,
      },
    )
  }
}

function documentOf(row: SchemaRow): Json {
  return row.document as Json
}
