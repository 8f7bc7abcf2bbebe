export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
  /** Fraction of the span that is random, 0 to 1, so that retries of many do not meet. */
  readonly jitter: number
}

/** The wait before try number `attempt` (1 is the first retry), doubling up to the maximum. */
export function backoffMs(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  const span = Math.min(backoff.maxMs, backoff.firstMs * 2 ** (attempt - 1))
  return Math.round(span * (1 - backoff.jitter * random()))
}
