import { setTimeout as delay } from 'node:timers/promises'

/** Time is passed in, so that schedules and leases can be tested without waiting. */
export interface Clock {
  now(): Date
  /** Resolves after the span; rejects with the signal's reason when aborted. */
  sleep(spanMs: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => new Date(),
  sleep: async (spanMs, signal) => {
    await delay(spanMs, undefined, signal ? { signal } : {})
  },
}
