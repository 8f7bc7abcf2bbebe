import type { Access } from '#access/access.ts'
import type { BatchId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'

/** Puts on record that something of a batch was handed out. */
export async function recordDownload(
  access: Access,
  { principal, sandbox }: Caller,
  { batchId, detail }: { readonly batchId: BatchId; readonly detail: Readonly<Record<string, unknown>> },
): Promise<void> {
  await access.audit({
    principalId: principal.id,
    sandboxId: sandbox.id,
    action: 'download',
    assetType: 'Batch',
    assetId: batchId,
    status: 'Allow',
    detail,
  })
}
