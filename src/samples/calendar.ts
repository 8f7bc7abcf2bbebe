import type { SampleScale } from './sample.ts'

export const minuteMs = 60_000
export const hourMs = 3_600_000
export const dayMs = 86_400_000

/** The span of a sample's events, in ms since 1970. */
export interface Span {
  readonly from: number
  /** Not included. */
  readonly to: number
}

export function spanOf({ days, lastDay }: Pick<SampleScale, 'days' | 'lastDay'>): Span {
  const to = Date.parse(`${lastDay}T00:00:00Z`) + dayMs
  return { from: to - days * dayMs, to }
}

/** As rows have times: `2026-03-01T10:00:00.000Z`. */
export function isoOf(at: number): string {
  return new Date(at).toISOString()
}

/** `2026-03-01 10:00:00` */
export function secondOf(at: number): string {
  return isoOf(at).slice(0, 19).replace('T', ' ')
}

/** `2026-03-01` */
export function dayOf(at: number): string {
  return isoOf(at).slice(0, 10)
}

/** A time as SQL. */
export function literalOf(at: number): string {
  return `timestamp '${secondOf(at)}'`
}
