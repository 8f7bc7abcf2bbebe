import type { SnapshotId, TableId } from '#base/ids.ts'
import { must } from '#base/assert.ts'
import type { Engine } from '#engine/engine.ts'
import { smallResult } from '#engine/small-result.ts'
import type { Lake, ScanPlan } from '#lake/lake.ts'
import { stringType } from '#types/data-type.ts'
import type { ExportPlan } from '../export-plan.ts'
import { recordCondition, recordPredicates } from '../manifests/record-time.ts'

/** What a plan reads. */
export interface ExportScan extends Pick<ScanPlan, 'sql' | 'parts' | 'files' | 'bytes'> {
  /** Σ record counts of the files: of what is delivered exactly, unless `isFiltered`. */
  readonly rowCount: number
  /** Only rows of some times are read: their number is counted by a statement. */
  readonly isFiltered: boolean
}

/** @throws AppError 'source.removed' */
export async function scanOf(
  { lake, plan }: { readonly lake: Lake; readonly plan: ExportPlan },
  signal: AbortSignal,
): Promise<ExportScan> {
  const { records } = plan
  // What is delivered again has the columns that it had.
  const columns = plan.repeats === undefined ? undefined : await columnsLeft(lake, plan)
  const scan = await lake.plan({
    tableId: plan.tableId as TableId,
    snapshotId: plan.snapshotId as SnapshotId | undefined,
    ...(plan.content === 'increment' ? { afterSequence: plan.afterSequence } : {}),
    ...(records ? { predicates: recordPredicates(records) } : {}),
    ...(columns ? { columns } : {}),
    withSystemColumns: plan.withSystemColumns,
    signal,
  })
  const { parts, files, bytes, rowCount } = scan
  if (!records || files.length === 0)
    return { sql: scan.sql, parts, files, bytes, rowCount, isFiltered: false }
  const sql = `(SELECT * FROM ${scan.sql} AS scanned WHERE ${recordCondition(records)})`
  return { sql, parts, files, bytes, rowCount, isFiltered: true }
}

async function columnsLeft(lake: Lake, plan: ExportPlan): Promise<readonly string[]> {
  const had = new Set(plan.columns.map(({ name }) => name))
  const { schema } = await lake.table(plan.tableId as TableId)
  return schema.fields.map(({ name }) => name).filter((name) => had.has(name))
}

/** How many rows have each value of an expression. Files are leased. */
export async function countBy(
  engine: Engine,
  scan: Pick<ExportScan, 'sql'> & { readonly paths: readonly string[] },
  expression: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const sql = `SELECT ${expression} AS value, CAST(count(*) AS VARCHAR) AS rows FROM ${scan.sql} AS counted GROUP BY 1 ORDER BY 1`
  const columns = ['value', 'rows'].map((name) => ({ name, type: stringType }))
  const counts = await smallResult(engine, { sql, files: scan.paths, pool: 'batch' }, { columns, signal })
  return new Map(
    counts.map(([value, rows]) => [
      must(value as string | null, 'an expression to count by is never NULL'),
      Number(rows),
    ]),
  )
}

/** How many rows are read, counted by a statement where the lake's record does not say it. Files are leased. */
export async function rowCountOf(
  engine: Engine,
  scan: Pick<ExportScan, 'sql' | 'rowCount' | 'isFiltered'> & { readonly paths: readonly string[] },
  signal: AbortSignal,
): Promise<number> {
  if (!scan.isFiltered) return scan.rowCount
  return (await countBy(engine, scan, "''", signal)).get('') ?? 0
}
