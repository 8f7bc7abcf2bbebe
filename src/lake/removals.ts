import { faultPoint } from '#base/faults.ts'
import {
  deleteLakeRemoval,
  type LakeRemovalRow,
  selectLakeTable,
  selectLakeRemoval,
  selectLakeRemovals,
} from '#metadata/lake.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { LakeFiles } from './lake-files.ts'
import { tableFiles } from './table-files.ts'

interface RemovalContext {
  readonly metadata: Metadata
  readonly lakeFiles: LakeFiles
}

const removalsAtOnce = 100

/**
 * Removes the files that a commit took out of its table, as its transaction recorded them. The record goes last: what
 * a crash leaves is removed by the next sweep.
 */
export async function removeRecorded(context: RemovalContext, id: string): Promise<number> {
  const removal = await selectLakeRemoval(context.metadata.db, id)
  return removal ? await removeFiles(context, removal) : 0
}

/** Finishes what processes that are gone have left. */
export async function sweepRemovals(
  context: RemovalContext,
  { before, signal }: { readonly before: Date; readonly signal: AbortSignal },
): Promise<number> {
  let removed = 0
  for (;;) {
    const removals = await selectLakeRemovals(context.metadata.db, { before, limit: removalsAtOnce })
    for (const removal of removals) {
      signal.throwIfAborted()
      removed += await removeFiles(context, removal)
    }
    if (removals.length < removalsAtOnce) return removed
  }
}

async function removeFiles(
  { metadata, lakeFiles }: RemovalContext,
  removal: LakeRemovalRow,
): Promise<number> {
  const files = tableFiles(lakeFiles, removal.dataset_id)
  await faultPoint('lake.remove.before')
  const [first, ...others] = removal.names
  if (first !== undefined) await files.remove(first)
  if (others.length > 0) await faultPoint('lake.remove.middle')
  await files.removeAll(others)
  const isForgotten = (await selectLakeTable(metadata.db, removal.table_id)) === undefined
  const whole = isForgotten ? await removeFolder(lakeFiles, removal) : 0
  await deleteLakeRemoval(metadata.db, removal.id)
  return removal.names.length + whole
}

/** Of a table that is gone: nothing in it is anybody's. */
async function removeFolder(lakeFiles: LakeFiles, removal: LakeRemovalRow): Promise<number> {
  const count = await lakeFiles.discard(removal.dataset_id, { signal: new AbortController().signal })
  await faultPoint('lake.forget.middle')
  return count
}
