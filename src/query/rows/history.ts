import type { SnapshotId, TableId } from '#base/ids.ts'
import type { Lake, ScanPlan, Snapshot } from '#lake/lake.ts'

/** Rows that we know: nothing is read. */
export interface HistoryPlan extends Omit<ScanPlan, 'parts' | 'wholeSql'> {
  /** The same for Spark. */
  readonly sparkSql: string
}

/** The snapshots of a table up to one, oldest first, as `history_meta` shows them. */
export async function planHistory(
  lake: Lake,
  tableId: TableId,
  newest: Snapshot | undefined,
): Promise<HistoryPlan> {
  const seen = new Set<SnapshotId>()
  const snapshots = (await lake.commits(tableId)).filter(({ snapshotId, commitSequence }) => {
    if (seen.has(snapshotId) || commitSequence > (newest?.commitSequence ?? 0)) return false
    seen.add(snapshotId)
    return true
  })
  const rows = snapshots.map(({ snapshotId, committedAt }, index) => {
    const parent = snapshots[index - 1]?.snapshotId ?? 'NULL'
    return `('${committedAt.toISOString()}', ${snapshotId}, ${parent}, ${index === snapshots.length - 1})`
  })
  return {
    sql: textOf(rows, 'TIMESTAMPTZ'),
    sparkSql: textOf(rows, 'TIMESTAMP'),
    files: [],
    rowCount: snapshots.length,
    bytes: 0,
    filesSkipped: 0,
  }
}

function textOf(rows: readonly string[], instant: string): string {
  const types = {
    made_current_at: instant,
    snapshot_id: 'BIGINT',
    parent_id: 'BIGINT',
    is_current: 'BOOLEAN',
  }
  const items = Object.entries(types).map(([name, type]) => `CAST(${name} AS ${type}) AS ${name}`)
  const values = rows.length === 0 ? '(NULL, NULL, NULL, NULL)' : rows.join(', ')
  const where = rows.length === 0 ? ' WHERE false' : ''
  return `(SELECT ${items.join(', ')} FROM (VALUES ${values}) AS h(${Object.keys(types).join(', ')})${where})`
}
