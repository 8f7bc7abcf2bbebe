import { type Insertable, type Selectable, sql } from 'kysely'
import type { BatchId } from '#base/ids.ts'
import type { DatasetTables } from './datasets.ts'
import type { Db, Transaction } from './metadata.ts'

export type BatchPartRow = Selectable<DatasetTables['batch_parts']>

/** A file of a batch by the name its client gave it. */
export interface NamedFile {
  readonly batchId: BatchId
  readonly fileName: string
}

export async function insertBatchUpload(
  tx: Transaction,
  { batchId, fileName }: NamedFile,
  at: Date,
): Promise<void> {
  await tx
    .insertInto('batch_uploads')
    .values({ batch_id: batchId, file_name: fileName, created_at: at })
    .execute()
}

export async function hasBatchUpload(db: Db, { batchId, fileName }: NamedFile): Promise<boolean> {
  const row = await db
    .selectFrom('batch_uploads')
    .select('created_at')
    .where('batch_id', '=', batchId)
    .where('file_name', '=', fileName)
    .executeTakeFirst()
  return row !== undefined
}

/** The name of a file that is not whole: it was begun, and nothing is there of it but parts. */
export async function selectOpenUpload(db: Db, batchId: BatchId): Promise<string | undefined> {
  const row = await db
    .selectFrom('batch_uploads')
    .select('file_name')
    .where('batch_id', '=', batchId)
    .where(
      sql<boolean>`(exists (select from batch_parts p where p.batch_id = batch_uploads.batch_id and p.file_name = batch_uploads.file_name)
        or not exists (select from batch_files f where f.batch_id = batch_uploads.batch_id and f.file_name = batch_uploads.file_name))`,
    )
    .orderBy('file_name')
    .limit(1)
    .executeTakeFirst()
  return row?.file_name
}

/** With all its parts, if there is one. @returns their numbers */
export async function deleteBatchUpload(
  tx: Transaction,
  { batchId, fileName }: NamedFile,
): Promise<readonly number[]> {
  const parts = await tx
    .deleteFrom('batch_parts')
    .where('batch_id', '=', batchId)
    .where('file_name', '=', fileName)
    .returning('number')
    .execute()
  await tx
    .deleteFrom('batch_uploads')
    .where('batch_id', '=', batchId)
    .where('file_name', '=', fileName)
    .execute()
  return parts.map(({ number }) => number)
}

/** Of all files that are not whole. @returns the numbers of their parts */
export async function deleteBatchUploads(tx: Transaction, batchId: BatchId): Promise<readonly number[]> {
  const parts = await tx
    .deleteFrom('batch_parts')
    .where('batch_id', '=', batchId)
    .returning('number')
    .execute()
  await tx.deleteFrom('batch_uploads').where('batch_id', '=', batchId).execute()
  return parts.map(({ number }) => number)
}

/** Replaces the part that begins at the same byte; the number of the one replaced, if there was one. */
export async function putBatchPart(
  tx: Transaction,
  row: Insertable<DatasetTables['batch_parts']>,
): Promise<number | undefined> {
  const old = await tx
    .deleteFrom('batch_parts')
    .where('batch_id', '=', row.batch_id)
    .where('file_name', '=', row.file_name)
    .where('first_byte', '=', String(row.first_byte))
    .returning('number')
    .executeTakeFirst()
  await tx.insertInto('batch_parts').values(row).execute()
  return old?.number
}

/** In the order of their bytes. */
export async function selectBatchParts(db: Db, { batchId, fileName }: NamedFile): Promise<BatchPartRow[]> {
  return await db
    .selectFrom('batch_parts')
    .selectAll()
    .where('batch_id', '=', batchId)
    .where('file_name', '=', fileName)
    .orderBy('first_byte')
    .execute()
}
