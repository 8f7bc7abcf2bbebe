import { faultPoint } from '#base/faults.ts'
import type { DataFile } from './iceberg/manifest.ts'
import { currentSnapshot, newSnapshotNumber } from './iceberg/table-metadata.ts'
import { keptRows } from './kept-rows.ts'
import type { CompactRequest, CompactResult } from './lake.ts'
import type { LakeContext } from './lake-context.ts'
import { nextSnapshot, writeAddition } from './next-snapshot.ts'
import { type CompactionGroup, defaultCompaction, planCompaction } from './plan-compaction.ts'
import { miscounted } from './rows-to-remove.ts'
import { commitInTurn, runWrite } from './run-write.ts'
import { readBase, type TableBase } from './table-base.ts'
import { writeDataFiles } from './write-files.ts'

/**
 * Rewrites the small files of each day as few, their rows sorted by person and time over all of them. Each day commits
 * by itself, so that a day that somebody else changes meanwhile costs only itself: what is there stays as it is.
 */
export async function compact(context: LakeContext, request: CompactRequest): Promise<CompactResult> {
  const rule = { ...defaultCompaction, ...request.rule }
  const base = await readBase(context, request.tableId)
  const groups = planCompaction(await liveFiles(context, base), rule)
  let result: CompactResult = {
    groups: groups.length,
    conflicts: 0,
    filesBefore: 0,
    filesAfter: 0,
    rowCount: 0,
    bytesRewritten: 0,
  }
  for (const group of groups) {
    request.signal.throwIfAborted()
    const added = await compactGroup(context, request, { group, targetBytes: rule.targetBytes })
    result = added
      ? {
          ...result,
          filesBefore: result.filesBefore + group.files.length,
          filesAfter: result.filesAfter + added.length,
          rowCount: result.rowCount + rowsOf(added),
          bytesRewritten: result.bytesRewritten + group.files.reduce((sum, file) => sum + file.bytes, 0),
        }
      : { ...result, conflicts: result.conflicts + 1 }
    await request.onProgress?.(result)
  }
  return result
}

async function liveFiles(
  { reader }: LakeContext,
  { files, metadata }: TableBase,
): Promise<readonly DataFile[]> {
  const snapshot = currentSnapshot(metadata)
  if (!snapshot) return []
  const live: DataFile[] = []
  for (const manifest of await reader.manifests(files, snapshot)) {
    if (manifest.specId !== metadata['default-spec-id']) continue // Of days of another column.
    for (const entry of await reader.entries(files, manifest)) live.push(entry.file)
  }
  return live
}

/** @returns undefined when the files are not all there any more */
async function compactGroup(
  context: LakeContext,
  { tableId, signal }: CompactRequest,
  { group, targetBytes }: { readonly group: CompactionGroup; readonly targetBytes: number },
): Promise<readonly DataFile[] | undefined> {
  const base = await readBase(context, tableId)
  const removed = new Set(group.files.map((file) => file.path))
  const there = (await liveFiles(context, base)).filter((file) => removed.has(file.path))
  if (there.length < removed.size) return undefined
  const kept = await keptRows(context, base, group.files)
  let added: readonly DataFile[] = []
  const outcome = await runWrite(context, base.definition, async (write) => {
    added = await writeDataFiles(context.engine, base, {
      writeId: write.id,
      part: 'kept',
      rows: {
        kind: 'kept',
        source: { sql: `SELECT * FROM ${kept.sql}`, files: [], lakeFiles: kept.files, pool: 'batch' },
      },
      onlyDay: group.day,
      fileBytesMax: targetBytes,
      signal,
    })
    if (rowsOf(added) !== rowsOf(group.files)) throw miscounted(rowsOf(group.files), rowsOf(added))
    await faultPoint('lake.rewrite.done')
    const snapshotId = newSnapshotNumber()
    const addition = await writeAddition(base.files, base.metadata, {
      dataFiles: added,
      writeId: write.id,
      snapshotId,
    })
    return await commitInTurn(context, {
      tableId,
      writeId: write.id,
      signal,
      build: async (now, attempt) => {
        const next = await nextSnapshot(context.reader, now, {
          operation: 'replace',
          snapshotId,
          writeId: write.id,
          attempt,
          addition,
          removed,
          nowMs: context.clock.now().getTime(),
        })
        // A rewriting brings in no rows.
        return next && { operation: 'replace', ...next, snapshot: { ...next.snapshot, addedRows: 0 } }
      },
    })
  })
  return outcome.kind === 'committed' ? added : undefined
}

function rowsOf(files: readonly DataFile[]): number {
  return files.reduce((sum, file) => sum + file.rowCount, 0)
}
