import type { Access } from '#access/access.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { isSeenWhole } from '#datasets/require-dataset.ts'

/** Files know no rules of rows and columns. @throws AppError 'access.denied' for who sees the dataset in part */
export async function requireWhole(
  access: Access,
  { principal, sandbox }: Caller,
  datasetId: DatasetId,
): Promise<void> {
  const permission = 'view-datasets'
  const decision = await access.decide({ principal, permission, sandboxId: sandbox.id, datasetId })
  if (isSeenWhole(decision)) return
  throw new AppError('access.denied', 'Files of a dataset that you see in part are not handed out.', {
    hint: 'Read its rows with SQL.',
  })
}
