import { type Insertable, type Selectable, sql } from 'kysely'
import type { DatasetId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

/** Databases and schemas of SQL: names under which datasets and views are grouped. Case does not matter in names. */
export interface DatabaseTables {
  sql_databases: {
    id: string
    sandbox_id: SandboxId
    name: string
    kind: 'ADLS' | 'QSACCEL'
    created_at: Date
    created_by: PrincipalId
  }
  sql_schemas: {
    id: string
    sandbox_id: SandboxId
    database_id: string
    name: string
    created_at: Date
    created_by: PrincipalId
  }
  /** What a schema refers to, by the name it has there. */
  sql_schema_members: {
    schema_id: string
    sandbox_id: SandboxId
    name: string
    dataset_id: DatasetId | null
    view_id: string | null
    /** Made in this schema: with the last reference it goes. */
    is_home: boolean
    created_at: Date
  }
}

export type DatabaseRow = Selectable<DatabaseTables['sql_databases']>

export interface SchemaRow {
  readonly id: string
  readonly name: string
  readonly database: string
  readonly kind: DatabaseRow['kind']
}

export interface MemberRow {
  readonly schemaId: string
  readonly schema: string
  readonly database: string
  readonly kind: DatabaseRow['kind']
  readonly name: string
  readonly datasetId: DatasetId | null
  readonly viewId: string | null
  readonly isHome: boolean
}

/** By name. */
export async function selectDatabases(db: Db, sandboxId: SandboxId): Promise<DatabaseRow[]> {
  return await db
    .selectFrom('sql_databases')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .orderBy('name')
    .execute()
}

export async function selectDatabase(
  db: Db,
  sandboxId: SandboxId,
  name: string,
): Promise<DatabaseRow | undefined> {
  return await db
    .selectFrom('sql_databases')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where(sql<boolean>`lower(name) = lower(${name})`)
    .executeTakeFirst()
}

/** By database and name. */
export async function selectSqlSchemas(
  db: Db,
  sandboxId: SandboxId,
  filter: { readonly database?: string; readonly name?: string } = {},
): Promise<SchemaRow[]> {
  const { database, name } = filter
  return await db
    .selectFrom('sql_schemas')
    .innerJoin('sql_databases', 'sql_databases.id', 'sql_schemas.database_id')
    .select([
      'sql_schemas.id',
      'sql_schemas.name',
      'sql_databases.name as database',
      'sql_databases.kind as kind',
    ])
    .where('sql_schemas.sandbox_id', '=', sandboxId)
    .$if(database !== undefined, (query) =>
      query.where(sql<boolean>`lower(sql_databases.name) = lower(${database ?? ''})`),
    )
    .$if(name !== undefined, (query) =>
      query.where(sql<boolean>`lower(sql_schemas.name) = lower(${name ?? ''})`),
    )
    .orderBy('sql_databases.name')
    .orderBy('sql_schemas.name')
    .execute()
}

export interface MemberFilter {
  readonly database?: string
  readonly schema?: string
  readonly name?: string
  readonly datasetId?: DatasetId
  readonly viewId?: string
}

/** Of datasets and views there are, by database, schema and name. */
export async function selectMembers(
  db: Db,
  sandboxId: SandboxId,
  filter: MemberFilter = {},
): Promise<MemberRow[]> {
  const { database, schema, name, datasetId, viewId } = filter
  return await db
    .selectFrom('sql_schema_members as member')
    .innerJoin('sql_schemas', 'sql_schemas.id', 'member.schema_id')
    .innerJoin('sql_databases', 'sql_databases.id', 'sql_schemas.database_id')
    .leftJoin('datasets', 'datasets.id', 'member.dataset_id')
    .select([
      'sql_schemas.id as schemaId',
      'sql_schemas.name as schema',
      'sql_databases.name as database',
      'sql_databases.kind as kind',
      'member.name as name',
      'member.dataset_id as datasetId',
      'member.view_id as viewId',
      'member.is_home as isHome',
    ])
    .where('member.sandbox_id', '=', sandboxId)
    .where('datasets.deleted_at', 'is', null)
    .$if(database !== undefined, (query) =>
      query.where(sql<boolean>`lower(sql_databases.name) = lower(${database ?? ''})`),
    )
    .$if(schema !== undefined, (query) =>
      query.where(sql<boolean>`lower(sql_schemas.name) = lower(${schema ?? ''})`),
    )
    .$if(name !== undefined, (query) => query.where(sql<boolean>`lower(member.name) = lower(${name ?? ''})`))
    .$if(datasetId !== undefined, (query) => query.where('member.dataset_id', '=', datasetId!))
    .$if(viewId !== undefined, (query) => query.where('member.view_id', '=', viewId!))
    .orderBy('sql_databases.name')
    .orderBy('sql_schemas.name')
    .orderBy('member.name')
    .execute()
}

/** False: the name is taken. */
export async function insertDatabase(
  tx: Transaction,
  row: Insertable<DatabaseTables['sql_databases']>,
): Promise<boolean> {
  const result = await tx
    .insertInto('sql_databases')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** False: the name is taken. */
export async function insertSqlSchema(
  tx: Transaction,
  row: Insertable<DatabaseTables['sql_schemas']>,
): Promise<boolean> {
  const result = await tx
    .insertInto('sql_schemas')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** False: the schema has something of that name. What a dropped dataset was called is free again. */
export async function insertMember(
  tx: Transaction,
  row: Insertable<DatabaseTables['sql_schema_members']>,
): Promise<boolean> {
  await tx
    .deleteFrom('sql_schema_members')
    .where('schema_id', '=', row.schema_id)
    .where(sql<boolean>`lower(name) = lower(${row.name})`)
    .where('dataset_id', 'in', (inner) =>
      inner.selectFrom('datasets').select('id').where('deleted_at', 'is not', null),
    )
    .execute()
  const result = await tx
    .insertInto('sql_schema_members')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
}

/** Nobody adds to the schema or drops it until the transaction ends. False: there is none. */
export async function lockSqlSchema(tx: Transaction, sandboxId: SandboxId, id: string): Promise<boolean> {
  const row = await tx
    .selectFrom('sql_schemas')
    .select('id')
    .where('id', '=', id)
    .where('sandbox_id', '=', sandboxId)
    .forUpdate()
    .executeTakeFirst()
  return row !== undefined
}

export async function deleteDatabase(tx: Transaction, sandboxId: SandboxId, id: string): Promise<void> {
  await tx.deleteFrom('sql_databases').where('id', '=', id).where('sandbox_id', '=', sandboxId).execute()
}

export async function deleteSqlSchema(tx: Transaction, sandboxId: SandboxId, id: string): Promise<void> {
  await tx.deleteFrom('sql_schemas').where('id', '=', id).where('sandbox_id', '=', sandboxId).execute()
}

export async function deleteMember(
  tx: Transaction,
  sandboxId: SandboxId,
  { schemaId, name }: { readonly schemaId: string; readonly name: string },
): Promise<void> {
  await tx
    .deleteFrom('sql_schema_members')
    .where('schema_id', '=', schemaId)
    .where('sandbox_id', '=', sandboxId)
    .where(sql<boolean>`lower(name) = lower(${name})`)
    .execute()
}

/** It is now the one made there. */
export async function updateHome(
  tx: Transaction,
  sandboxId: SandboxId,
  { schemaId, name }: { readonly schemaId: string; readonly name: string },
): Promise<void> {
  await tx
    .updateTable('sql_schema_members')
    .set({ is_home: true })
    .where('schema_id', '=', schemaId)
    .where('sandbox_id', '=', sandboxId)
    .where(sql<boolean>`lower(name) = lower(${name})`)
    .execute()
}
