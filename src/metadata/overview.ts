import type { BatchId, DatasetId, SandboxId } from '#base/ids.ts'
import type { Db } from './metadata.ts'

export interface DatasetFigures {
  readonly rowCount: number
  readonly bytes: number
  readonly lastBatchId: BatchId | undefined
  readonly lastBatchState: string | undefined
}

/** What committed batches brought to each of the datasets, and how the newest batch went. */
export async function selectDatasetFigures(
  db: Db,
  sandboxId: SandboxId,
  datasetIds: readonly DatasetId[],
): Promise<Map<DatasetId, DatasetFigures>> {
  if (datasetIds.length === 0) return new Map()
  const sums = await db
    .selectFrom('batches')
    .select((select) => [
      'dataset_id',
      select.fn.sum<string>('record_count').filterWhere('state', '=', 'success').as('rows'),
      select.fn.sum<string>('bytes').filterWhere('state', '=', 'success').as('bytes'),
    ])
    .where('sandbox_id', '=', sandboxId)
    .where('dataset_id', 'in', datasetIds)
    .groupBy('dataset_id')
    .execute()
  const last = await db
    .selectFrom('batches')
    .distinctOn('dataset_id')
    .select(['dataset_id', 'id', 'state'])
    .where('sandbox_id', '=', sandboxId)
    .where('dataset_id', 'in', datasetIds)
    .orderBy('dataset_id')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  const lastOf = new Map(last.map((row) => [row.dataset_id, row]))
  return new Map(
    sums.map((row) => [
      row.dataset_id,
      {
        rowCount: Number(row.rows ?? 0),
        bytes: Number(row.bytes ?? 0),
        lastBatchId: lastOf.get(row.dataset_id)?.id,
        lastBatchState: lastOf.get(row.dataset_id)?.state,
      },
    ]),
  )
}

/** How many datasets there are and how many rows their committed batches brought. */
export async function selectTotals(
  db: Db,
): Promise<{ readonly datasetCount: number; readonly rowCount: number }> {
  const row = await db
    .selectFrom('datasets')
    .leftJoin('batches', (join) =>
      join.onRef('batches.dataset_id', '=', 'datasets.id').on('batches.state', '=', 'success'),
    )
    .select((select) => [
      select.fn.count<string>('datasets.id').distinct().as('datasets'),
      select.fn.sum<string | null>('batches.record_count').as('rows'),
    ])
    .where('datasets.deleted_at', 'is', null)
    .executeTakeFirstOrThrow()
  return { datasetCount: Number(row.datasets), rowCount: Number(row.rows ?? 0) }
}

/** Runs of jobs by kind and state. */
export async function countRuns(
  db: Db,
): Promise<readonly { readonly kind: string; readonly state: string; readonly count: number }[]> {
  const rows = await db
    .selectFrom('job_runs')
    .select((select) => ['kind', 'state', select.fn.countAll<string>().as('count')])
    .groupBy(['kind', 'state'])
    .orderBy('kind')
    .orderBy('state')
    .execute()
  return rows.map((row) => ({ kind: row.kind, state: row.state, count: Number(row.count) }))
}
