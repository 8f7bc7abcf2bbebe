import { AppError } from '#base/errors.ts'

interface Waiter {
  readonly enter: () => void
}

/** Lets so many in at a time for each key; others wait in their order, and those beyond the queue are turned away. */
export class Gate {
  readonly #insideMax: number
  readonly #waitingMax: number
  readonly #keys = new Map<string, { inside: number; readonly waiting: Waiter[] }>()

  constructor({ insideMax, waitingMax }: { readonly insideMax: number; readonly waitingMax: number }) {
    this.#insideMax = insideMax
    this.#waitingMax = waitingMax
  }

  /** @throws AppError 'limit.exceeded', or the signal's reason */
  async enter(key: string, signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted()
    const place = this.#keys.get(key) ?? { inside: 0, waiting: [] }
    this.#keys.set(key, place)
    if (place.inside >= this.#insideMax) {
      if (place.waiting.length >= this.#waitingMax) {
        throw new AppError(
          'limit.exceeded',
          `${this.#insideMax} of your statements run and ${this.#waitingMax} wait already.`,
          { hint: 'Wait for some to end, or raise limits.statementsMax.' },
        )
      }
      // Whoever leaves hands the place on: `inside` stays as it is.
      await new Promise<void>((resolve, reject) => {
        const waiter: Waiter = {
          enter: () => {
            signal.removeEventListener('abort', leave)
            resolve()
          },
        }
        const leave = (): void => {
          place.waiting.splice(place.waiting.indexOf(waiter), 1)
          reject(signal.reason as Error)
        }
        place.waiting.push(waiter)
        signal.addEventListener('abort', leave, { once: true })
      })
    } else place.inside += 1
    let isOut = false
    return {
      [Symbol.dispose]: () => {
        if (isOut) return
        isOut = true
        const next = place.waiting.shift()
        if (next) return next.enter()
        place.inside -= 1
        if (place.inside === 0) this.#keys.delete(key)
      },
    }
  }
}
