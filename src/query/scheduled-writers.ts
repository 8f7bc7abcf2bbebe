import type { DatasetId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { ScheduleRule } from '#jobs/jobs.ts'
import {
  type ScheduledQueryRow,
  selectEnabledScheduledQueries,
  selectRunPace,
} from '#metadata/scheduled-queries.ts'
import { findTable } from './names/find-table.ts'
import { focusOf } from './names/focus.ts'
import { outputText } from './tables/output-text.ts'
import { ruleOf, timingOf } from './background/schedules.ts'
import type { QueryServiceOptions } from './services.ts'
import { tablesOf } from './background/statement-tables.ts'
import { readRequest } from './background/stored-request.ts'
import { queryKind } from './background/submitted-queries.ts'

/** A scheduled query that stores rows in a dataset. */
export interface ScheduledWriter {
  readonly scheduleId: string
  readonly name: string
  readonly rule: ScheduleRule
  /** From the tick to the end, of the longest of its newest runs; undefined: none has succeeded yet. */
  readonly longestMs: number | undefined
  /** A run of it is begun and not over. */
  readonly isUnderWay: boolean
}

export interface ScheduledWriters {
  /** By dataset: the enabled ones whose text names it as the place of its rows, as far as the caller may see it. */
  of(
    caller: Caller,
    datasetIds: readonly DatasetId[],
  ): Promise<ReadonlyMap<DatasetId, readonly ScheduledWriter[]>>
}

type Services = Pick<QueryServiceOptions, 'access' | 'clock' | 'datasets' | 'metadata' | 'sql'>

/** One look takes so many schedules. */
const schedulesMax = 1_000
const runsLookedAt = 30

export function createScheduledWriters(services: Services): ScheduledWriters {
  const { db } = services.metadata
  return {
    of: async (caller, datasetIds) => {
      const found = new Map(datasetIds.map((id): [DatasetId, ScheduledWriter[]] => [id, []]))
      for (const row of await selectEnabledScheduledQueries(db, caller.sandbox.id, schedulesMax)) {
        // Of a text that means nothing any more its own run will tell.
        const written = await writtenBy(services, caller, row).catch(() => new Set<DatasetId>())
        const asked = [...found].flatMap(([id, list]) => (written.has(id) ? [list] : []))
        if (asked.length === 0) continue
        const { id: scheduleId, name } = row
        const pace = await selectRunPace(db, {
          kind: queryKind,
          subjectId: scheduleId,
          runsMax: runsLookedAt,
        })
        for (const list of asked) list.push({ scheduleId, name, rule: ruleOf(timingOf(row)), ...pace })
      }
      return found
    },
  }
}

async function writtenBy(
  services: Services,
  caller: Caller,
  row: ScheduledQueryRow,
): Promise<ReadonlySet<DatasetId>> {
  const request = readRequest(row.request)
  const focus = await focusOf(services, { caller, database: request.database })
  const scope = { services, caller, focus }
  const text = await outputText(scope, { text: row.sql, request, appends: true })
  const statements = services.sql.split(text).map((scanned) => services.sql.parse(scanned))
  const ids = new Set<DatasetId>()
  for (const { parts } of tablesOf(statements).written) {
    const dataset = await findTable(scope, parts)
    if (dataset) ids.add(dataset.id)
  }
  return ids
}
