import type { PlannedQuery } from './plan-query.ts'

/** The plan as people read it: what is read of which table. Nothing of the engine or its files shows. */
export function explainText({ columns, scans }: PlannedQuery): string[] {
  return [
    `Query (columns=${columns.length})`,
    ...scans.map(
      ({ tableName, plan }) =>
        `  ->  Scan on ${tableName} (rows<=${plan.rowCount}, files=${plan.files.length}, skipped=${plan.filesSkipped}, bytes=${plan.bytes})`,
    ),
  ]
}

export function explainJson({ columns, scans }: PlannedQuery): string {
  return JSON.stringify([
    {
      Plan: {
        'Node Type': 'Query',
        Columns: columns.map(({ name }) => name),
        Plans: scans.map(({ tableName, plan }) => ({
          'Node Type': 'Scan',
          'Relation Name': tableName,
          'Plan Rows': plan.rowCount,
          Files: plan.files.length,
          'Files Skipped': plan.filesSkipped,
          Bytes: plan.bytes,
        })),
      },
    },
  ])
}
