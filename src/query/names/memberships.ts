import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import {
  deleteMember,
  insertMember,
  lockSqlSchema,
  type MemberRow,
  type SchemaRow,
  selectMembers,
  updateHome,
} from '#metadata/databases.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { Definition } from '#sql/definition.ts'
import { findTable, findView } from './find-table.ts'
import { schemaNamed } from './names.ts'
import { requireGeneral, requireManage } from './rights.ts'
import type { Scope } from '../scope.ts'
import { unknownTable } from './unknown-table.ts'

/** What a schema refers to. */
export type Asset = { readonly datasetId: DatasetId } | { readonly viewId: string }

/** `ALTER TABLE | VIEW … ADD SCHEMA d.s` and `… REMOVE SCHEMA d.s`: rows stay where they are. */
export async function changeMembership(
  scope: Scope,
  { asset, schema, isAdded }: Extract<Definition, { readonly kind: 'changeMembership' }>,
): Promise<void> {
  const { services, journal, step } = scope
  await requireGeneral(scope, ['manage-datasets'])
  const dataset = await findTable(scope, asset.parts)
  if (dataset) await requireManage(scope, dataset)
  const view = dataset ? undefined : await findView(scope, asset.parts)
  const found: Asset | undefined = dataset ? { datasetId: dataset.id } : view && { viewId: view.id }
  if (!found) throw await unknownTable(scope, asset)
  const row = await schemaNamed(scope, schema)
  const name = asset.parts.at(-1) ?? ''
  const members = await membersOf(scope, services.metadata.db, found)
  const there = members.find((member) => member.schemaId === row.id)
  if (isAdded) {
    if (there) return
    await services.metadata.transaction(async (tx) => {
      await journal.assertHeld(tx)
      await addMember(scope, tx, { schema: row, name, asset: found, isHome: false })
    })
    return
  }
  if (!there) {
    if (journal.wasBegun(step)) return // An earlier attempt of this run did it.
    throw new AppError(
      'query.unknown_table',
      `${JSON.stringify(name)} is not in the schema ${row.database}.${row.name}.`,
      { position: asset.position, hint: `See where it is with SHOW DATAGROUPS FOR '${name}'.` },
    )
  }
  await services.metadata.transaction(async (tx) => {
    await journal.assertHeld(tx)
    await removeMember(scope, tx, there, found)
  })
}

/** @throws AppError 'dataset.exists' when the schema has that name already */
export async function addMember(
  { caller, services }: Scope,
  tx: Transaction,
  given: {
    readonly schema: SchemaRow
    readonly name: string
    readonly asset: Asset
    readonly isHome: boolean
  },
): Promise<void> {
  const { schema, name, asset, isHome } = given
  const isThere = await lockSqlSchema(tx, caller.sandbox.id, schema.id)
  if (!isThere) {
    throw new AppError('query.unknown_schema', `The schema ${schema.database}.${schema.name} was dropped.`)
  }
  const isNew = await insertMember(tx, {
    schema_id: schema.id,
    sandbox_id: caller.sandbox.id,
    name,
    dataset_id: 'datasetId' in asset ? asset.datasetId : null,
    view_id: 'viewId' in asset ? asset.viewId : null,
    is_home: isHome,
    created_at: services.clock.now(),
  })
  if (isNew) return
  throw new AppError(
    'dataset.exists',
    `There is a table or view ${JSON.stringify(name)} in ${schema.database}.${schema.name} already.`,
    { hint: 'Choose another name.' },
  )
}

/**
 * Takes a reference away. `last`: it was the last one to something that was made in a schema, which must go with it.
 * What is left of several takes its place as home.
 */
export async function removeMember(
  scope: Scope,
  tx: Transaction,
  member: MemberRow,
  asset: Asset,
): Promise<'left' | 'last'> {
  const { caller } = scope
  await lockSqlSchema(tx, caller.sandbox.id, member.schemaId)
  await deleteMember(tx, caller.sandbox.id, member)
  if (!member.isHome) return 'left'
  const [next] = await membersOf(scope, tx, asset)
  if (!next) return 'last'
  await updateHome(tx, caller.sandbox.id, next)
  return 'left'
}

/** Every reference to it. */
export async function membersOf(
  { caller }: Pick<Scope, 'caller'>,
  db: Parameters<typeof selectMembers>[0],
  asset: Asset,
): Promise<MemberRow[]> {
  return await selectMembers(db, caller.sandbox.id, asset)
}

/** @throws AppError 'schema.in_use' when schemas refer to it, so that it cannot be dropped by its own name */
export async function refuseReferenced(scope: Scope, asset: Asset, name: string): Promise<void> {
  const [member] = await membersOf(scope, scope.services.metadata.db, asset)
  if (!member) return
  throw new AppError(
    'schema.in_use',
    `${JSON.stringify(name)} is in the schema ${member.database}.${member.schema}.`,
    { hint: `Drop ${member.database}.${member.schema}.${member.name}, or take it out with REMOVE SCHEMA.` },
  )
}
