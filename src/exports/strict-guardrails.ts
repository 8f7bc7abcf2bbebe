import { AppError } from '#base/errors.ts'
import type { Dataset } from '#datasets/datasets.ts'
import type { FileFormat } from '#formats/file-format.ts'

const rowsMax = 10_000_000_000
const plainParquetRowsMax = 1_000_000

/**
 * How many rows of anything but events the reference platform delivers: beyond that its export fails.
 * @throws AppError 'flow.invalid'
 */
export function checkRowCount(
  { behavior }: Pick<Dataset, 'behavior'>,
  { kind, compression }: FileFormat,
  rowCount: number,
): void {
  if (behavior === 'time-series') return
  const max = kind === 'parquet' && compression === 'none' ? plainParquetRowsMax : rowsMax
  if (rowCount <= max) return
  throw new AppError(
    'flow.invalid',
    `The delivery would hold ${rowCount} rows of a dataset that is not of events; ${max} are the most.`,
    {
      hint: 'Your organisation keeps to the limits of the reference platform; its setting isStrict lifts them.',
    },
  )
}
