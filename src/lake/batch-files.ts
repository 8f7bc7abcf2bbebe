import type { BatchId, TableId } from '#base/ids.ts'
import { selectLakeCommitOfBatch } from '#metadata/lake.ts'
import type { CachedObject } from '#objects/file-cache.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { currentSnapshot, type SnapshotMetadata, snapshotById } from './iceberg/table-metadata.ts'
import type { LakeContext } from './lake-context.ts'
import { readBase, type TableBase } from './table-base.ts'
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
