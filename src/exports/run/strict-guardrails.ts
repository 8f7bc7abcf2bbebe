import { AppError } from '#base/errors.ts'
import type { Clock } from '#base/clock.ts'
import { type FlowId, parseId } from '#base/ids.ts'
import type { Caller } from '#datasets/datasets.ts'
import type { FileFormat } from '#formats/file-format.ts'
import { lockEntities, selectEntities, selectEntity, selectExportSettings } from '#metadata/exports.ts'
import type { Db, Metadata, Transaction } from '#metadata/metadata.ts'
import type { RunScope } from './run-scope.ts'
import { strictHint } from '../documents/strict-hint.ts'

const flowsMax = 100
const adHocAfterMs = 10 * 60_000
const rowsMax = 10_000_000_000
const plainParquetRowsMax = 1_000_000

interface Asking {
  readonly metadata: Metadata
  readonly clock: Clock
}

async function isStrict(db: Db, { principal }: Caller): Promise<boolean> {
  return (await selectExportSettings(db, principal.organizationId)).isStrict
}

/**
 * How many flows the reference platform has in a sandbox: asked where one more is made.
 * @throws AppError 'flow.invalid'
 */
export async function checkFlowCount(tx: Transaction, caller: Caller): Promise<void> {
  if (!(await isStrict(tx, caller))) return
  await lockEntities(tx, caller.sandbox.id)
  const flows = await selectEntities(tx, caller.sandbox.id, 'flows')
  if (flows.length < flowsMax) return
  throw new AppError(
    'flow.invalid',
    `The sandbox has ${flows.length} destinations; ${flowsMax} are the most.`,
    {
      hint: strictHint,
    },
  )
}

/**
 * How soon after it was made the reference platform runs a flow ad hoc, in the words that its clients look for.
 * @throws AppError 'flow.invalid'
 */
export async function checkAdHocAge(asking: Asking, caller: Caller, flowId: FlowId): Promise<void> {
  if (!(await isStrict(asking.metadata.db, caller))) return
  const flow = await selectEntity(asking.metadata.db, caller.sandbox.id, 'flows', flowId)
  if (!flow || asking.clock.now().getTime() >= flow.created_at.getTime() + adHocAfterMs) return
  throw new AppError(
    'flow.invalid',
    `Following order ID(s) are not ready for dataset export, please wait for 10 minutes and retry. Order ID(s): ${flowId}`,
    { hint: strictHint },
  )
}

/**
 * How many rows of anything but events the reference platform delivers: beyond that its export fails, and that of an
 * organisation that keeps to its limits.
 * @throws AppError 'flow.invalid'
 */
export async function checkRowCount(
  { metadata, access, datasets, context, plan }: RunScope,
  rowCount: number,
): Promise<void> {
  const caller = await access.actAs(context.run.principalId, context.run.sandboxId)
  if (!(await isStrict(metadata.db, caller))) return
  const { behavior } = await datasets.get(caller, parseId('dataset', plan.datasetId))
  const max = rowsMaxOf(plan.format)
  if (behavior === 'time-series' || rowCount <= max) return
  throw new AppError(
    'flow.invalid',
    `The delivery would hold ${rowCount} rows of a dataset that is not of events; ${max} are the most.`,
    { hint: strictHint },
  )
}

function rowsMaxOf({ kind, compression }: FileFormat): number {
  return kind === 'parquet' && compression === 'none' ? plainParquetRowsMax : rowsMax
}
