import { AppError } from '#base/errors.ts'

const hourMs = 3_600_000
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

/** A range of time as windows, which meet and do not overlap; the last may be shorter. @throws AppError 'request.invalid' */
export function cutWindows({ from, before, windowHours }: WindowRange): RecordWindow[] {
  const stepMs = windowHours * hourMs
  const count = Math.ceil((before.getTime() - from.getTime()) / stepMs)
  if (!(count >= 1)) throw new AppError('request.invalid', 'The range to deliver ends before it begins.')
  if (count > windowsMax)
    throw new AppError(
      'request.invalid',
      `The range has ${count} windows; ${windowsMax} can be asked for at once.`,
      {
        hint: 'Make the windows larger, or ask for a part of the range.',
      },
    )
  return Array.from({ length: count }, (_, index) => ({
    from: new Date(from.getTime() + index * stepMs).toISOString(),
    before: new Date(Math.min(from.getTime() + (index + 1) * stepMs, before.getTime())).toISOString(),
  }))
}
