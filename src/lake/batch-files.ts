import type { BatchId, SnapshotId, TableId } from '#base/ids.ts'
import { quoteIdentifier } from '#base/sql-text.ts'
import { selectLakeCommitOfBatch } from '#metadata/lake.ts'
import type { CachedObject } from '#objects/file-cache.ts'
import { textRows } from './count-rows.ts'
import { groupFiles } from './file-groups.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { currentSnapshot, schemaOf, type SnapshotMetadata, snapshotById } from './iceberg/table-metadata.ts'
import type { LakeContext } from './lake-context.ts'
import { findFiles } from './plan.ts'
import { scanSql } from './scan-sql.ts'
import { partsOf } from './rows-to-remove.ts'
import { readBase, type TableBase } from './table-base.ts'
import { allColumns } from './table-definition.ts'
import { holdsKeptRows } from './write-files.ts'

/**
 * The files that came in with a batch and hold its rows and no others: in the newest snapshot, or else in the batch's own
 * for as long as that is kept. Undefined: there are none any more; the rows may be in other files.
 */
export async function filesOfBatch(
  context: LakeContext,
  tableId: TableId,
  batchId: BatchId,
): Promise<readonly CachedObject[] | undefined> {
  const commit = await selectLakeCommitOfBatch(context.metadata.db, tableId, batchId)
  if (!commit) return undefined
  const rowCount = Number(commit.added_rows)
  if (rowCount === 0) return []
  if (commit.current_snapshot_id === null) return undefined
  const base = await readBase(context, tableId)
  const ownId = BigInt(commit.current_snapshot_id)
  for (const snapshot of [currentSnapshot(base.metadata), snapshotById(base.metadata, ownId)]) {
    const added = snapshot ? await addedBy(context, base, { snapshot, ownId }) : []
    if (added.reduce((sum, file) => sum + file.rowCount, 0) !== rowCount) continue
    return added.map(base.files.scanFile)
  }
  return undefined
}

const batchColumn = '_ACP_BATCHID'

/** Batches of which the newest snapshot has rows. */
export async function batchesWithRows(
  context: LakeContext,
  tableId: TableId,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const base = await readBase(context, tableId)
  const snapshot = currentSnapshot(base.metadata)
  if (!snapshot) return new Set()
  const snapshotId = String(snapshot['snapshot-id']) as SnapshotId
  const { files } = await findFiles(context, base, { snapshotId, predicates: [] })
  const columns = allColumns(base.definition.schema).fields.filter(({ name }) => name === batchColumn)
  const found = new Set<string>()
  for (const part of partsOf(files)) {
    const groups = await groupFiles(context.reader, base.files, base.metadata, part)
    const rows = await textRows(context.engine, base.files, {
      sql: `SELECT DISTINCT ${quoteIdentifier(batchColumn)} FROM ${scanSql(groups, columns, schemaOf(base.metadata))}`,
      files: groups.flatMap((group) => group.files),
      columnCount: 1,
      signal,
    })
    for (const [id] of rows) if (typeof id === 'string') found.add(id)
  }
  return found
}

async function addedBy(
  { reader }: LakeContext,
  { files }: TableBase,
  { snapshot, ownId }: { readonly snapshot: SnapshotMetadata; readonly ownId: bigint },
): Promise<readonly DataFile[]> {
  const added: DataFile[] = []
  for (const manifest of await reader.manifests(files, snapshot)) {
    if (manifest.existingFileCount === 0 && manifest.addedSnapshotId !== ownId) continue
    for (const { snapshotId, file } of await reader.entries(files, manifest)) {
      if (snapshotId === ownId && !holdsKeptRows(file)) added.push(file)
    }
  }
  return added
}
