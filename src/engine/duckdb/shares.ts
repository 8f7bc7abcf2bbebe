import { assert } from '#base/assert.ts'
import type { Share } from './protocol.ts'

/** Fraction of everything that is kept back evenly, so that the last statement to come still gets something. */
const evenFraction = 0.25

/**
 * Divides a pool's memory and spill space among the statements that run: each gets its even part and half of what
 * nobody has yet, so that a statement alone has much and all together never have more than there is.
 */
export class Shares {
  readonly #total: Share
  readonly #places: number
  #taken = 0
  #freeFraction = 1 - evenFraction

  /** @param places how many statements can run at a time, at least 1 */
  constructor(total: Share, places: number) {
    this.#total = total
    this.#places = places
  }

  get isExhausted(): boolean {
    return this.#taken === this.#places
  }

  /** Taken until disposed. */
  take(): Share & Disposable {
    assert(!this.isExhausted, 'a share is free')
    const isLast = this.#taken === this.#places - 1
    const extra = isLast ? this.#freeFraction : this.#freeFraction / 2
    this.#taken += 1
    this.#freeFraction -= extra
    const fraction = evenFraction / this.#places + extra
    let isTaken = true
    return {
      memoryBytes: Math.floor(this.#total.memoryBytes * fraction),
      spillBytes: Math.floor(this.#total.spillBytes * fraction),
      [Symbol.dispose]: () => {
        if (!isTaken) return
        isTaken = false
        this.#taken -= 1
        this.#freeFraction += extra
      },
    }
  }
}
