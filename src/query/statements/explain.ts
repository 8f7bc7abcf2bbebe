import { openRows } from '../rows/engine-rows.ts'
import type { PlannedQuery } from '../rows/plan-query.ts'
import { pullAll } from '../rows/pull-all.ts'
import type { Scope } from '../scope.ts'

/** What running a query took. */
export interface Took {
  readonly rowCount: number
  readonly ms: number
}

/** All its rows are computed and given to nobody. */
export async function runToEnd(scope: Scope, planned: PlannedQuery): Promise<Took> {
  const startedAt = performance.now()
  await using rows = await openRows(scope, planned, { encoding: { kind: 'jsonRows' }, cap: undefined })
  const rowCount = await pullAll(rows)
  return { rowCount, ms: performance.now() - startedAt }
}

/** The plan as people read it: what is read of which table. Nothing of the engine or its files shows. */
export function explainText({ columns, scans }: PlannedQuery, took?: Took): string[] {
  return [
    `Query (columns=${columns.length})${took ? ` (actual rows=${took.rowCount})` : ''}`,
    ...scans.map(
      ({ tableName, plan }) =>
        `  ->  Scan on ${tableName} (rows<=${plan.rowCount}, files=${plan.files.length}, skipped=${plan.filesSkipped}, bytes=${plan.bytes})`,
    ),
    ...(took ? [`Execution Time: ${took.ms.toFixed(3)} ms`] : []),
  ]
}

export function explainJson({ columns, scans }: PlannedQuery, took?: Took): string {
  return JSON.stringify([
    {
      Plan: {
        'Node Type': 'Query',
        Columns: columns.map(({ name }) => name),
        ...(took ? { 'Actual Rows': took.rowCount } : {}),
        Plans: scans.map(({ tableName, plan }) => ({
          'Node Type': 'Scan',
          'Relation Name': tableName,
          'Plan Rows': plan.rowCount,
          Files: plan.files.length,
          'Files Skipped': plan.filesSkipped,
          Bytes: plan.bytes,
        })),
      },
      ...(took ? { 'Execution Time': Number(took.ms.toFixed(3)) } : {}),
    },
  ])
}
