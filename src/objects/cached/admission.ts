import { bytesOf, heldBytes, isHeld, type Entry } from './entry.ts'

interface Waiting<T> {
  readonly wanted: ReadonlyMap<string, T>
  readonly admit: () => void
}

/**
 * Who may hold what. A lease is let in with all that it wants at once or not at all, in the order of asking: whoever is
 * in has room for everything, so somebody always gets done.
 */
export class Admission<T extends { readonly bytes: number }> {
  readonly #entries: ReadonlyMap<string, Entry>
  readonly #bytesMax: number
  readonly #waiting: Waiting<T>[] = []

  /** @param entries those there are, by key */
  constructor(entries: ReadonlyMap<string, Entry>, bytesMax: number) {
    this.#entries = entries
    this.#bytesMax = bytesMax
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  /** @param take is called, with nothing between, when there is room: afterwards what is wanted is held. */
  async enter(wanted: ReadonlyMap<string, T>, take: () => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        reject(signal.reason as Error)
        this.letIn() // Whoever stood behind may want less.
      }
      const waiting: Waiting<T> = {
        wanted,
        admit: () => {
          signal.removeEventListener('abort', leave)
          take()
          resolve()
        },
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiting)
      this.letIn()
    })
  }

  /** To be called whenever something is not held any more. */
  letIn(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      const more = Array.from(first.wanted).filter(([key]) => {
        const entry = this.#entries.get(key)
        return !entry || !isHeld(entry)
      })
      const bytes = heldBytes(this.#entries.values()) + bytesOf(more.map(([, object]) => object))
      if (bytes > this.#bytesMax) return
      this.#waiting.shift()
      first.admit()
    }
  }
}
