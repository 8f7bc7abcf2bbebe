import {
  type ColumnType,
  type Generated,
  type Insertable,
  type Selectable,
  sql,
  type Updateable,
} from 'kysely'
import { must } from '#base/assert.ts'
import type { BatchId, DatasetId, PrincipalId, SandboxId, TableId } from '#base/ids.ts'
import type { Db, Transaction } from './metadata.ts'
import { lockName } from './lock-name.ts'
import { preparedStatement } from './prepared.ts'

export interface DatasetTables {
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
    /** What values must be beyond their type, as a list. */
    constraints: ColumnType<unknown, string | undefined, string>
    behavior: 'time-series' | 'record' | 'adhoc'
    tags: Json
    version: number
    created_at: Date
    updated_at: Date
    created_by: PrincipalId
    deleted_at: Date | null
    /** What the Catalog keeps of it for its clients and does not act on. */
    properties: ColumnType<unknown, string | undefined, string>
    /** `{labels, optionalLabels}` */
    labels: ColumnType<unknown, string | undefined, string>
    labels_version: Generated<number>
    updated_by: ColumnType<PrincipalId | null, PrincipalId | undefined, PrincipalId>
    managed_by: Generated<'CUSTOMER' | 'SYSTEM'>
  }
  batches: {
    id: BatchId
    dataset_id: DatasetId
    sandbox_id: SandboxId
    state: BatchRowState
    format: 'parquet' | 'json' | 'csv' | 'sql'
    partial_ingestion_percentage: Generated<number>
    /** Whether refused rows are kept with their reasons. */
    has_diagnostics: Generated<boolean>
    /** Whether one object may take several lines. */
    is_multi_line_json: Generated<boolean>
    /** Whether its texts may hold U+0000. */
    takes_nul: Generated<boolean>
    /** Uploads that were begun: the last number given to a stored file. */
    files_begun: Generated<number>
    /** Whose home has its files; null: nobody's. */
    node_id: string | null
    /** Its client's own name for it, or none. */
    external_id: string | null
    created_at: Date
    updated_at: Date
    completed_at: Date | null
    /** When its load began first. */
    started_at: ColumnType<Date | null, Date | undefined, Date>
    record_count: BigInteger
    failed_record_count: BigInteger
    bytes: BigInteger
    errors: Json
    tags: Json
    created_by: PrincipalId | null
    /** Batches whose rows go when those of this one come. */
    predecessors: ColumnType<unknown, string | undefined, never>
    /** Why, in the client's word. */
    replay_reason: ColumnType<string | null, string | undefined, never>
  }
  batch_files: {
    batch_id: BatchId
    number: number
    file_name: string
    bytes: BigInteger
    sha256: string
  }
  /** Files that come in parts, until they are whole. */
  batch_uploads: {
    batch_id: BatchId
    file_name: string
    created_at: Date
  }
  batch_parts: {
    batch_id: BatchId
    /** Of the stored part, from the same counter as that of whole files. */
    number: number
    file_name: string
    first_byte: BigInteger
    bytes: BigInteger
    total_bytes: BigInteger
  }
}

/** Parsed when read; text when written, because the driver would write an array as a PostgreSQL one. */
type Json = ColumnType<unknown, string, string>
/** PostgreSQL's `bigint`, which the driver gives as text. */
type BigInteger = ColumnType<string, number, number>

export type BatchRowState =
  | 'loading'
  | 'queued'
  | 'processing'
  | 'success'
  | 'failed'
  | 'aborted'
  | 'abandoned'
  | 'inactive'
/** Of a batch that has no rows and gets none. */
export const rowlessStates: readonly BatchRowState[] = ['failed', 'aborted', 'abandoned', 'inactive']

export type DatasetRow = Selectable<DatasetTables['datasets']>

