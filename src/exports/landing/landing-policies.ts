import type { Access, Caller } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import { isSeenWhole } from '#datasets/require-dataset.ts'
import { selectExportRun } from '#metadata/exports.ts'
import type { Metadata } from '#metadata/metadata.ts'
import { runIdOfName } from '../manifests/names.ts'

/** Of all landing zones; whoever may see the exports of a sandbox may not yet have their rows. */
export const landingPermission = 'manage-dataset-destinations'

/**
 * Whether the policies of the dataset that a file was delivered of let somebody have it, who has the permission. What is
 * no file of a delivery is of no dataset.
 * @throws AppError 'access.denied' for who sees the dataset in part: a file knows no rules of rows and columns
 */
export async function isSeenBy(
  { metadata, access }: { readonly metadata: Metadata; readonly access: Access },
  { principal, sandbox }: Caller,
  name: string,
): Promise<boolean> {
  const runId = runIdOfName(name)
  const run = runId && (await selectExportRun(metadata.db, runId))
  if (!run) return true
  const decision = await access.decide({
    principal,
    permission: landingPermission,
    sandboxId: sandbox.id,
    datasetId: run.dataset_id,
  })
  if (decision.isAllowed && !isSeenWhole(decision)) {
    throw new AppError('access.denied', 'Files of a dataset that you see in part are not handed out.', {
      hint: 'Read its rows with SQL.',
    })
  }
  return decision.isAllowed
}
