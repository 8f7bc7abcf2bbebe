import type { Clock } from '../../src/base/clock.ts'

/** Time that moves only when told; who sleeps wakes when it has come. */
export class ManualClock implements Clock {
  #nowMs: number
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>()

  constructor(start: string) {
    this.#nowMs = Date.parse(start)
  }

  now(): Date {
    return new Date(this.#nowMs)
  }

  async sleep(spanMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const sleeper = { atMs: this.#nowMs + spanMs, wake: resolve }
    const onAbort = () => reject(signal?.reason)
    this.#sleepers.add(sleeper)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      this.#sleepers.delete(sleeper)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  /** Who sleeps now: a loop that works between two sleeps would miss a move of time. */
  get sleeperCount(): number {
    return this.#sleepers.size
  }

  advance(spanMs: number): void {
    this.#nowMs += spanMs
    for (const sleeper of this.#sleepers) if (sleeper.atMs <= this.#nowMs) sleeper.wake()
  }
}
