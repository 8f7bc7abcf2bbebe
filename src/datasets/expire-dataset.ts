import type { Access } from '#access/access.ts'
import { faultPoint } from '#base/faults.ts'
import type { Clock } from '#base/clock.ts'
import type { Jobs, RunContext, RunOutcome } from '#jobs/jobs.ts'
import type { Lake } from '#lake/lake.ts'
import { selectNodesOfBatches } from '#metadata/batches.ts'
import { lockDatasetExpiration, updateDatasetExpiration } from '#metadata/dataset-expirations.ts'
import { markDeletedWithSamples, selectTableId } from '#metadata/datasets.ts'
import type { Metadata } from '#metadata/metadata.ts'

export const expireKind = 'dataset.expire'
/** Of the runs, one for each node, that remove what it keeps of a dataset's batches: `payload.datasetId`. */
export const clearKind = 'dataset.clear'

/** The database's clock may be behind this node's, by which the run came. */
const againMs = 60_000

/**
 * Ends a dataset: it is deleted first, so that no row comes in any more, then its rows go for good, then it is said to be
 * done and the nodes that keep something of its batches are told to remove that. A crash between is harmless: what is
 * deleted or gone already stays so.
 */
export async function expireDataset(
  {
    metadata,
    access,
    lake,
    jobs,
    clock,
  }: {
    readonly metadata: Metadata
    readonly access: Access
    readonly lake: Lake
    readonly jobs: Jobs
    readonly clock: Clock
  },
  { run, lease, signal }: RunContext,
): Promise<RunOutcome> {
  const begun = await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    const row = await lockDatasetExpiration(tx, run.subjectId)
    // Of an end that is another now: that one has its own run.
    const isMeant = row && row.expiry.toISOString() === run.tick
    if (row?.status === 'executing') return row
    if (!isMeant || row.status !== 'pending') {
      await lease.finish(tx, { isSkipped: true })
      return undefined
    }
    if (!row.is_due) return 'early'
    const at = clock.now()
    await updateDatasetExpiration(tx, row.id, { status: 'executing', updated_at: at })
    for (const assetId of await markDeletedWithSamples(tx, row.sandbox_id, row.dataset_id, at)) {
      await access.audit(
        {
          principalId: run.principalId,
          sandboxId: run.sandboxId,
          action: 'delete',
          assetType: 'dataset',
          assetId,
          status: 'Allow',
          detail: { expiration: row.id },
        },
        tx,
      )
    }
    return row
  })
  if (begun === undefined) return 'finished'
  if (begun === 'early') {
    await lease.postpone('Its time has not come yet.', new Date(clock.now().getTime() + againMs))
    return 'finished'
  }
  await faultPoint('dataset.expire.deleted')
  const tableId = await selectTableId(metadata.db, begun.dataset_id)
  const removed = tableId && (await lake.deleteRows({ tableId, condition: { sql: 'TRUE' }, signal }))
  await faultPoint('dataset.expire.removed')
  await metadata.transaction(async (tx) => {
    await lease.assertHeld(tx)
    await updateDatasetExpiration(tx, begun.id, { status: 'completed', updated_at: clock.now() })
    for (const nodeId of await selectNodesOfBatches(tx, begun.dataset_id)) {
      await jobs.enqueue(tx, {
        kind: clearKind,
        // One that is down holds no other one up.
        subjectId: `${begun.dataset_id}@${nodeId}`,
        tick: begun.id,
        dueAt: clock.now(),
        nodeId,
        principalId: run.principalId,
        sandboxId: run.sandboxId,
        payload: { datasetId: begun.dataset_id },
      })
    }
    await lease.finish(tx, {
      rowsRemoved: removed?.rowsRemoved ?? 0,
      filesRemoved: removed?.filesRemoved ?? 0,
      snapshotsRemoved: removed?.snapshotsRemoved.length ?? 0,
      pinsBroken: removed?.pinsBroken ?? [],
    })
  })
  jobs.ring()
  return 'finished'
}
