import { parseId } from '#base/ids.ts'
import type { Clock } from '#base/clock.ts'
import type { Caller } from '#datasets/datasets.ts'
import { due, tickAfter } from '#jobs/due.ts'
import type { ScheduleRule } from '#jobs/jobs.ts'
import type { ScheduledWriter, ScheduledWriters } from '#query/scheduled-writers.ts'
import { type ScheduleParams, scheduleRuleOf } from './schedule-params.ts'

/** Of a query that has never run nobody knows how long it takes. */
const unknownRunMs = 15 * 60_000
/** So many deliveries that follow a run of the query are looked at, from now on. */
const meetingsMax = 200

interface Overlap {
  /** The query may still run at the export's tick, or the tick comes shortly before the query. */
  readonly kind: 'during' | 'before'
  readonly exportAt: Date
  readonly queryAt: Date
}

/**
 * The first tick of an export that meets a run of the query which writes its dataset, and else the first that comes
 * too late for one run and nearer to the next: rows then wait for most of the time between two runs.
 */
export function overlapOf(
  exported: ScheduleRule,
  query: { readonly rule: ScheduleRule; readonly longestMs: number | undefined },
  now: Date,
): Overlap | undefined {
  const spanMs = query.longestMs ?? unknownRunMs
  let before: Overlap | undefined
  let after = now
  for (let meetings = 0; meetings < meetingsMax; meetings += 1) {
    const first = tickAfter(query.rule, after)
    const exportAt = first && tickAfter(exported, new Date(first.getTime() - 1))
    if (!exportAt) break
    const queryAt = due({ rule: query.rule, owedFrom: first }, exportAt) ?? first
    const waitMs = exportAt.getTime() - queryAt.getTime()
    if (waitMs < spanMs) return { kind: 'during', exportAt, queryAt }
    const next = tickAfter(query.rule, exportAt)
    if (next && waitMs > next.getTime() - exportAt.getTime())
      before ??= { kind: 'before', exportAt, queryAt: next }
    after = queryAt
  }
  return before
}

/**
 * What is to be said of a flow whose datasets scheduled queries write: the schedules overlap, or, of a run, one of them
 * is under way.
 */
export async function overlapWarnings(
  { writers, clock }: { readonly writers: ScheduledWriters; readonly clock: Clock },
  caller: Caller,
  flow: { readonly params: ScheduleParams; readonly datasetIds: readonly string[]; readonly isRun: boolean },
): Promise<string[]> {
  const { params, datasetIds, isRun } = flow
  const rule = scheduleRuleOf(params)
  if (!rule && !isRun) return []
  const warnings: string[] = []
  const ids = datasetIds.map((id) => parseId('dataset', id))
  const found = await writers.of(caller, ids)
  for (const id of ids) {
    for (const writer of found.get(id) ?? []) {
      if (writer.scheduleId === params.queryScheduleId) continue // It is followed.
      const overlap = rule && overlapOf(rule, writer, clock.now())
      if (isRun && writer.isUnderWay) warnings.push(underWayText(writer))
      else if (overlap) warnings.push(overlapText(writer, overlap))
    }
  }
  return warnings
}

function underWayText({ name, scheduleId }: ScheduledWriter): string {
  return `The scheduled query ${JSON.stringify(name)}, which writes the dataset, was under way when this delivery was planned: what it stores later comes with the next one. ${remedy(scheduleId)}`
}

function overlapText(
  { name, scheduleId, longestMs }: ScheduledWriter,
  { kind, exportAt, queryAt }: Overlap,
): string {
  const query = `The scheduled query ${JSON.stringify(name)}, which writes the dataset,`
  const times = `runs at ${queryAt.toISOString()}, the export at ${exportAt.toISOString()}`
  const takes =
    longestMs === undefined
      ? 'it has never run, so nobody knows how long it takes'
      : `it has taken ${Math.max(1, Math.ceil(longestMs / 60_000))} min`
  const why =
    kind === 'during'
      ? `it may not be over then (${takes}), and what it stores later waits for the next delivery`
      : 'what it stores waits for the delivery after that'
  return `${query} ${times}: ${why}. ${remedy(scheduleId)}`
}

function remedy(scheduleId: string): string {
  return `Let the export follow it: "timeUnit":"query","queryScheduleId":"${scheduleId}".`
}
