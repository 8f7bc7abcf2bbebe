import type { DatasetId, FlowId } from '#base/ids.ts'
import type { Share } from '#jobs/jobs.ts'

/**
 * What the runs of a flow work for: each dataset of it has runs of its own, in an order of their own. The subject of the
 * dataset that the flow began with is the flow's id alone.
 */
export function subjectOf(flowId: string, datasetId: string, firstDatasetId: string | undefined): string {
  return firstDatasetId === undefined || datasetId === firstDatasetId ? flowId : `${flowId}:${datasetId}`
}

export function flowIdOf(subjectId: string): FlowId {
  return (subjectId.split(':', 1)[0] ?? '') as FlowId
}

export function sharesOf(
  flowId: string,
  datasetIds: readonly string[],
  firstDatasetId: string | undefined,
): Share[] {
  return datasetIds.map((datasetId) => ({
    subjectId: subjectOf(flowId, datasetId, firstDatasetId),
    payload: { datasetId },
  }))
}

/** Undefined in runs from before flows had several datasets. */
export function datasetIdOf(payload: Readonly<Record<string, unknown>>): DatasetId | undefined {
  const { datasetId } = payload
  return typeof datasetId === 'string' ? (datasetId as DatasetId) : undefined
}

/** Whether a run is of a moment, not of somebody who asked for it. */
export function isScheduled(tick: string): boolean {
  return /^\d{4}-\d\d-\d\dT/.test(tick)
}
