import { randomUUID } from 'node:crypto'
import { faultPoint } from '#base/faults.ts'
import { dropLakeTable, insertLakeRemoval, selectDroppedTables } from '#metadata/lake.ts'
import type { LakeContext } from './lake-context.ts'
import { removeRecorded } from './removals.ts'

const tablesAtOnce = 100

/**
 * Lets go of the tables whose datasets were deleted before the time, with all of their files: nobody can read them, but
 * what is pinned, as for a backup or a delivery under way, waits. The commit that forgets a table records its folder
 * for removal, so that a crash leaves either the table or the record.
 */
export async function removeDropped(
  context: LakeContext,
  { before, signal }: { readonly before: Date; readonly signal: AbortSignal },
): Promise<number> {
  const { metadata, clock, logger } = context
  let filesRemoved = 0
  for (;;) {
    const tables = await selectDroppedTables(metadata.db, { before, now: clock.now(), limit: tablesAtOnce })
    for (const { id, datasetId } of tables) {
      signal.throwIfAborted()
      const removal = randomUUID()
      const isDropped = await metadata.transaction(async (tx) => {
        const now = clock.now()
        if (!(await dropLakeTable(tx, { tableId: id, before, now }))) return false
        await insertLakeRemoval(tx, {
          id: removal,
          table_id: id,
          dataset_id: datasetId,
          names: '[]',
          created_at: now,
        })
        return true
      })
      if (!isDropped) continue // Pinned meanwhile: it waits.
      await faultPoint('lake.forget.before')
      const removed = await removeRecorded(context, removal)
      logger.log('info', 'lake.table.forgotten', { tableId: id, datasetId, filesRemoved: removed })
      filesRemoved += removed
    }
    if (tables.length < tablesAtOnce) return filesRemoved
  }
}
