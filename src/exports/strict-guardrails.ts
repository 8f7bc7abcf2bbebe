import { AppError } from '#base/errors.ts'
import { parseId } from '#base/ids.ts'
import type { FileFormat } from '#formats/file-format.ts'
import { selectExportSettings } from '#metadata/exports.ts'
import type { RunScope } from './run-scope.ts'
import { strictHint } from './strict-hint.ts'

const rowsMax = 10_000_000_000
const plainParquetRowsMax = 1_000_000

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
  const { isStrict } = await selectExportSettings(metadata.db, caller.principal.organizationId)
  if (!isStrict) return
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
