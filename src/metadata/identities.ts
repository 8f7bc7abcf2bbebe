import {
  type ColumnType,
  type Generated,
  type Insertable,
  type Selectable,
  sql,
  type Updateable,
} from 'kysely'
import type { PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface IdentityTables {
  descriptors: {
    sandbox_id: SandboxId
    id: string
    type: string
    source_schema: string
    /** `/a/b`; several joined by a comma. */
    source_property: string
    document: ColumnType<unknown, string, string>
    revision: number
    created_at: Date
    created_by: PrincipalId
    updated_at: Date
    updated_by: PrincipalId
  }
  identity_namespaces: {
    sandbox_id: SandboxId
    id: Generated<number>
    code: string
    name: string
    description: string
    id_type: string
    created_at: Date
    updated_at: Date
    created_by: PrincipalId
  }
}

export type DescriptorRow = Selectable<IdentityTables['descriptors']>
export type NamespaceRow = Selectable<IdentityTables['identity_namespaces']>

/** False when the sandbox has one of this type on this property already. */
export async function insertDescriptor(
  db: Db,
  row: Insertable<IdentityTables['descriptors']>,
): Promise<boolean> {
  const result = await db
    .insertInto('descriptors')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export async function updateDescriptor(
  tx: Transaction,
  { sandboxId, id }: { readonly sandboxId: SandboxId; readonly id: string },
  change: Updateable<IdentityTables['descriptors']>,
): Promise<void> {
  await tx
    .updateTable('descriptors')
    .set(change)
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .execute()
}

export async function selectDescriptor(
  db: Db,
  sandboxId: SandboxId,
  id: string,
): Promise<DescriptorRow | undefined> {
  return await db
    .selectFrom('descriptors')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** In order of creation; of the schemas named, or all. */
export async function selectDescriptors(
  db: Db,
  sandboxId: SandboxId,
  schemaIds?: readonly string[],
): Promise<DescriptorRow[]> {
  let query = db.selectFrom('descriptors').selectAll().where('sandbox_id', '=', sandboxId)
  if (schemaIds !== undefined) {
    if (schemaIds.length === 0) return []
    query = query.where('source_schema', 'in', schemaIds)
  }
  return await query.orderBy('created_at').orderBy('id').execute()
}

export async function countDescriptors(db: Db, sandboxId: SandboxId): Promise<number> {
  const row = await db
    .selectFrom('descriptors')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('sandbox_id', '=', sandboxId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function deleteDescriptor(tx: Transaction, sandboxId: SandboxId, id: string): Promise<void> {
  await tx.deleteFrom('descriptors').where('sandbox_id', '=', sandboxId).where('id', '=', id).execute()
}

export async function deleteDescriptorsOf(
  tx: Transaction,
  sandboxId: SandboxId,
  schemaId: string,
): Promise<void> {
  await tx
    .deleteFrom('descriptors')
    .where('sandbox_id', '=', sandboxId)
    .where('source_schema', '=', schemaId)
    .execute()
}

/** The row made, or undefined when the sandbox has the code already, whatever its case. */
export async function insertNamespace(
  db: Db,
  row: Insertable<IdentityTables['identity_namespaces']>,
): Promise<NamespaceRow | undefined> {
  return await db
    .insertInto('identity_namespaces')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
}

export async function updateNamespace(
  db: Db,
  { sandboxId, id }: { readonly sandboxId: SandboxId; readonly id: number },
  change: { readonly name: string; readonly description: string; readonly updated_at: Date },
): Promise<NamespaceRow | undefined> {
  return await db
    .updateTable('identity_namespaces')
    .set(change)
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirst()
}

export async function selectNamespaces(db: Db, sandboxId: SandboxId): Promise<NamespaceRow[]> {
  return await db
    .selectFrom('identity_namespaces')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('id')
    .execute()
}

/** By id or code, whatever the code's case. */
export async function selectNamespace(
  db: Db,
  sandboxId: SandboxId,
  key: { readonly id: number } | { readonly code: string },
): Promise<NamespaceRow | undefined> {
  const query = db.selectFrom('identity_namespaces').selectAll().where('sandbox_id', '=', sandboxId)
  return await (
    'id' in key
      ? query.where('id', '=', key.id)
      : query.where(sql<boolean>`lower(code) = ${key.code.toLowerCase()}`)
  ).executeTakeFirst()
}
