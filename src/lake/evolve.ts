import type { TableUpdate } from './iceberg/table-update.ts'
import { schemaOf } from './iceberg/table-metadata.ts'
import type { Change } from './commit.ts'
import { evolveSchema, type SchemaChange } from './evolve-schema.ts'
import type { EvolveRequest, EvolveResult } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { runChange } from './run-write.ts'
import type { TableBase } from './table-base.ts'
import { definitionOf, knownTable } from './table-definition.ts'

/** Changes a table's columns; its files stay as they are. @throws AppError 'schema.invalid' */
export async function evolve(context: LakeContext, request: EvolveRequest): Promise<EvolveResult> {
  const { tableId, changes, first, within, signal } = request
  const table = definitionOf(await knownTable(context.metadata.db, tableId))
  let result: EvolveResult = { schema: table.schema }
  await runChange(context, table, {
    signal,
    first,
    within: within && (async (tx) => await within(tx, result)),
    build: async (base) => {
      const change = schemaChange(base, changes)
      result = { schema: change.definition.schema }
      return change
    },
  })
  return result
}

/** @throws AppError 'schema.invalid' */
export function schemaChange(
  { definition, metadata }: TableBase,
  changes: readonly SchemaChange[],
): Change & Required<Pick<Change, 'definition'>> {
  const struct = schemaOf(metadata)
  const before = { definition, struct, lastColumnId: metadata['last-column-id'] }
  const evolved = evolveSchema(before, changes)
  const fields = evolved.struct.fields.map((field) => ({ ...field }))
  const schema: TableUpdate[] =
    JSON.stringify(fields) === JSON.stringify(struct.fields)
      ? []
      : [
          { action: 'add-schema', schema: { type: 'struct', fields, 'schema-id': -1 } },
          { action: 'set-current-schema', 'schema-id': -1 },
        ]
  return {
    operation: 'alter',
    requirements: [
      { type: 'assert-current-schema-id', 'current-schema-id': metadata['current-schema-id'] },
      { type: 'assert-last-assigned-field-id', 'last-assigned-field-id': metadata['last-column-id'] },
    ],
    updates: [
      ...schema,
      {
        action: 'set-properties',
        updates: { 'sluice.columns': JSON.stringify(evolved.definition.schema) },
      },
    ],
    tryFiles: [],
    definition: evolved.definition,
  }
}
