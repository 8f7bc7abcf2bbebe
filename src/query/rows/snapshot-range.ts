import { AppError } from '#base/errors.ts'
import { isId, type SnapshotId, type TableId } from '#base/ids.ts'
import type { SnapshotBound, SnapshotClause } from '#sql/compile.ts'
import type { StepPins } from '../journal.ts'
import { placedAt } from '../placed-at.ts'
import type { Scope } from '../scope.ts'

/** The commits whose rows are read: those in (afterSequence, snapshot]. */
export interface SnapshotRange {
  readonly snapshotId: SnapshotId | undefined
  readonly afterSequence?: number
}

/** `SINCE s` is exclusive, `AS OF e` inclusive; HEAD lies before the first snapshot, TAIL is the newest. */
export async function snapshotRange(
  scope: Scope,
  {
    tableId,
    clause,
    pins,
  }: { readonly tableId: TableId; readonly clause: SnapshotClause | undefined; readonly pins: StepPins },
): Promise<SnapshotRange> {
  const newest = await pins.snapshot(tableId)
  if (!clause) return { snapshotId: newest?.snapshotId }
  const { lake } = scope.services
  const named = async (text: string) => {
    const bound = text.trim().toUpperCase()
    if (bound === 'HEAD') return undefined
    if (bound === 'TAIL') return newest
    if (isId('snapshot', bound)) return await lake.snapshot(tableId, bound)
    const at = timeOf(text)
    if (at) return await lake.snapshotAt(tableId, at)
    throw new AppError(
      'query.value',
      `A snapshot id, a time, 'HEAD' or 'TAIL' was expected, ${JSON.stringify(text.slice(0, 80))} came.`,
    )
  }
  const bound = async ({ text, at }: SnapshotBound) => await placedAt(at, async () => await named(text))
  const end = clause.asOf === undefined ? newest : await bound(clause.asOf)
  if (clause.since === undefined) return { snapshotId: end?.snapshotId }
  try {
    const start = await bound(clause.since)
    return { snapshotId: end?.snapshotId, afterSequence: start?.commitSequence ?? 0 }
  } catch (error) {
    const fallsBack = scope.properties.isTrue('resolve_fallback_snapshot_on_failure')
    if (!(error instanceof AppError) || error.code !== 'source.removed' || !fallsBack) throw error
    const [oldest] = await lake.commits(tableId)
    // The files of a compaction hold the rows of all that expired before it: none may be lost to who asks for a start.
    const isWhole = oldest?.operation !== 'append'
    return { snapshotId: end?.snapshotId, afterSequence: isWhole ? 0 : oldest.commitSequence - 1 }
  }
}

/** `2026-01-31` and `2026-01-31 10:00:00[.5]`, of UTC; also with `T` and a zone, as variables give times. */
function timeOf(text: string): Date | undefined {
  const match = /^(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:\d{2})?)?$/i.exec(
    text.trim(),
  )
  if (!match) return undefined
  const [, date, time = '00:00', zone = 'Z'] = match
  const at = new Date(`${date}T${time}${zone}`)
  return Number.isNaN(at.getTime()) ? undefined : at
}
