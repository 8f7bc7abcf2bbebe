import type { SecretStore } from '#access/secret-store.ts'
import type { Clock } from '#base/clock.ts'
import type { DatasetId } from '#base/ids.ts'
import type { Logger } from '#base/log.ts'
import type { Jobs } from '#jobs/jobs.ts'
import { selectArrival, selectQueryRunEnd, selectTriggeredFlows } from '#metadata/export-triggers.ts'
import { selectEntity } from '#metadata/exports.ts'
import { selectRunId, updateTick } from '#metadata/jobs.ts'
import type { Metadata } from '#metadata/metadata.ts'
import type { PageStart } from '#metadata/page.ts'
import type { Notify } from '#notify/notify.ts'
import { type FlowDocument, readDocument } from './documents/entity-schemas.ts'
import type { LandingPlace } from './destinations/landing-place.ts'
import { laneOf } from './documents/run-order.ts'
import { isOnlyNew, startSequenceOf } from './documents/start-sequences.ts'
import { datasetIdOf, sharesOf } from './run-subject.ts'
import { tellEndings } from './tell/tell-endings.ts'
import { tellExpiring } from './tell/tell-expiring.ts'
import { tellDelays, tellRetries } from './tell/tell-export.ts'
import { tellLate } from './tell/tell-late.ts'

export interface TriggersOptions {
  readonly metadata: Metadata
  readonly jobs: Jobs
  readonly clock: Clock
  readonly logger: Logger
  readonly notify: Pick<Notify, 'send' | 'isMailing'>
  readonly secrets: SecretStore
  readonly home: string
  readonly landing: LandingPlace
}

const lookEveryMs = 5_000
/** So many looks for runs to one for schedules and credentials that end, and to one for runs that are late. */
const looksOfEnding = 60
const looksOfDelay = 6
const tellers = [
  { looks: looksOfEnding, tell: tellEndings },
  { looks: looksOfEnding, tell: tellExpiring },
  { looks: looksOfDelay, tell: tellDelays },
  { looks: looksOfDelay, tell: tellLate },
  { looks: looksOfDelay, tell: tellRetries },
] as const
/** Flows one look takes. */
const flowsMax = 10_000
const quietMinutesDefault = 5
/** Where rows keep coming, those that have come are not waited with for longer. */
const quietPeriodsMax = 12

/**
 * Makes the runs of flows that follow a scheduled query or the arrival of rows. A run is named by the moment it follows,
 * so that a second look, or node, makes no other.
 */
export function startTriggers(options: TriggersOptions): AsyncDisposable {
  const { clock, logger } = options
  const stop = new AbortController()
  const looking = (async () => {
    const starts = new Map<(typeof tellers)[number], PageStart>()
    for (let look = 0; !stop.signal.aborted; look += 1) {
      for (const teller of tellers) {
        if (look % teller.looks !== 0) continue
        const next = await teller.tell(options, starts.get(teller)).catch((error: unknown) => {
          logger.log('warn', 'export.alert_failed', { error })
        })
        if (next) starts.set(teller, next)
        else starts.delete(teller)
      }
      await lookForTriggers(options).catch((error: unknown) =>
        logger.log('warn', 'export.triggers.failed', { error }),
      )
      await clock.sleep(lookEveryMs, stop.signal).catch(() => {}) // Stopped.
    }
  })()
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await looking
    },
  }
}

/** One look. Returns how many runs are due by it, those made before included. */
export async function lookForTriggers({
  metadata,
  jobs,
  clock,
}: Pick<TriggersOptions, 'metadata' | 'jobs' | 'clock'>): Promise<number> {
  let runCount = 0
  let isNew = false
  for (const row of await selectTriggeredFlows(metadata.db, flowsMax)) {
    const flow = readDocument('flows', row.document)
    const sourceId = flow.sourceConnectionIds[0] ?? ''
    const source = await selectEntity(metadata.db, row.sandbox_id, 'sourceConnections', sourceId)
    if (!source || !isOpen(flow, clock.now())) continue
    const { datasets } = readDocument('sourceConnections', source.document).params
    const ids = datasets.map(({ dataSetId }) => dataSetId)
    const first = row.document['firstDatasetId']
    for (const { subjectId, payload } of sharesOf(row.id, ids, typeof first === 'string' ? first : ids[0])) {
      const moment = await momentOf({ metadata, clock }, row, flow, datasetIdOf(payload))
      if (!moment) continue
      runCount += 1
      const key = { kind: 'export', subjectId, tick: moment.at.toISOString() }
      if ((await selectRunId(metadata.db, key)) !== undefined) continue
      await metadata.transaction(async (tx) => {
        // One that has not begun delivers what has come meanwhile.
        if (await updateTick(tx, { ...key, now: clock.now() })) return
        await jobs.enqueue(tx, {
          ...key,
          dueAt: clock.now(),
          principalId: row.updated_by,
          sandboxId: row.sandbox_id,
          payload: { ...payload, ...moment.caused },
          priority: flow.scheduleParams.priority ?? 0,
          ...(await laneOf(tx, row.sandbox_id, flow)),
        })
      })
      isNew = true
    }
  }
  if (isNew) jobs.ring()
  return runCount
}

interface Moment {
  readonly at: Date
  /** By which run. */
  readonly caused?: Readonly<Record<string, unknown>>
}

type Row = Awaited<ReturnType<typeof selectTriggeredFlows>>[number]

/** What has happened since the flow was made and asks for a run. */
async function momentOf(
  { metadata, clock }: Pick<TriggersOptions, 'metadata' | 'clock'>,
  row: Row,
  flow: FlowDocument,
  datasetId: DatasetId | undefined,
): Promise<Moment | undefined> {
  const { timeUnit, queryScheduleId, quietMinutes = quietMinutesDefault } = flow.scheduleParams
  if (timeUnit === 'query') {
    const run = await selectQueryRunEnd(metadata.db, {
      scheduleId: queryScheduleId ?? '',
      sandboxId: row.sandbox_id,
    })
    if (!run || run.at <= row.created_at) return undefined
    return { at: run.at, caused: { followedRunId: run.runId, followedQueryId: queryScheduleId } }
  }
  if (datasetId === undefined) return undefined
  const afterSequence = isOnlyNew(flow) ? startSequenceOf(row.document, datasetId) : 0
  const arrival = await selectArrival(metadata.db, {
    id: row.id,
    datasetId,
    sandboxId: row.sandbox_id,
    afterSequence,
  })
  const at = arrival && momentAfter(arrival, { now: clock.now(), quietMs: quietMinutes * 60_000 })
  return at && { at }
}

/** The end of a quiet time; of rows that keep coming each time that the first of them have waited for several. */
function momentAfter(
  { first, last }: { readonly first: Date; readonly last: Date },
  { now, quietMs }: { readonly now: Date; readonly quietMs: number },
): Date | undefined {
  if (now.getTime() - last.getTime() >= quietMs) return last
  const longestMs = quietPeriodsMax * Math.max(quietMs, 60_000)
  const waits = Math.floor((now.getTime() - first.getTime()) / longestMs)
  return waits < 1 ? undefined : new Date(first.getTime() + waits * longestMs)
}

function isOpen({ scheduleParams }: FlowDocument, now: Date): boolean {
  const seconds = now.getTime() / 1_000
  return seconds >= scheduleParams.startTime && seconds < (scheduleParams.endTime ?? Infinity)
}
