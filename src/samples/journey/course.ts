import { dayMs, hourMs, minuteMs, type Span, spanOf } from '../calendar.ts'
import type { SampleScale } from '../sample.ts'

/** When what happens to everybody. */
export interface Course {
  readonly seed: number
  readonly span: Span
  readonly runs: readonly NewsletterRun[]
  readonly promotionAt: number
  readonly pausedAt: number
  readonly outage: Span
}

export interface NewsletterRun {
  readonly index: number
  readonly at: number
  readonly batchInstanceId: string
  readonly jobId: string
}

const weekMs = 7 * dayMs

/** Two days before the first newsletter, so that what is late lies in the span. */
const firstRunMs = dayMs + 10 * hourMs

export function courseOf(scale: SampleScale): Course {
  const span = spanOf(scale)
  const count = Math.ceil((span.to - span.from - firstRunMs) / weekMs)
  const runs = Array.from({ length: count }, (_, index) => ({
    index,
    at: span.from + firstRunMs + index * weekMs,
    batchInstanceId: `batch-${index + 1}`,
    jobId: `export-job-${index + 1}`,
  }))
  const middle = span.from + firstRunMs + Math.floor(count / 2) * weekMs
  return {
    seed: scale.seed,
    span,
    runs,
    promotionAt: span.from + Math.floor(scale.days * 0.6) * dayMs + 9 * hourMs,
    pausedAt: span.from + Math.floor(scale.days * 0.5) * dayMs,
    outage: { from: middle + 10 * minuteMs, to: middle + 70 * minuteMs },
  }
}
