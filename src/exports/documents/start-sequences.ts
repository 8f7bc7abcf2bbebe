import { z } from 'zod'
import { must } from '#base/assert.ts'
import type { Caller } from '#datasets/datasets.ts'
import { selectLastSequences } from '#metadata/exports.ts'
import type { Transaction } from '#metadata/metadata.ts'
import type { FlowDocument } from './entity-schemas.ts'

/** By dataset. */
const startSequences = z.record(z.string(), z.int().nonnegative())

/**
 * The last commit of each dataset's table when it joined a flow. An export of only what is new delivers what comes after
 * it, and windows of record time what was there; it is settled once, in the transaction that makes or changes the flow: a
 * commit that is under way then gets a later place, whatever the clocks say.
 */
export async function settleStarts(
  tx: Transaction,
  caller: Caller,
  datasetIds: readonly string[],
  settled: unknown = {},
): Promise<Record<string, number>> {
  const known = startSequences.parse(settled)
  const joining = datasetIds.filter((id) => known[id] === undefined)
  return { ...known, ...(await selectLastSequences(tx, caller.sandbox.id, joining)) }
}

/** Of a flow as it is stored. */
export function startSequenceOf(stored: Readonly<Record<string, unknown>>, datasetId: string): number {
  const starts = startSequences.parse(stored['startSequences'])
  return must(starts[datasetId], `the start of dataset ${datasetId} was settled when it joined the flow`)
}

/** Whether live runs deliver only what has come since the flow was made. */
export function isOnlyNew({ scheduleParams }: Pick<FlowDocument, 'scheduleParams'>): boolean {
  const { startsWith, exportMode } = scheduleParams
  return startsWith === 'new' && exportMode !== 'DAILY_FULL_EXPORT'
}
