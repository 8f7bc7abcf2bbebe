import { parseId } from '#base/ids.ts'
import type { RunContext, RunOutcome } from '#jobs/jobs.ts'
import { selectBatchIdsAt } from '#metadata/batches.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { removeBatchFiles, removeRejects, type Staging } from './staging.ts'

/** Removes what this node keeps of the batches of a dataset that has ended: files that were sent, and refused rows. */
export async function clearDataset(
  { metadata, staging, nodeId }: { metadata: Metadata; staging: Staging; nodeId: string },
  { run, lease, signal }: RunContext,
): Promise<RunOutcome> {
  const datasetId = parseId('dataset', String(run.payload['datasetId']))
  for (const batchId of await selectBatchIdsAt(metadata.db, { datasetId, nodeId })) {
    signal.throwIfAborted()
    await removeBatchFiles(staging, batchId)
    await removeRejects(staging, batchId)
  }
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    await lease.finish(tx, {})
  })
  return 'finished'
}
