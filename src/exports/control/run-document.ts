import type { Caller } from '#datasets/datasets.ts'
import type { PlannedRun } from '#metadata/exports.ts'
import { never, type RunRow } from '#metadata/jobs.ts'
import { auditFields, flowState } from '../documents/entity-document.ts'
import { etagOfRun } from './run-control.ts'
import { flowIdOf } from '../run-subject.ts'

type Json = Record<string, unknown>

/**
 * A run as the Flow Service tells it. Clients wait until `completedAtUTC`, `outputBytes`, `outputRecordCount` and
 * `outputFileCount` are all there: a finished run always has them, one under way has no end.
 */
export function runDocument(run: RunRow, exported: PlannedRun | undefined, caller: Caller): Json {
  const isOver = run.finished_at !== null
  const result = run.result ?? {}
  const counts = {
    rowCount: numberOf(result['rowCount']),
    bytes: numberOf(result['bytes']),
    fileCount: numberOf(result['fileCount']),
    skipped: numberOf(result['skippedRowCount']),
  }
  const inputRecordCount = counts.rowCount + counts.skipped
  const state = flowState(run.state)
  const errors =
    run.code === null || state === 'success'
      ? []
      : [{ code: run.code, message: run.message ?? '', type: state === 'failed' ? 'Error' : 'Warning' }]
  const cancelled =
    run.state === 'cancelled'
      ? [{ code: 'job.cancelled', message: 'The run was cancelled.', type: 'Error' }]
      : errors
  const plan = exported?.plan ?? {}
  const activities = exported ? activitiesOf(run, { plan, counts, state }) : []
  const entity = exported ? [{ id: `dataset:${exported.dataset_id}`, ...records(counts.rowCount) }] : []
  return {
    id: run.id,
    ...auditFields(
      {
        created_at: run.created_at,
        created_by: run.principal_id,
        updated_at: run.updated_at,
        updated_by: run.principal_id,
      },
      caller,
    ),
    flowId: flowIdOf(run.subject_id),
    ...(typeof plan['flowSpecId'] === 'string'
      ? { flowSpec: { id: plan['flowSpecId'], version: '1.0' } }
      : {}),
    providerRefId: run.id.replaceAll('-', ''),
    etag: etagOfRun(run),
    metrics: {
      durationSummary: {
        ...(run.started_at ? { startedAtUTC: run.started_at.getTime() } : {}),
        ...(run.finished_at ? { completedAtUTC: run.finished_at.getTime() } : {}),
      },
      ...(isOver
        ? {
            sizeSummary: { inputBytes: counts.bytes, outputBytes: counts.bytes },
            recordSummary: {
              inputRecordCount,
              ...records(counts.rowCount),
              skippedRecordCount: counts.skipped,
              sourceSummaries: [
                {
                  id: plan['sourceConnectionId'] ?? '',
                  inputRecordCount,
                  ...skippedOf(counts.skipped),
                  entitySummaries: entity.map(({ id }) => ({
                    id,
                    inputRecordCount,
                    ...skippedOf(counts.skipped),
                  })),
                },
              ],
              targetSummaries: [
                {
                  id: plan['targetConnectionId'] ?? '',
                  ...records(counts.rowCount),
                  entitySummaries: entity,
                },
              ],
              skippedInfo: skippedInfo(counts.skipped),
              failedInfo: state === 'failed' ? cancelled : [],
            },
            fileSummary: { inputFileCount: counts.fileCount, outputFileCount: counts.fileCount },
          }
        : {}),
      statusSummary: { status: state, activityRefs: activities.map(({ id }) => id), errors: cancelled },
    },
    activities,
    // Ours: what a run is doing, and where its delivery lies.
    sluice: {
      state: run.state,
      tick: run.tick,
      attempt: run.fence,
      progress: run.progress,
      ...(Array.isArray(plan['warnings']) ? { warnings: plan['warnings'] } : {}),
      ...(run.result ? { result: run.result } : {}),
      // One that a person paused has none.
      ...(run.state === 'waiting' && run.due_at < never ? { retryAt: run.due_at.getTime() } : {}),
    },
  }
}

/** The platform's two of a run of files: what reads, and what publishes. They begin and end with the run. */
function activitiesOf(
  run: RunRow,
  {
    plan,
    counts: { rowCount, bytes, fileCount, skipped },
    state,
  }: {
    readonly plan: Json
    readonly counts: Readonly<Record<'rowCount' | 'bytes' | 'fileCount' | 'skipped', number>>
    readonly state: string
  },
): ({ readonly id: string } & Json)[] {
  const common = {
    updatedAtUTC: run.updated_at.getTime(),
    durationSummary: {
      ...(run.started_at ? { startedAtUTC: run.started_at.getTime() } : {}),
      ...(run.finished_at ? { completedAtUTC: run.finished_at.getTime() } : {}),
    },
    latencySummary: {},
  }
  const read = plan['content'] === 'increment' ? 'incremental' : 'snapshot'
  return [
    {
      id: `${run.id}-processor`,
      name: 'Activation Batch XdmProcessor Activity',
      ...common,
      sizeSummary: { inputBytes: bytes },
      recordSummary: { inputRecordCount: rowCount + skipped, ...skippedOf(skipped) },
      fileSummary: {},
      statusSummary: { status: state, extensions: { [`${read}.datasetId`]: plan['datasetId'] } },
    },
    {
      id: `${run.id}-publisher`,
      name: 'Activation Batch Publisher Activity',
      ...common,
      sizeSummary: { outputBytes: bytes },
      recordSummary: records(rowCount),
      fileSummary: { outputFileCount: fileCount },
      statusSummary: { status: state },
    },
  ]
}

function skippedOf(skippedRecordCount: number): Json {
  return skippedRecordCount === 0 ? {} : { skippedRecordCount }
}

function skippedInfo(count: number): Json[] {
  if (count === 0) return []
  return [
    { code: 'EXPORT-100-SKIP', message: 'Rows are older than the export delivers.', count, type: 'Warning' },
  ]
}

function records(rowCount: number): Json {
  return { createdRecordCount: rowCount, outputRecordCount: rowCount }
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
