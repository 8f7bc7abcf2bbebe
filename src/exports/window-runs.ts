import { must } from '#base/assert.ts'
import type { RunRow } from '#metadata/jobs.ts'
import type { WindowRun } from './exports.ts'
import type { RecordWindow } from './record-windows.ts'
import { datasetIdOf } from './run-subject.ts'

/** The newest run of each dataset's window, by dataset and time. */
export function newestOfWindows(runs: readonly RunRow[]): RunRow[] {
  const byKey = new Map(runs.map((run) => [windowKey(run), run]))
  return [...byKey.entries()].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, run]) => run)
}

export function windowKey({ payload }: { readonly payload: Readonly<Record<string, unknown>> }): string {
  const { from, before } = windowOf(payload)
  return `${String(payload['datasetId'])} ${from} ${before}`
}

function windowOf(payload: Readonly<Record<string, unknown>>): RecordWindow {
  return payload['window'] as RecordWindow
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
