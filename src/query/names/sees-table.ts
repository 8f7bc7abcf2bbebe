import type { Access } from '#access/access.ts'
import { isWhole } from '#access/decide.ts'
import { AppError } from '#base/errors.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'

/**
 * Whether the caller may read a table, now: rows are for who may see what they come from, also when they were asked for
 * before, in a cursor or a file.
 * @throws AppError 'query.unsupported' when he may see it in part only
 */
export async function seesTable(
  access: Pick<Access, 'decide'>,
  { principal, sandbox, rightsRevision }: Caller,
  datasetId: DatasetId,
): Promise<boolean> {
  const permission = 'view-datasets'
  const decision = await access.decide({
    principal,
    permission,
    sandboxId: sandbox.id,
    datasetId,
    rightsRevision,
  })
  if (!decision.isAllowed || isWhole(decision)) return decision.isAllowed
  throw new AppError(
    'query.unsupported',
    'You may see this table in part only, and partial views cannot be queried yet.',
  )
}
