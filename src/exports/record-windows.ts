import { AppError } from '#base/errors.ts'

const hourMs = 3_600_000
/** Of all datasets together. */
const windowsMax = 1_000

/** Times of rows in [from, before). */
export interface RecordWindow {
  readonly from: string
  readonly before: string
}

export interface WindowRange {
  readonly from: Date
  /** The first time that does not belong to it. */
  readonly before: Date
  readonly windowHours: number
}

/**
 * A range of time as windows, which meet and do not overlap; the last may be shorter. `max` bounds those of all datasets
 * together.
 * @throws AppError 'request.invalid'
 */
export function cutWindows(
  { from, before, windowHours }: WindowRange,
  { datasetCount = 1, max = windowsMax }: { readonly datasetCount?: number; readonly max?: number } = {},
): RecordWindow[] {
  const stepMs = windowHours * hourMs
  const count = Math.ceil((before.getTime() - from.getTime()) / stepMs)
  if (!(count >= 1)) throw new AppError('request.invalid', 'The range to deliver ends before it begins.')
  const total = count * datasetCount
  if (total > max)
    throw new AppError(
      'request.invalid',
      `The range has ${total} windows${datasetCount > 1 ? ` of ${datasetCount} datasets` : ''}; ${max} can be asked for at once.`,
      { hint: 'Make the windows larger, or ask for a part of the range or for fewer datasets.' },
    )
  return Array.from({ length: count }, (_, index) => ({
    from: new Date(from.getTime() + index * stepMs).toISOString(),
    before: new Date(Math.min(from.getTime() + (index + 1) * stepMs, before.getTime())).toISOString(),
  }))
}
