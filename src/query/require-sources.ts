import { type DatasetId, isUuid } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import { selectQuery } from '#metadata/query.ts'
import { seesTable } from './names/sees-table.ts'
import type { QueryServiceOptions } from './services.ts'

/**
 * Rows that a query left in files are for who may see, now, what it read: files know nothing of rights that end.
 * @throws AppError 'access.denied', 'query.unsupported' when it is open to him in part only
 */
export async function requireSources(
  { access, metadata }: Pick<QueryServiceOptions, 'access' | 'metadata'>,
  caller: Caller,
  queryId: string,
): Promise<void> {
  const { principal, sandbox } = caller
  const query = isUuid(queryId) ? await selectQuery(metadata.db, sandbox.id, queryId) : undefined
  for (const datasetId of (query?.referenced_datasets ?? []) as DatasetId[]) {
    if (await seesTable(access, caller, datasetId)) continue
    // Says what is missing, and puts the denial on record.
    await access.require({ principal, permission: 'view-datasets', sandboxId: sandbox.id, datasetId })
  }
}