/** Makes table names be chosen one after the other in a sandbox, until the transaction ends. */
export async function lockTableNames(tx: Transaction, sandboxId: SandboxId): Promise<void> {
  await lockName(tx, `table names of ${sandboxId}`)
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

const datasetNamed = preparedStatement<DatasetRow>(`
  select id, sandbox_id, name, description, table_name, table_id, schema_id, columns, required_fields, constraints,
    behavior, tags, version, created_at, updated_at, created_by, deleted_at, properties, labels, labels_version,
    updated_by, managed_by
  from datasets
  where sandbox_id = $1 and deleted_at is null and (table_name = $2 or name = $3 or id = $3)
  order by table_name <> $2, name <> $3, created_at limit 1`)

/** Table names go before names before ids; of several datasets with one name the oldest. */
export async function selectDatasetByName(
  db: Db,
  sandboxId: SandboxId,
  name: string,
): Promise<DatasetRow | undefined> {
  const [row] = await datasetNamed(db, [sandboxId, name.toLowerCase(), name])
  return row
}

export interface DatasetFilter {
  readonly limit: number
  readonly start: number
  readonly name?: string
  /** Of SQL's LIKE. */
  readonly nameLike?: string
  readonly schemaId?: string
  readonly orderBy?: readonly {
    readonly column: 'created_at' | 'updated_at' | 'name'
    readonly isDescending: boolean
  }[]
  readonly tags?: readonly { readonly key: string; readonly value: string }[]
}

/** Newest first, if no order is asked for. */
export async function selectDatasets(
  db: Db,
  sandboxId: SandboxId,
  page: DatasetFilter,
): Promise<DatasetRow[]> {
  let query = db
    .selectFrom('datasets')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
  if (page.name !== undefined) query = query.where('name', '=', page.name)
  if (page.schemaId !== undefined) query = query.where('schema_id', '=', page.schemaId)
  if (page.nameLike !== undefined) query = query.where('name', 'like', page.nameLike)
  for (const { key, value } of page.tags ?? []) {
    query = query.where(sql<boolean>`(tags::jsonb -> ${key}) @> ${JSON.stringify([value])}::jsonb`)
  }
  for (const { column, isDescending } of page.orderBy ?? [{ column: 'created_at', isDescending: true }])
    query = query.orderBy(column, isDescending ? 'desc' : 'asc')
  return await query.orderBy('id').limit(page.limit).offset(page.start).execute()
}

/** Nobody changes it until the transaction ends. */
export async function lockDataset(
  tx: Transaction,
  sandboxId: SandboxId,
  datasetId: DatasetId,
): Promise<DatasetRow | undefined> {
  return await tx
    .selectFrom('datasets')
    .selectAll()
    .where('id', '=', datasetId)
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .forUpdate()
    .executeTakeFirst()
}

/** Datasets of a schema, which nobody changes until the transaction ends. */
export async function lockDatasetsOf(
  tx: Transaction,
  sandboxId: SandboxId,
  schemaId: string,
): Promise<DatasetRow[]> {
  return await tx
    .selectFrom('datasets')
    .selectAll()
    .where('sandbox_id', '=', sandboxId)
    .where('schema_id', '=', schemaId)
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute()
}

export async function updateDataset(
  tx: Transaction,
  datasetId: DatasetId,
  change: Updateable<DatasetTables['datasets']>,
): Promise<void> {
  await tx.updateTable('datasets').set(change).where('id', '=', datasetId).execute()
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

/** False when there is none. */
export async function setManagedBy(
  db: Db,
  sandboxId: SandboxId,
  datasetId: DatasetId,
  managedBy: DatasetRow['managed_by'],
): Promise<boolean> {
  const result = await db
    .updateTable('datasets')
    .set({ managed_by: managedBy })
    .where('id', '=', datasetId)
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows === 1n
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

/** The dataset of a table, if it is not deleted. */
export async function selectDatasetOfTable(db: Db, tableId: TableId): Promise<DatasetRow | undefined> {
  return await db
    .selectFrom('datasets')
    .selectAll()
    .where('table_id', '=', tableId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** Of deleted datasets too. */
export async function selectTableId(db: Db, datasetId: DatasetId): Promise<TableId | undefined> {
  const row = await db
    .selectFrom('datasets')
    .select('table_id')
    .where('id', '=', datasetId)
    .executeTakeFirst()
  return row?.table_id
}

/** The database's time less a span of ISO 8601. */
export async function selectTimeBefore(db: Db, span: string): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`select now() - ${span}::interval as at`.execute(db)
  return must(rows[0], 'the time has a row').at
}

export interface TaggedDataset {
  readonly id: DatasetId
  readonly sandboxId: SandboxId
  readonly createdBy: PrincipalId
  readonly tags: Readonly<Record<string, readonly string[]>>
}

/** Of every sandbox. */
export async function selectTagged(db: Db, tag: string): Promise<TaggedDataset[]> {
  const rows = await db
    .selectFrom('datasets')
    .select(['id', 'sandbox_id', 'created_by', 'tags'])
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`(tags::jsonb -> ${tag}) is not null`)
    .execute()
  return rows.map((row) => ({
    id: row.id,
    sandboxId: row.sandbox_id,
    createdBy: row.created_by,
    tags: row.tags as TaggedDataset['tags'],
  }))
}

export async function removeTag(tx: Transaction, datasetId: DatasetId, tag: string): Promise<void> {
  await tx
    .updateTable('datasets')
    .set({ tags: sql`tags::jsonb - ${tag}::text` })
    .where('id', '=', datasetId)
    .execute()
}

/** On a batch that another engine wrote: by which door it came. */
export const doorTag = 'sluice/door'

/** On a dataset that is a sample: the id of the one it is of, with which it is deleted and closed. */
export const sampleTag = 'sluice/sample-of'

/** What a dataset is a sample of; deleted ones are asked about too. */
export async function selectSampledDataset(
  db: Db,
  sandboxId: SandboxId,
  id: DatasetId,
): Promise<DatasetId | undefined> {
  const row = await db
    .selectFrom('datasets')
    .select('tags')
    .where('sandbox_id', '=', sandboxId)
    .where('id', '=', id)
    .executeTakeFirst()
  const [parent] = (row?.tags as TaggedDataset['tags'] | undefined)?.[sampleTag] ?? []
  return parent as DatasetId | undefined
}

/** Its samples go with a dataset. @returns the ids of all that were deleted; none when it was already */
export async function markDeletedWithSamples(
  tx: Transaction,
  sandboxId: SandboxId,
  datasetId: DatasetId,
  at: Date,
): Promise<readonly DatasetId[]> {
  if (!(await markDatasetDeleted(tx, sandboxId, datasetId, at))) return []
  const samples = await tx
    .updateTable('datasets')
    .set({ deleted_at: at, updated_at: at })
    .where('sandbox_id', '=', sandboxId)
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`(tags::jsonb -> ${sampleTag}) @> ${JSON.stringify([datasetId])}::jsonb`)
    .returning('id')
    .execute()
  return [datasetId, ...samples.map(({ id }) => id)]
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
