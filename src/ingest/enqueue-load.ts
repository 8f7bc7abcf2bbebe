import type { BatchId, PrincipalId, SandboxId } from '#base/ids.ts'
import type { Jobs } from '#jobs/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'

/** The kind of the runs that load batches. */
export const loadKind = 'load'

/** A batch is loaded by one run, at the node that has its files; a second call changes nothing. */
export async function enqueueLoad(
  jobs: Jobs,
  tx: Transaction,
  load: {
    readonly batchId: BatchId
    /** Undefined: any node. */
    readonly nodeId: string | undefined
    readonly dueAt: Date
    readonly principalId: PrincipalId
    readonly sandboxId: SandboxId
  },
): Promise<void> {
  const { batchId, ...run } = load
  await jobs.enqueue(tx, { ...run, kind: loadKind, subjectId: batchId, tick: 'load', payload: {} })
}
