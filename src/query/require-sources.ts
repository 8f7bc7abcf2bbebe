import { isWhole } from '#access/decide.ts'
import { AppError } from '#base/errors.ts'
import { type DatasetId, isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { selectQuery } from '#metadata/query.ts'
import type { QueryServiceOptions } from './services.ts'

/**
 * Rows that a query left in files are for who may see, now, what it read: files know nothing of rights that end.
 * @throws AppError 'access.denied'
 */
export async function requireSources(
  { access, metadata }: Pick<QueryServiceOptions, 'access' | 'metadata'>,
  { principal, sandbox }: Caller,
  queryId: string,
): Promise<void> {
  const query = isUuid(queryId) ? await selectQuery(metadata.db, sandbox.id, queryId) : undefined
  for (const datasetId of (query?.referenced_datasets ?? []) as DatasetId[]) {
    const question = { principal, permission: 'view-datasets', sandboxId: sandbox.id, datasetId } as const
    if (isWhole(await access.require(question))) continue
    throw new AppError('access.denied', 'What these rows were read from, you may see in part only by now.')
  }
}
