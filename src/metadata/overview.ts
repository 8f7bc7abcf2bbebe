import { sql } from 'kysely'
import { must } from '#base/assert.ts'
import type { BatchId, DatasetId, SandboxId } from '#base/ids.ts'
import type { Db } from './metadata.ts'
import { removedTotal } from './run-retention.ts'

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

/** What all runs of one kind of upkeep did, those too that are not kept any more: the figures only rise. */
export interface UpkeepTotals {
  readonly succeeded: number
  readonly failed: number
  readonly tablesFailed: number
  readonly filesRewritten: number
  readonly filesRemoved: number
  readonly snapshotsRemoved: number
  readonly rowsRewritten: number
  readonly bytesRewritten: number
  readonly rowsRemoved: number
  readonly lastSuccessAt: Date | undefined
}

const summed = [
  'tablesFailed',
  'filesRewritten',
  'filesRemoved',
  'snapshotsRemoved',
  'rowsRewritten',
  'bytesRewritten',
  'rowsRemoved',
] as const

export async function selectUpkeepTotals(db: Db, kind: string): Promise<UpkeepTotals> {
  const sums = summed.map(
    (name) =>
      sql`coalesce(sum((result->>${name})::bigint), 0)::float8 + ${removedTotal(kind, `result.${name}`)} as ${sql.id(name)}`,
  )
  type Row = { readonly [K in keyof UpkeepTotals]: K extends 'lastSuccessAt' ? Date | null : number }
  const answer = await sql<Row>`
    select count(*) filter (where state = 'succeeded')::float8 + ${removedTotal(kind, 'succeeded')} as succeeded,
      count(*) filter (where state = 'failed')::float8 + ${removedTotal(kind, 'failed')} as failed,
      coalesce(
        max(finished_at) filter (where state = 'succeeded'),
        to_timestamp(nullif(${removedTotal(kind, 'lastSuccessMs')}, 0) / 1000)
      ) as "lastSuccessAt",
      ${sql.join(sums)}
    from job_runs where kind = ${kind}`.execute(db)
  const [row] = answer.rows
  return { ...must(row, 'sums have a row'), lastSuccessAt: row?.lastSuccessAt ?? undefined }
}

/** What all runs of exports did. They are kept, so the figures only rise. */
export interface ExportTotals {
  readonly succeeded: number
  readonly failed: number
  readonly rows: number
  readonly bytes: number
  readonly files: number
  readonly lastSuccessAt: Date | undefined
}

export async function selectExportTotals(db: Db): Promise<ExportTotals> {
  const answer = await sql<Omit<ExportTotals, 'lastSuccessAt'> & { readonly lastSuccessAt: Date | null }>`
    select count(*) filter (where state = 'succeeded')::float8 as succeeded,
      count(*) filter (where state = 'failed')::float8 as failed,
      coalesce(sum((result ->> 'rowCount')::bigint), 0)::float8 as rows,
      coalesce(sum((result ->> 'bytes')::bigint), 0)::float8 as bytes,
      coalesce(sum((result ->> 'fileCount')::bigint), 0)::float8 as files,
      max(finished_at) filter (where state = 'succeeded') as "lastSuccessAt"
    from job_runs where kind = 'export'`.execute(db)
  const [row] = answer.rows
  return { ...must(row, 'sums have a row'), lastSuccessAt: row?.lastSuccessAt ?? undefined }
}
