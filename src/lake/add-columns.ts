import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import type { TableId } from '#base/ids.ts'
import { deleteOpenLakeWrite, insertLakeRemoval, lockLakeTable } from '#metadata/lake.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { DataType, StructType } from '#types/data-type.ts'
import { extendColumns } from '#types/extend-columns.ts'
import { recordChange, writeNext } from './commit.ts'
import { schemaChange } from './evolve.ts'
import type { SchemaChange } from './evolve-schema.ts'
import type { LakeContext } from './lake-context.ts'
import { baseOf } from './table-base.ts'
import { known } from './table-definition.ts'

/**
 * Gives a table, in the caller's transaction, what a newer schema has and it has not. The table stays locked until that
 * transaction ends, so nothing can overtake; its turn in this process is not taken, because whoever has it may be
 * waiting for that lock. The new metadata file is on the disk before the pointer moves. When the transaction is undone,
 * the record of the write, made outside of it, is there for the sweep.
 * @throws AppError 'schema.invalid', 'dataset.unknown'
 */
export async function addColumns(
  context: LakeContext,
  tx: Transaction,
  { tableId, schema }: { readonly tableId: TableId; readonly schema: StructType },
): Promise<StructType> {
  const { clock, writes } = context
  const row = known(await lockLakeTable(tx, tableId), tableId)
  const base = await baseOf(context, row)
  const before = base.definition.schema
  const changes = additions(before, extendColumns(before, schema), [])
  if (changes.length === 0) return before
  const change = schemaChange(base, changes)
  const write = await writes.begin(base.definition)
  try {
    const next = await writeNext(context, base, change, write.id)
    await faultPoint('lake.commit.before')
    await recordChange(context, tx, { row, change, next, writeId: write.id })
    if (next?.forgottenFile !== undefined) {
      await insertLakeRemoval(tx, {
        id: write.id,
        table_id: tableId,
        dataset_id: row.dataset_id,
        names: JSON.stringify([next.forgottenFile]),
        created_at: clock.now(),
      })
    }
  } catch (error) {
    await write.discard()
    throw error
  }
  // From here on the transaction may hold the record of the write, and nobody but the sweep removes the file.
  write.leave()
  if (await deleteOpenLakeWrite(tx, write.id)) return change.definition.schema
  throw new AppError('lake.conflict', 'The change took so long that it was given up.', { hint: 'Try again.' })
}

/** What is new, at any depth; all that was there is there again. */
function additions(before: DataType, after: DataType, path: readonly string[]): SchemaChange[] {
  if (before.kind === 'array' && after.kind === 'array') {
    return additions(before.element, after.element, [...path, 'element'])
  }
  if (before.kind === 'map' && after.kind === 'map') {
    return additions(before.value, after.value, [...path, 'value'])
  }
  if (before.kind !== 'struct' || after.kind !== 'struct') return []
  return after.fields.flatMap((field): SchemaChange[] => {
    const old = before.fields.find((candidate) => candidate.name === field.name)
    return old
      ? additions(old.type, field.type, [...path, field.name])
      : [{ kind: 'add', parent: path, name: field.name, type: field.type }]
  })
}
