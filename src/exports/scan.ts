import type { SnapshotId, TableId } from '#base/ids.ts'
import { must } from '#base/assert.ts'
import type { Engine } from '#engine/engine.ts'
import type { Lake, ScanPlan } from '#lake/lake.ts'
import { stringType } from '#types/data-type.ts'
import type { ExportPlan } from './export-plan.ts'
import { recordCondition, recordPredicates } from './record-time.ts'

/** What a plan reads. */
export interface ExportScan extends Pick<ScanPlan, 'sql' | 'files' | 'bytes'> {
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
  const { files, bytes, rowCount } = scan
  if (!records || files.length === 0) return { sql: scan.sql, files, bytes, rowCount, isFiltered: false }
  const sql = `(SELECT * FROM ${scan.sql} AS scanned WHERE ${recordCondition(records)})`
  return { sql, files, bytes, rowCount, isFiltered: true }
}

async function columnsLeft(lake: Lake, plan: ExportPlan): Promise<readonly string[]> {
  const had = new Set(plan.columns.map(({ name }) => name))
  const { schema } = await lake.table(plan.tableId as TableId)
  return schema.fields.map(({ name }) => name).filter((name) => had.has(name))
}

const rowsAtOnce = 10_000
const bytesAtOnce = 4 * 1024 * 1024

/** How many rows have each value of an expression; of all rows, when it is a constant. Files are leased. */
export async function countBy(
  engine: Engine,
  scan: Pick<ExportScan, 'sql'> & { readonly paths: readonly string[] },
  expression: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const names = ['value', 'rows']
  await using pull = await engine.open(
    {
      sql: `SELECT ${expression} AS value, CAST(count(*) AS VARCHAR) AS rows FROM ${scan.sql} AS counted GROUP BY 1 ORDER BY 1`,
      files: scan.paths,
      pool: 'batch',
    },
    {
      encoding: { kind: 'jsonRows' },
      columns: names.map((name) => ({ name, type: stringType })),
      signal,
    },
  )
  const counts = new Map<string, number>()
  for (;;) {
    const { bytes, state } = await pull.pull({ rowCountMax: rowsAtOnce, bytesMax: bytesAtOnce })
    for (const line of Buffer.from(bytes).toString().split('\n').filter(Boolean)) {
      const [value, rows] = JSON.parse(line) as (string | null)[]
      counts.set(must(value, 'an expression to count by is never NULL'), Number(rows))
    }
    if (state === 'done') return counts
  }
}
