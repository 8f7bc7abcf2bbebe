import { type ColumnType, type Generated, type Insertable, type Selectable, sql } from 'kysely'
import type { BatchId, DatasetId, PrincipalId, SandboxId, TableId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'

export interface DatasetTables {
  schemas: {
    id: string
    sandbox_id: SandboxId
    alt_id: string
    title: string
    version: string
    document: Json
    columns: Json
    is_ad_hoc: boolean
    created_at: Date
    created_by: PrincipalId
  }
  datasets: {
    id: DatasetId
    sandbox_id: SandboxId
    name: string
    description: string
    table_name: string
    table_id: TableId
    schema_id: string
    columns: Json
    /** Paths of fields that no row may leave out, as arrays of names; below a missing parent nothing is asked. */
    required_fields: Json
    behavior: 'time-series' | 'record' | 'adhoc'
    tags: Json
    version: number
    created_at: Date
    updated_at: Date
    created_by: PrincipalId
    deleted_at: Date | null
  }
  batches: {
    id: BatchId
    dataset_id: DatasetId
    sandbox_id: SandboxId
    state: BatchRowState
    format: 'parquet' | 'json' | 'csv' | 'sql'
    partial_ingestion_percentage: Generated<number>
    /** Uploads that were begun: the last number given to a stored file. */
    files_begun: Generated<number>
    created_at: Date
    updated_at: Date
    completed_at: Date | null
    record_count: BigInteger
    failed_record_count: BigInteger
    bytes: BigInteger
    errors: Json
    tags: Json
    created_by: PrincipalId | null
  }
  batch_files: {
    batch_id: BatchId
    number: number
    file_name: string
    bytes: BigInteger
    sha256: string
  }
}

/** Parsed when read; text when written, because the driver would write an array as a PostgreSQL one. */
type Json = ColumnType<unknown, string, string>
/** PostgreSQL's `bigint`, which the driver gives as text. */
type BigInteger = ColumnType<string, number, number>

export type BatchRowState = 'loading' | 'queued' | 'processing' | 'success' | 'failed' | 'aborted'
export type SchemaRow = Selectable<DatasetTables['schemas']>
export type DatasetRow = Selectable<DatasetTables['datasets']>

/** False when the sandbox has such an id or title already. */
export async function insertSchema(db: Db, row: Insertable<DatasetTables['schemas']>): Promise<boolean> {
  const result = await db
    .insertInto('schemas')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return result.numInsertedOrUpdatedRows === 1n
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

/** Makes table names be chosen one after the other in a sandbox, until the transaction ends. */
export async function lockTableNames(tx: Transaction, sandboxId: SandboxId): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`table names of ${sandboxId}`}, 0))`.execute(tx)
}

/** Which of the names are taken. */
export async function selectTakenTableNames(
  db: Db,
  sandboxId: SandboxId,
  names: readonly string[],
): Promise<Set<string>> {
  const rows = await db
    .selectFrom('datasets')
    .select('table_name')
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .where('table_name', 'in', names)
    .execute()
  return new Set(rows.map((row) => row.table_name))
}

export async function insertDataset(db: Db, row: Insertable<DatasetTables['datasets']>): Promise<void> {
  await db.insertInto('datasets').values(row).execute()
}

export async function selectDataset(
  db: Db,
  sandboxId: SandboxId,
  datasetId: DatasetId,
): Promise<DatasetRow | undefined> {
  return await db
    .selectFrom('datasets')
    .selectAll()
    .where('id', '=', datasetId)
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** Table names go before names before ids; of several datasets with one name the oldest. */
export async function selectDatasetByName(
  db: Db,
  sandboxId: SandboxId,
  name: string,
): Promise<DatasetRow | undefined> {
  const tableName = name.toLowerCase()
  return await db
    .selectFrom('datasets')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .where((where) =>
      where.or([
        where('table_name', '=', tableName),
        where('name', '=', name),
        where('id', '=', name as DatasetId),
      ]),
    )
    .orderBy(sql`table_name <> ${tableName}`)
    .orderBy(sql`name <> ${name}`)
    .orderBy('created_at')
    .limit(1)
    .executeTakeFirst()
}

/** Newest first. */
export async function selectDatasets(
  db: Db,
  sandboxId: SandboxId,
  page: { readonly limit: number; readonly start: number; readonly name?: string },
): Promise<DatasetRow[]> {
  let query = db
    .selectFrom('datasets')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
  if (page.name !== undefined) query = query.where('name', '=', page.name)
  return await query
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(page.limit)
    .offset(page.start)
    .execute()
}

/** In order of table names. */
export async function selectTables(db: Db, sandboxId: SandboxId): Promise<DatasetRow[]> {
  return await db
    .selectFrom('datasets')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .orderBy('table_name')
    .execute()
}

/** False when it was gone already. */
export async function markDatasetDeleted(
  db: Db,
  sandboxId: SandboxId,
  datasetId: DatasetId,
  at: Date,
): Promise<boolean> {
  const result = await db
    .updateTable('datasets')
    .set({ deleted_at: at, updated_at: at })
    .where('id', '=', datasetId)
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
}

/** The sandbox of a dataset that is not deleted; no delete gets between until the transaction ends. */
export async function selectDatasetSandbox(
  tx: Transaction,
  datasetId: DatasetId,
): Promise<SandboxId | undefined> {
  const row = await tx
    .selectFrom('datasets')
    .select('sandbox_id')
    .where('id', '=', datasetId)
    .where('deleted_at', 'is', null)
    .forShare()
    .executeTakeFirst()
  return row?.sandbox_id
}
