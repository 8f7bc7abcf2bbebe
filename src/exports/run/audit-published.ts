import { selectEntity } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { SealedManifest } from '../manifests/manifest.ts'
import type { RunScope } from './run-scope.ts'
import { flowIdOf } from '../run-subject.ts'
import { locationOf } from '../destinations/target.ts'

/** Who got what out, and to where: in the transaction that records the delivery. */
export async function auditPublished(
  { access, context, plan }: RunScope,
  tx: Transaction,
  { manifest, sha256 }: SealedManifest,
): Promise<void> {
  const { run } = context
  const flowId = flowIdOf(run.subjectId)
  const flow = await selectEntity(tx, run.sandboxId, 'flows', flowId)
  await access.audit(
    {
      principalId: run.principalId,
      sandboxId: run.sandboxId,
      action: 'deliver',
      assetType: 'Destination',
      assetId: flowId,
      status: 'Allow',
      detail: {
        ...(flow ? { assetName: String(flow.document['name']) } : {}),
        runId: run.id,
        datasetId: plan.datasetId,
        destination: locationOf(plan.target),
        rows: manifest.rowCount,
        bytes: manifest.bytes,
        files: manifest.files.length,
        checksum: sha256,
      },
    },
    tx,
  )
}
