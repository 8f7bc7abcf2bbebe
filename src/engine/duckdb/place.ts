import type { EngineStatement } from '../engine.ts'
import { stopReason } from '../stop-reason.ts'
import type { EngineChild } from './child-process.ts'
import type { Frame } from './frames.ts'
import { type Request, type Share, watchedMsMax, type WireStatement } from './protocol.ts'

/** A child that does not end a statement within this time after an interrupt is killed. */
const graceMs = watchedMsMax + 1_000

/** A statement's place in a child, with what it may use there. */
export class Place {
  readonly #child: EngineChild
  readonly #share: Share
  readonly #onLeft: () => void
  readonly #number: number
  #asked: Promise<unknown> = Promise.resolve()
  #leaving: Promise<void> | undefined

  constructor(child: EngineChild, share: Share, onLeft: () => void) {
    this.#child = child
    this.#share = share
    this.#onLeft = onLeft
    this.#number = child.newNumber()
  }

  wireStatement({ sql, files, lookups }: EngineStatement): WireStatement {
    const { memoryBytes, spillBytes } = this.#share
    return { sql, files, share: { memoryBytes, spillBytes }, ...(lookups ? { lookups } : {}) }
  }

  /**
   * Asks and waits for the answer, even after an abort, which ends the work soon.
   * @throws AppError what the child says; the signal's reason after an abort
   */
  async ask(
    request: Request,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: (rowCount: number) => void },
  ): Promise<Frame> {
    if (signal.aborted) throw stopReason(signal)
    const asked = this.#child.ask(this.#number, request, onProgress)
    this.#asked = asked.catch(() => {}) // The caller meets the failure below.
    const stop = (): void => this.#stop(this.#asked)
    signal.addEventListener('abort', stop, { once: true })
    try {
      return await asked
    } catch (error) {
      throw signal.aborted ? stopReason(signal) : error
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** Ends the statement, whatever it does, and gives the place up. Resolves when nothing of it runs any more. */
  async leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    await this.#leaving
  }

  /** The child has given the last row, or what there was to say, and lets go of the statement before it takes another. */
  ended(): void {
    if (this.#leaving) return
    this.#leaving = Promise.resolve()
    this.#onLeft()
  }

  async #leave(): Promise<void> {
    const closed = this.#child.ask(this.#number, { op: 'close' }).catch(() => {}) // Gone is as good as closed.
    this.#killUnless(closed)
    await closed
    this.#onLeft()
  }

  #stop(asked: Promise<unknown>): void {
    this.#child.interrupt(this.#number)
    this.#killUnless(asked)
  }

  #killUnless(ended: Promise<unknown>): void {
    const timer = setTimeout(() => void this.#child.kill(), graceMs)
    void ended.then(() => clearTimeout(timer))
  }
}
