import { must } from '#base/assert.ts'
import type { Clock } from '#base/clock.ts'
import { AppError } from '#base/errors.ts'
import { faultPoint } from '#base/faults.ts'
import { parseId } from '#base/ids.ts'
import { quoteLiteral } from '#base/sql-text.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import { lockBatch, selectBatch, updateBatch } from '#metadata/batches.ts'
import { selectDataset } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'

/**
 * Takes the rows of a batch out of its table, then says so. A crash between the two is harmless: the rows that an attempt
 * finds no more are gone.
 */
export async function revertBatch(
  { metadata, lake, clock }: { readonly metadata: Metadata; readonly lake: Lake; readonly clock: Clock },
  { run, lease, signal }: RunContext,
): Promise<RunOutcome> {
  const batchId = parseId('batch', run.subjectId)
  const batch = must(
    await selectBatch(metadata.db, run.sandboxId, batchId),
    `the batch ${batchId} of a run is there`,
  )
  const dataset = await selectDataset(metadata.db, run.sandboxId, batch.dataset_id)
  const removed =
    dataset && batch.state === 'success'
      ? await lake.deleteRows({
          tableId: dataset.table_id,
          condition: { sql: `"_ACP_BATCHID" = ${quoteLiteral(batchId)}` },
          signal,
        })
      : undefined
  await faultPoint('load.reverted')
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const current = await lockBatch(tx, run.sandboxId, batchId)
    if (!dataset) {
      await lease.fail(tx, new AppError('dataset.unknown', 'The dataset was deleted before the revert.'))
      return
    }
    if (current?.state === 'success') await updateBatch(tx, batchId, { state: 'inactive', at: clock.now() })
    await lease.finish(tx, { rowCount: removed?.rowsRemoved ?? 0 })
  })
  return 'finished'
}
