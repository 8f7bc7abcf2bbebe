import type { SnapshotId, TableId } from '#base/ids.ts'
import type { Lake, ScanPlan, Snapshot } from '#lake/lake.ts'

/** The snapshots of a table up to one, oldest first, as `history_meta` shows them. */
export async function planHistory(
  lake: Lake,
  tableId: TableId,
  newest: Snapshot | undefined,
): Promise<ScanPlan> {
  const seen = new Set<SnapshotId>()
  const snapshots = (await lake.commits(tableId)).filter(({ snapshotId, commitSequence }) => {
    if (seen.has(snapshotId) || commitSequence > (newest?.commitSequence ?? 0)) return false
    seen.add(snapshotId)
    return true
  })
  const rows = snapshots.map(({ snapshotId, committedAt }, index) => {
    const parent = snapshots[index - 1]?.snapshotId
    const time = `TIMESTAMPTZ '${committedAt.toISOString()}'`
    return `(${time}, ${snapshotId}, ${parent ?? 'NULL::BIGINT'}, ${index === snapshots.length - 1})`
  })
  const columns = 'made_current_at, snapshot_id, parent_id, is_current'
  const typed =
    'SELECT CAST(made_current_at AS TIMESTAMPTZ) AS made_current_at, CAST(snapshot_id AS BIGINT) AS snapshot_id, CAST(parent_id AS BIGINT) AS parent_id, CAST(is_current AS BOOLEAN) AS is_current'
  const values = rows.length === 0 ? `(NULL, NULL, NULL, NULL)` : rows.join(', ')
  return {
    sql: `(${typed} FROM (VALUES ${values}) AS h(${columns})${rows.length === 0 ? ' WHERE false' : ''})`,
    files: [],
    rowCount: snapshots.length,
    bytes: 0,
    filesSkipped: 0,
  }
}
