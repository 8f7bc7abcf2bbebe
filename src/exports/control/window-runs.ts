import { must } from '#base/assert.ts'
import { AppError } from '#base/errors.ts'
import type { FlowId } from '#base/ids.ts'
import { selectWindowRuns } from '#metadata/export-windows.ts'
import type { RunRow } from '#metadata/jobs.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { WindowRun } from '../exports.ts'
import type { RecordWindow } from '../record-windows.ts'
import { datasetIdOf } from '../run-subject.ts'

type WindowPayload = Readonly<Record<string, unknown>>

/** More windows than a range can have meet it only when so many were cancelled or have failed. */
const overlapsMax = 100_000

/** What tells a window of a dataset from others. */
export function windowKey({ payload }: { readonly payload: WindowPayload }): string {
  const { from, before } = windowOf(payload)
  return `${String(payload['datasetId'])} ${from} ${before}`
}

/** Of a run that was made for one. */
export function windowOf(payload: WindowPayload): RecordWindow {
  return payload['window'] as RecordWindow
}

/** Whether nothing of a window will come of its newest run. */
export function isOpenAgain({ state }: Pick<RunRow, 'state'>): boolean {
  return state === 'failed' || state === 'cancelled'
}

/** The newest runs of windows that meet a range, by their keys. Who decides by them holds the flow's lock. */
export async function windowRunsIn(
  tx: Transaction,
  flowId: FlowId,
  { datasetIds, from, before }: RecordWindow & { readonly datasetIds: readonly string[] },
): Promise<ReadonlyMap<string, RunRow>> {
  const runs = await selectWindowRuns(tx, flowId, {
    datasetIds,
    overlapping: { from, before },
    limit: overlapsMax,
  })
  return new Map(runs.map((run) => [windowKey(run), run]))
}

/**
 * Windows that meet would both deliver the rows of what they have in common.
 * @throws AppError 'request.invalid' naming the one that is there
 */
export function refuseOverlaps(runs: Iterable<RunRow>, asked: readonly WindowPayload[]): void {
  const taken = [...runs].filter((run) => !isOpenAgain(run))
  const byDataset = Map.groupBy(taken, ({ payload }) => payload['datasetId'])
  for (const payload of asked) {
    const { from, before } = windowOf(payload)
    const key = windowKey({ payload })
    const found = byDataset.get(payload['datasetId'])?.find((run) => {
      const there = windowOf(run.payload)
      return there.from < before && from < there.before && windowKey(run) !== key
    })
    if (!found) continue
    const there = windowOf(found.payload)
    throw new AppError(
      'request.invalid',
      `The window from ${from} to ${before} overlaps the one from ${there.from} to ${there.before}, which run ${found.id} delivers: its rows would come twice.`,
      { hint: `Ask for windows that begin at ${there.before}, or end by ${there.from}, or are the same.` },
    )
  }
}

export function windowRun(run: RunRow): WindowRun {
  const { from, before } = windowOf(run.payload)
  const rowCount = run.result?.['rowCount']
  return {
    datasetId: must(datasetIdOf(run.payload), 'a window is of a dataset'),
    from,
    before,
    runId: run.id,
    state: run.state,
    ...(typeof rowCount === 'number' ? { rowCount } : {}),
    ...(run.message === null || run.state === 'succeeded' ? {} : { message: run.message }),
  }
}
