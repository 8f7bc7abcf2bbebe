import { AppError } from '#base/errors.ts'
import { type FlowId, parseId, type RunId, type SnapshotId } from '#base/ids.ts'
import type { Caller, Dataset } from '#datasets/datasets.ts'
import type { Transaction } from '#metadata/metadata.ts'
import { isOnlyNew } from '../documents/start-sequences.ts'
import { pinOwner } from '../export-plan.ts'
import type { AdHocBackfill } from '../exports.ts'
import { windowColumn } from '../plan/plan-content.ts'
import { type PlanOptions, readFlow } from '../plan/plan.ts'
import type { RecordWindow } from '../record-windows.ts'

const dayMs = 86_400_000
/** Longer ones the reference platform fails. */
const daysMax = 30
/** What is delivered where a range is not said whole. */
const daysWithoutRange = 365
/** How long its run may wait for its turn before its snapshot may expire. */
export const pinMs = 7 * dayMs

/** What an ad hoc run with a backfill is made with: beside the live runs, and beside the windows that are each delivered once. */
export interface AdHocWindow {
  readonly dataset: Dataset
  readonly payload: {
    readonly isAdHoc: true
    readonly window: RecordWindow & { readonly throughSequence: number; readonly snapshotId?: string }
  }
}

/**
 * Rows of the table as it is now, by their times.
 * @throws AppError 'flow.invalid', 'request.invalid'
 */
export async function adHocWindow(
  options: PlanOptions,
  caller: Caller,
  wanted: { readonly flowId: FlowId; readonly datasetId: string; readonly backfill: AdHocBackfill },
): Promise<AdHocWindow> {
  const { lake, clock } = options
  const datasetId = parseId('dataset', wanted.datasetId)
  const { dataset, document } = await readFlow(options, { caller, flowId: wanted.flowId, datasetId })
  if (isOnlyNew(document))
    throw new AppError(
      'flow.invalid',
      'The windows of an export that startsWith "new" are each delivered once.',
      {
        hint: 'Ask for them with POST /sluice/v1/exports/FLOW/backfill.',
      },
    )
  const range = adHocRange(wanted.backfill, clock.now())
  windowColumn(await lake.table(dataset.tableId)) // Said now, not by the run.
  const snapshot = await lake.snapshot(dataset.tableId)
  const window = {
    ...range,
    throughSequence: snapshot?.commitSequence ?? 0,
    ...(snapshot ? { snapshotId: snapshot.snapshotId } : {}),
  }
  return { dataset, payload: { isAdHoc: true, window } }
}

/** @throws AppError 'request.invalid' */
function adHocRange({ startDate, endDate }: AdHocBackfill, now: Date): RecordWindow {
  if (startDate === undefined || endDate === undefined)
    return {
      from: new Date(now.getTime() - daysWithoutRange * dayMs).toISOString(),
      before: now.toISOString(),
    }
  const spanMs = endDate.getTime() - startDate.getTime()
  if (spanMs <= 0) throw new AppError('request.invalid', 'backfill: the endDate is not behind the startDate.')
  if (spanMs > daysMax * dayMs)
    throw new AppError(
      'request.invalid',
      `backfill: from startDate to endDate are at most ${daysMax} days.`,
      {
        hint: 'Ask for several, one after the other, or for windows with POST /sluice/v1/exports/FLOW/backfill.',
      },
    )
  return { from: startDate.toISOString(), before: endDate.toISOString() }
}

/** So that what it reads is there when it begins. */
export async function pinWindow(
  { lake, clock }: Pick<PlanOptions, 'lake' | 'clock'>,
  tx: Transaction,
  { dataset, payload }: AdHocWindow,
  runId: RunId,
): Promise<void> {
  const { snapshotId } = payload.window
  if (snapshotId === undefined) return
  const until = new Date(clock.now().getTime() + pinMs)
  await lake.pin(tx, {
    tableId: dataset.tableId,
    snapshotId: snapshotId as SnapshotId,
    owner: pinOwner(runId),
    until,
  })
}
