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
  readonly lastSuccessfulBatchId: BatchId | undefined
  readonly lastFailedBatchId: BatchId | undefined
}

/** The rows of a table as it is now. */
const rowCount = sql<string>`coalesce((
  select total_rows from lake_commits
  where lake_commits.table_id = lake_tables.id and lake_commits.snapshot_id = lake_tables.snapshot_id
  order by sequence desc limit 1
), 0)`

/** What each of the datasets holds, and how the newest batches went. */
export async function selectDatasetFigures(
  db: Db,
  sandboxId: SandboxId,
  datasetIds: readonly DatasetId[],
): Promise<Map<DatasetId, DatasetFigures>> {
  if (datasetIds.length === 0) return new Map()
  const held = await db
    .selectFrom('datasets')
    .innerJoin('lake_tables', 'lake_tables.id', 'datasets.table_id')
    .select(['datasets.id', rowCount.as('rows')])
    // Tables of older versions do not know it: what came is told then.
    .select(
      sql<string>`coalesce(total_bytes, (
        select sum(bytes) from batches where dataset_id = datasets.id and state = 'success'
      ), 0)`.as('bytes'),
    )
    .where('datasets.sandbox_id', '=', sandboxId)
    .where('datasets.id', 'in', datasetIds)
    .execute()
  const newest = await db
    .selectFrom('batches')
    .distinctOn(['dataset_id', 'state'])
    .select(['dataset_id', 'id', 'state', 'created_at'])
    .where('sandbox_id', '=', sandboxId)
    .where('dataset_id', 'in', datasetIds)
    .orderBy('dataset_id')
    .orderBy('state')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  const newestOf = Map.groupBy(
    newest.toSorted((a, b) => b.created_at.getTime() - a.created_at.getTime() || (a.id < b.id ? 1 : -1)),
    (batch) => batch.dataset_id,
  )
  return new Map(
    held.map(({ id, rows, bytes }) => {
      const batches = newestOf.get(id) ?? []
      const idOf = (wanted: string) => batches.find(({ state }) => state === wanted)?.id
      return [
        id,
        {
          rowCount: Number(rows),
          bytes: Number(bytes),
          lastBatchId: batches[0]?.id,
          lastBatchState: batches[0]?.state,
          lastSuccessfulBatchId: idOf('success'),
          lastFailedBatchId: idOf('failed'),
        },
      ]
    }),
  )
}

/** How many datasets there are and how many rows they hold. */
export async function selectTotals(
  db: Db,
): Promise<{ readonly datasetCount: number; readonly rowCount: number }> {
  const row = await db
    .selectFrom('datasets')
    .leftJoin('lake_tables', 'lake_tables.id', 'datasets.table_id')
    .select((select) => [
      select.fn.count<string>('datasets.id').as('datasets'),
      sql<string | null>`sum(${rowCount})`.as('rows'),
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
