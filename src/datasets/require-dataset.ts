import type { Access, Caller, Decision, Permission } from '#access/access.ts'
import { isWhole } from '#access/decide.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'

/**
 * Denied for this dataset alone, by a policy: it does not exist for the caller. Denied for all: he should know.
 * @throws AppError 'access.denied', or what `absent` makes
 */
export async function requireDataset(
  access: Access,
  { principal, sandbox, rightsRevision }: Caller,
  asked: {
    readonly permission: Permission
    readonly datasetId: DatasetId
    readonly absent: () => AppError
  },
): Promise<void> {
  const { permission, datasetId } = asked
  const general = { principal, permission, sandboxId: sandbox.id, rightsRevision }
  try {
    await access.require({ ...general, datasetId })
  } catch (error) {
    const isDenied = error instanceof AppError && error.code === 'access.denied'
    if (!isDenied || !(await access.decide(general)).isAllowed) throw error
    throw asked.absent()
  }
}

/** Whether nothing of the dataset is hidden: only then its files may be handed out. */
export function isSeenWhole(decision: Decision): boolean {
  return decision.isAllowed && isWhole(decision)
}
