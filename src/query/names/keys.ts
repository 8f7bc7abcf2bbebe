import { AppError } from '#base/errors.ts'
import type { NewKey } from '#datasets/table-keys.ts'
import type { TableName } from '#sql/compile.ts'
import type { Definition } from '#sql/definition.ts'
import { findTable } from './find-table.ts'
import { requireManage } from './rights.ts'
import type { Scope } from '../scope.ts'
import { unknownTable } from './unknown-table.ts'

type DefinitionOf<K extends Definition['kind']> = Extract<Definition, { readonly kind: K }>

export async function addKey(scope: Scope, { table, key }: DefinitionOf<'addKey'>): Promise<void> {
  const { services, caller } = scope
  const dataset = await managedTable(scope, table)
  await services.keys.add(caller, dataset, await newKey(scope, key))
}

export async function dropKey(scope: Scope, { table, key }: DefinitionOf<'dropKey'>): Promise<void> {
  const { services, caller } = scope
  const dataset = await managedTable(scope, table)
  try {
    await services.keys.drop(caller, dataset, key)
  } catch (error) {
    // An earlier attempt of this run did it.
    const isUnknown = error instanceof AppError && error.code === 'query.unknown'
    if (!isUnknown || !scope.journal.wasBegun(scope.step)) throw error
  }
}

/** The label is kept with the table; profiles are not made of it. */
export async function changeLabel(
  scope: Scope,
  { table, label, isAdded }: DefinitionOf<'changeLabel'>,
): Promise<void> {
  const { services, caller } = scope
  const dataset = await managedTable(scope, table)
  await services.datasets.update(caller, dataset.id, (current) => {
    const others = (current.tags[labelsTag] ?? []).filter((one) => one !== label)
    return { ...current, tags: { ...current.tags, [labelsTag]: isAdded ? [...others, label] : others } }
  })
}

/** On datasets that statements gave the labels PROFILE and UPSERT. */
export const labelsTag = 'sluice/labels'

export async function newKey(scope: Scope, key: DefinitionOf<'addKey'>['key']): Promise<NewKey> {
  if (key.kind !== 'foreignKey') return key
  const referenced = await findTable(scope, key.table.parts)
  if (!referenced) throw await unknownTable(scope, key.table)
  return {
    kind: key.kind,
    columns: key.columns,
    referenced: { dataset: referenced, columns: key.referenced },
  }
}

async function managedTable(scope: Scope, table: TableName) {
  const dataset = await findTable(scope, table.parts)
  if (!dataset) throw await unknownTable(scope, table)
  await requireManage(scope, dataset)
  return dataset
}
