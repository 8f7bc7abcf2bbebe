import { stopReason } from './stop-reason.ts'

/** So many at a time; others wait in their order, as long as their signals let them. */
export class Turns {
  readonly #max: number
  #taken = 0
  readonly #waiting: (() => void)[] = []

  constructor(max: number) {
    this.#max = max
  }

  /** @throws the signal's reason */
  async take(signal: AbortSignal): Promise<Disposable> {
    if (signal.aborted) throw stopReason(signal)
    if (this.#taken < this.#max) this.#taken += 1
    else await this.#wait(signal)
    let isTaken = true
    return {
      [Symbol.dispose]: () => {
        if (!isTaken) return
        isTaken = false
        const next = this.#waiting.shift()
        // Whoever leaves hands the turn on.
        if (next) next()
        else this.#taken -= 1
      },
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1)
        reject(stopReason(signal))
      }
      this.#waiting.push(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }
}
