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
import { lockName } from './lock-name.ts'

export interface SchemaTables {
  /** Schemas, classes, field groups and data types of the customer. */
  schemas: {
    id: string
    sandbox_id: SandboxId
    alt_id: string
    resource_type: ColumnType<ResourceType, ResourceType | undefined, never>
    title: string
    version: string
    /** Stored changes so far. */
    revision: ColumnType<number, number | undefined, number>
    document: Json
    /** Of a schema. */
    columns: ColumnType<unknown, string | null, string | null>
    /** Paths of fields that no row may leave out, as arrays of names. */
    required: ColumnType<unknown, string | undefined, string>
    /** What values must be beyond their type, as a list. */
    constraints: ColumnType<unknown, string | undefined, string>
    /** `meta:extends`. */
    extends: ColumnType<string[], string[] | undefined, string[]>
    /** Ids of the customer's own resources it refers to, also through others. */
    uses: ColumnType<string[], string[] | undefined, string[]>
    class_id: string | null
    is_ad_hoc: boolean
    is_union: ColumnType<boolean, boolean | undefined, boolean>
    created_at: Date
    created_by: PrincipalId
    updated_at: Date
    updated_by: PrincipalId
  }
  schema_changes: {
    number: Generated<string>
    sandbox_id: SandboxId
    schema_id: string
    revision: number
    resource_type: ResourceType
    action: 'create' | 'update' | 'delete'
    at: Date
    principal_id: PrincipalId
    changes: Json
    document: Json
  }
}

/** Parsed when read; text when written, because the driver would write an array as a PostgreSQL one. */
type Json = ColumnType<unknown, string, string>
type ResourceType = 'schemas' | 'classes' | 'mixins' | 'datatypes'

export type SchemaRow = Selectable<SchemaTables['schemas']>
export type SchemaChangeRow = Selectable<SchemaTables['schema_changes']>

/** Makes changes of a sandbox's registry happen one after the other, until the transaction ends. */
export async function lockRegistry(tx: Transaction, sandboxId: SandboxId): Promise<void> {
  await lockName(tx, `registry of ${sandboxId}`)
}

/** False when the sandbox has such an id or title already. */
export async function insertSchema(db: Db, row: Insertable<SchemaTables['schemas']>): Promise<boolean> {
  const result = await db
    .insertInto('schemas')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

export async function updateSchema(
  tx: Transaction,
  { sandboxId, id }: { readonly sandboxId: SandboxId; readonly id: string },
  change: Updateable<SchemaTables['schemas']>,
): Promise<void> {
  await tx
    .updateTable('schemas')
    .set(change)
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .execute()
}

export async function deleteSchema(tx: Transaction, sandboxId: SandboxId, id: string): Promise<void> {
  await tx.deleteFrom('schemas').where('sandbox_id', '=', sandboxId).where('id', '=', id).execute()
}

/** By `$id` or `meta:altId`. */
export async function selectSchema(db: Db, sandboxId: SandboxId, id: string): Promise<SchemaRow | undefined> {
  return await db
    .selectFrom('schemas')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where((where) => where.or([where('id', '=', id), where('alt_id', '=', id)]))
    .executeTakeFirst()
}

/** As `selectSchema`; nobody changes it until the transaction ends. */
/** The id of the schema somebody made and called so. */
export async function selectSchemaIdByTitle(
  db: Db,
  sandboxId: SandboxId,
  title: string,
): Promise<string | undefined> {
  const row = await db
    .selectFrom('schemas')
    .select('id')
    .where('sandbox_id', '=', sandboxId)
    .where('resource_type', '=', 'schemas')
    .where('is_ad_hoc', '=', false)
    .where('title', '=', title)
    .executeTakeFirst()
  return row?.id
}

export async function lockSchema(
  tx: Transaction,
  sandboxId: SandboxId,
  { id, mode }: { readonly id: string; readonly mode: 'share' | 'update' },
): Promise<SchemaRow | undefined> {
  const query = tx
    .selectFrom('schemas')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where((where) => where.or([where('id', '=', id), where('alt_id', '=', id)]))
  return await (mode === 'share' ? query.forShare() : query.forUpdate()).executeTakeFirst()
}

export async function selectSchemasByIds(
  db: Db,
  sandboxId: SandboxId,
  ids: readonly string[],
): Promise<SchemaRow[]> {
  if (ids.length === 0) return []
  return await db
    .selectFrom('schemas')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('id', 'in', ids)
    .execute()
}

/** Those that are no ad hoc schemas of single tables, and with `withAdHoc` also these. */
export async function selectSchemasOfType(
  db: Db,
  sandboxId: SandboxId,
  { types, withAdHoc = true }: { readonly types: readonly ResourceType[]; readonly withAdHoc?: boolean },
): Promise<SchemaRow[]> {
  let query = db
    .selectFrom('schemas')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('resource_type', 'in', types)
  if (!withAdHoc) query = query.where('is_ad_hoc', '=', false)
  return await query.orderBy('updated_at').orderBy('id').execute()
}

export async function selectUnionSchemas(db: Db, sandboxId: SandboxId): Promise<SchemaRow[]> {
  return await db
    .selectFrom('schemas')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('is_union', '=', true)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Resources that refer to this one, also through others; nobody changes them until the transaction ends. */
export async function lockSchemasUsing(
  tx: Transaction,
  sandboxId: SandboxId,
  id: string,
): Promise<SchemaRow[]> {
  return await tx
    .selectFrom('schemas')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where(sql<boolean>`uses @> array[${id}]`)
    .orderBy('id')
    .forUpdate()
    .execute()
}

/** Which of the schemas a dataset that is not deleted refers to. */
export async function selectSchemasWithDatasets(
  db: Db,
  sandboxId: SandboxId,
  ids: readonly string[],
): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  const rows = await db
    .selectFrom('datasets')
    .select('schema_id')
    .distinct()
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .where('schema_id', 'in', ids)
    .execute()
  return new Set(rows.map((row) => row.schema_id))
}

export async function countSchemas(db: Db, sandboxId: SandboxId): Promise<number> {
  const row = await db
    .selectFrom('schemas')
    .select((select) => select.fn.countAll<string>().as('count'))
    .where('sandbox_id', '=', sandboxId)
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function insertSchemaChange(
  tx: Transaction,
  row: Insertable<SchemaTables['schema_changes']>,
): Promise<void> {
  await tx.insertInto('schema_changes').values(row).execute()
}

/** Newest first. */
export async function selectSchemaChanges(
  db: Db,
  sandboxId: SandboxId,
  filter: { readonly id?: string; readonly limit: number },
): Promise<SchemaChangeRow[]> {
  let query = db.selectFrom('schema_changes').selectAll().where('sandbox_id', '=', sandboxId)
  if (filter.id !== undefined) query = query.where('schema_id', '=', filter.id)
  return await query.orderBy('number', 'desc').limit(filter.limit).execute()
}
